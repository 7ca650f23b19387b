#pragma once

#include <array>
#include <cstddef>

#include "rate/history.hpp"
#include "rate/model.hpp"

namespace usersyncd::rate {

/// How long requests are under way: from when they leave and when they are answered to when they reached the
/// provider.
class Pathway {
 public:
  void answered(Seconds round_trip);
  /// One way, typically.
  Seconds way() const { return way_; }
  /// By how much one way differs from another.
  Seconds jitter() const { return jitter_; }
  Seconds round_trip() const { return 2 * way_; }
  /// The likeliest arrival of a request that left and was answered at these times.
  Seconds arrival(Seconds sent, Seconds answered) const;

  void save(Model& model) const;
  void restore(const Model& model);

 private:
  std::array<float, 32> trips_{};
  std::size_t count_ = 0;
  Seconds shortest_ = 1e9;
  Seconds way_ = 0.025, jitter_ = 0.008;
};

}  // namespace usersyncd::rate
