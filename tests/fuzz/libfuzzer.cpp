#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.hpp"

// One program per target: FEED is the target's function.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  usersyncd::fuzz::FEED({reinterpret_cast<const char*>(data), size});
  return 0;
}
