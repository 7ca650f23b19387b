#pragma once

#include <vector>

#include "sync/user.hpp"

namespace usersyncd {

/// What the provider behind an account can do, as far as the profile knows.
struct Capabilities {
  bool create = true, update = true, disable = true, remove = true;
  bool roles = true, accounts = true, scopes = true;
  bool list_is_full = false;     ///< list entries carry every field that items carry
  std::vector<Field> immutable;  ///< cannot be changed once created
};

}  // namespace usersyncd
