#pragma once

#include <vector>

#include "sync/plan.hpp"
#include "sync/user.hpp"

namespace usersyncd {

/// What the provider behind an account can do, as far as the profile knows.
struct Capabilities {
  bool create = true, update = true, disable = true, remove = true;
  bool roles = true, accounts = true, scopes = true;
  /// A create of a username that is taken is refused: one that is sent twice makes nobody twice.
  bool unique_usernames = false;
  bool list_is_full = false;     ///< list entries carry every field that items carry
  std::vector<Field> immutable;  ///< cannot be changed once created
  bool tells_enabled = true;     ///< a user who is read shows whether they are enabled
  std::vector<Operation> by_id;  ///< calls that name the user by the provider's own key
  bool reads_by_name = true;     ///< a user of whom only the username is known can be read
  std::vector<Field> lacking;    ///< fields that no user of the provider has
};

}  // namespace usersyncd
