#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sync/judged.hpp"

namespace usersyncd {

/// Strings as strings, flags as booleans, sets as sorted arrays.
boost::json::value to_json(const Value& value);
boost::json::value to_json(const Fields& fields);  ///< only the fields that are present
boost::json::value to_json(const std::vector<Change>& changes);
boost::json::value to_json(const User& user);

/// The inverse; empty for anything that to_json does not write.
std::optional<Value> value_from_json(Field field, const boost::json::value& json);
std::optional<Fields> fields_from_json(const boost::json::value& json);
std::optional<User> user_from_json(const boost::json::value& json);

/// The plan of one or more accounts as the contract's document, section 5. `id` is a digest of everything in
/// it but itself, `createdAt`, `observedAt` and the notes, so the same inputs give the same id.
boost::json::object plan_document(const std::vector<const JudgedPlan*>& plans, Time created_at);

/// The `id` that belongs to what a plan document says, whatever id it bears. Understands any document.
std::string id_of_plan(const boost::json::object& whole);

/// The document as text: two-space indentation and a final newline, so that plans can be compared line by
/// line.
std::string pretty(const boost::json::value& json);

}  // namespace usersyncd
