#pragma once

#include "rate/history.hpp"

namespace usersyncd::rate {

/// Additive increase, multiplicative decrease, paced: the floor under the learner, in force while no rule has
/// proved better. A pure function of time and events.
class Aimd {
 public:
  /// Of a provider of whom nothing is known but that it took `rate` requests per second; 0: not even that.
  /// The rate grows by one with each that is accepted, until the first refusal.
  void start(Seconds now, double rate);
  /// Goes on at `rate` requests per second, as if just refused at `now`.
  void resume(double rate, Seconds now);
  Seconds ready_at(Seconds now) const;
  void sent(Seconds now);
  /// `fastest`: what can be under way at once, per second.
  /// Returns how many refusals its patience has spared while the provider was shut.
  double accepted(Seconds now, double fastest);
  void refused(Seconds sent_at, Seconds now);
  double rate() const { return rate_; }

 private:
  double rate_ = 4;
  bool ramp_ = true;  ///< not refused yet
  Seconds next_ = -never;
  Seconds last_answer_ = -never;
  Seconds last_refusal_ = -never;
  int refusals_ = 0;  ///< in a row
  Seconds shut_since_ = 0;
  double rate_when_shut_ = 0;
};

}  // namespace usersyncd::rate
