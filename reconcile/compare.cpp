#include "reconcile/compare.hpp"

#include <algorithm>
#include <array>

namespace usersyncd {
namespace {

bool holds(const User& user, Field field, const std::optional<Value>& expected) {
  const auto& found = user.fields.get(field);
  return found && expected && same_value(field, *found, *expected);
}

// Not known before, or not carried now, is no evidence of a change.
bool contradicts(const User& user, Field field, const std::optional<Value>& expected) {
  const auto& found = user.fields.get(field);
  return found && expected && !same_value(field, *found, *expected);
}

// An update sends back the whole user as just read. What a person's access hangs on and the plan saw must not
// be missing from it: the provider may take what is left out for what is to be taken away.
bool lost_access_fields(const Action& action, const User& found) {
  constexpr std::array of_access{Field::scope, Field::enabled, Field::roles, Field::accounts};
  return std::any_of(of_access.begin(), of_access.end(), [&](Field field) {
    return action.before.fields.has(field) && !found.fields.has(field);
  });
}

bool is_somebody_else(const Action& action, const User& found) {
  if (key_of(action.username) != key_of(found.username)) return true;
  return !action.user_id.empty() && !found.user_id.empty() && action.user_id != found.user_id;
}

}  // namespace

Evidence compare_before(const Action& action, const User& found) {
  if (is_somebody_else(action, found)) return Evidence::changed;
  if (lost_access_fields(action, found)) return Evidence::incomplete;
  const bool takes_access = action.operation == Operation::disable || action.operation == Operation::remove;
  if (takes_access) {
    for (Field field : all_fields) {
      const bool own = std::any_of(action.changes.begin(), action.changes.end(),
                                   [&](const Change& change) { return change.field == field; });
      if (!own && contradicts(found, field, action.before.fields.get(field))) return Evidence::changed;
    }
  }
  if (!action.changes.empty() && unverified_fields(action, found).empty()) return Evidence::as_wanted;
  for (const auto& change : action.changes) {
    if (contradicts(found, change.field, change.from) && !holds(found, change.field, change.to)) {
      return Evidence::changed;
    }
  }
  return Evidence::as_planned;
}

std::vector<Field> unverified_fields(const Action& action, const User& found) {
  std::vector<Field> fields;
  for (const auto& change : action.changes) {
    if (!holds(found, change.field, change.to)) fields.push_back(change.field);
  }
  return fields;
}

bool is_same_person(const Action& create, const User& found) {
  if (key_of(create.username) != key_of(found.username)) return false;
  return !contradicts(found, Field::email, create.after.fields.get(Field::email));
}

}  // namespace usersyncd
