#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace usersyncd::simulate {

/// Numbers that look random and depend on the seed alone (splitmix64), on every machine alike.
class Dice {
 public:
  /// Two dice of one seed with different names know nothing of each other, so that drawing from one never
  /// changes what the other gives.
  Dice(std::uint64_t seed, std::string_view name) : state_(seed) {
    for (const char letter : name) {
      state_ ^= static_cast<unsigned char>(letter);
      next();
    }
  }

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }

  /// 0 … bound - 1.
  std::size_t below(std::size_t bound) { return next() % bound; }
  /// first … last.
  std::int64_t between(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(last - first + 1));
  }
  bool chance(std::size_t percent) { return below(100) < percent; }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

  template <class Item>
  const Item& pick(const std::vector<Item>& items) {
    return items[below(items.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace usersyncd::simulate
