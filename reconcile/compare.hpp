#pragma once

#include <string>
#include <vector>

#include "sync/plan.hpp"

namespace usersyncd {

/// What a fresh reading of a user says about an action on them.
enum class Evidence {
  as_wanted,   ///< every field that the action changes has the wanted value: nothing is left to do
  as_planned,  ///< what the plan saw is still there: the action may be sent
  changed,     ///< somebody changed the user since the plan was made: plan anew (A42)
  incomplete,  ///< the reading lacks what access hangs on and the plan saw: sent back, it would be taken away
};

/// Compares before a write. An update looks at its own fields, and that none on which access hangs has gone
/// missing; disabling and deleting take a person's access away, so everything that the plan saw of the user
/// has to be there still.
Evidence compare_before(const Action& action, const User& found);

/// The fields that read back differently from what the action wanted, or not at all. Empty: verified.
std::vector<Field> unverified_fields(const Action& action, const User& found);

/// Whether `found` is the person that a create was to make: the same username and, where both are known, the
/// same e-mail address.
bool is_same_person(const Action& create, const User& found);

}  // namespace usersyncd
