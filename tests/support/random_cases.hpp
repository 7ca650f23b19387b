#pragma once

#include <cstdint>
#include <cstdlib>

namespace usersyncd::test {

/// How many of so many random cases are to be run: all of them, unless USERSYNCD_TEST_PERCENT asks for a
/// smaller share, as scripts/mutate does, which runs the tests a thousand times over.
inline std::uint32_t random_cases(std::uint32_t all) {
  const char* percent = std::getenv("USERSYNCD_TEST_PERCENT");
  if (!percent) return all;
  const auto share = all * static_cast<std::uint32_t>(std::strtoul(percent, nullptr, 10)) / 100;
  return share > 0 ? share : 1;
}

}  // namespace usersyncd::test
