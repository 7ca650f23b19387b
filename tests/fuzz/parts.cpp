#include "tests/fuzz/parts.hpp"

#include <cstdlib>
#include <utility>

namespace usersyncd::fuzz {

void require(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const Profile> profile_of(char choice) {
  const auto load = [](const char* name) {
    Problems problems;
    Profile profile = load_profile(name, problems).value();
    profile.paging.max_pages = most_pages;
    return std::make_shared<const Profile>(std::move(profile));
  };
  static const auto v1 = load("bandwidth-v1");
  static const auto dashboard = load("bandwidth-dashboard");
  return (static_cast<unsigned char>(choice) & 1U) != 0 ? dashboard : v1;
}

}  // namespace usersyncd::fuzz
