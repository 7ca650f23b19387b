#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/database.hpp"
#include "store/merkle.hpp"

// The single rows at both ends of the audit chain, for the parts of the audit log.

namespace usersyncd {

/// The newest record. The head has a row of its own: after the last records were cut off, the next one still
/// continues from it, so that the gap shows.
struct AuditHead {
  std::int64_t seq = 0;
  std::string hash = std::string(64, '0');
  MerkleFrontier tree;
};

/// What the first record that is still there continues.
struct AuditBase {
  std::string origin;
  AuditHead end;  ///< of what was put away
};

/// Both throw StoreError when the row is missing or cannot be what the store wrote.
AuditHead read_audit_head(Database& database);
AuditBase read_audit_base(Database& database);
void write_audit_head(Database& database, const AuditHead& head);

/// A record with its hash as its last member, as it is exported.
std::string audit_line(std::string text, std::string_view hash);

/// Whether the text of a record says that it follows the record with this hash.
bool says_prev(std::string_view text, std::string_view hash);

}  // namespace usersyncd
