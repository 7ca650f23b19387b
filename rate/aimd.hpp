#pragma once

#include <optional>

#include "rate/history.hpp"

namespace usersyncd::rate {

/// Additive increase, multiplicative decrease, paced: the floor under the learner, and what it falls back to
/// where the provider fits no rule. A pure function of time and events.
class Aimd {
 public:
  /// Starts at `rate` requests per second, as if just refused at `now`.
  void start(double rate, Seconds now);
  Seconds ready_at(Seconds now) const;
  void sent(Seconds now);
  void accepted(Seconds now);
  void refused(Seconds sent_at, Seconds now);
  double rate() const { return rate_; }

 private:
  double rate_ = 4;
  Seconds next_ = 0;
  Seconds last_answer_ = 0;
  Seconds last_refusal_ = 0;
};

}  // namespace usersyncd::rate
