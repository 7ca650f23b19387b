#pragma once

#include <cmath>
#include <cstdint>

#include "simulate/splitmix64.hpp"

namespace usersyncd::bench {

/// Numbers that depend on the seed alone.
class Dice : public simulate::SplitMix64 {
 public:
  explicit Dice(std::uint64_t seed) : SplitMix64(seed * 0x9e3779b97f4a7c15U + 0x632be59bd9b4e019U) { next(); }

  double between(double low, double high) { return low + (high - low) * uniform(); }
  double exponential(double mean) { return -mean * std::log(1 - uniform()); }
};

}  // namespace usersyncd::bench
