#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "simulate/splitmix64.hpp"

namespace usersyncd::simulate {

/// Numbers that depend on the seed and the name alone.
class Dice : public SplitMix64 {
 public:
  /// Two dice of one seed with different names know nothing of each other, so that drawing from one never
  /// changes what the other gives.
  Dice(std::uint64_t seed, std::string_view name) : SplitMix64(seed) {
    for (const char letter : name) {
      state_ ^= static_cast<unsigned char>(letter);
      next();
    }
  }

  /// 0 … bound - 1.
  std::size_t below(std::size_t bound) { return next() % bound; }
  /// first … last.
  std::int64_t between(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(last - first + 1));
  }
  bool chance(std::size_t percent) { return below(100) < percent; }

  template <class Item>
  const Item& pick(const std::vector<Item>& items) {
    return items[below(items.size())];
  }
};

}  // namespace usersyncd::simulate
