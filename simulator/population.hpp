#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "simulator/world.hpp"

namespace usersyncd::sim {

struct PopulationOptions {
  std::size_t users = 0;  ///< besides the credential's own user
  std::uint64_t seed = 1;
  std::vector<std::string> accounts{"5500001"};  ///< the first is everybody's
  std::string own_username = "sim-api-user";
};

/// A believable world: varied usernames, names beyond ASCII, some without a phone, some disabled, a few
/// admins. The same options give the same world. The credential's own user is always in it.
World generate_world(const PopulationOptions& options);

}  // namespace usersyncd::sim
