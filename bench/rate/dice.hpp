#pragma once

#include <cmath>
#include <cstdint>

namespace usersyncd::bench {

/// Numbers that look random and depend on the seed alone (splitmix64), on every machine alike.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 0x632be59bd9b4e019U) { next(); }

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }

  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
  double between(double low, double high) { return low + (high - low) * uniform(); }
  double exponential(double mean) { return -mean * std::log(1 - uniform()); }

 private:
  std::uint64_t state_;
};

}  // namespace usersyncd::bench
