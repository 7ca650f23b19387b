#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "daemon/command_line.hpp"
#include "store/store.hpp"

// What the commands about the audit log have in common.

namespace usersyncd {

/// The store of the config, for reading. A problem has been printed, and `exit` is what it deserves; null:
/// the store cannot be found for it.
std::unique_ptr<Store> open_audit_store(const CommandLine& line, Exit& exit);

/// A member of a record as text, empty for null and for what is not there.
std::string audit_member(const boost::json::value& record, const char* pointer);

/// What was asked for; an empty account is every one.
AuditFilter audit_filter(const CommandLine& line, const std::string& account);

/// A cell of a CSV file; one that a spreadsheet would run as a formula is made text.
std::string csv_cell(std::string value);

}  // namespace usersyncd
