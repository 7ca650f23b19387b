#pragma once

#include "rate/history.hpp"

namespace usersyncd::rate {

/// Additive increase, multiplicative decrease, paced: what everybody else does, and what nobody may be worse
/// than. It begins where something else has left off. A pure function of time and events.
class Aimd {
 public:
  /// Goes on at `rate` requests per second, as if just refused at `now`.
  void resume(double rate, Seconds now);
  Seconds ready_at(Seconds now) const;
  void sent(Seconds now);
  /// `fastest`: what can be under way at once, per second.
  void accepted(Seconds now, double fastest);
  void refused(Seconds sent_at, Seconds now);
  double rate() const { return rate_; }

  /// How many it has accepted from one refusal to the next by a provider that takes `rate` per second.
  static double run(double rate);
  /// By what share of `rate` it climbs with each acceptance, when it is used all the time.
  static double growth(double rate);

 private:
  double rate_ = 1;
  Seconds next_ = -never;
  Seconds last_answer_ = 0;
  Seconds last_refusal_ = -never;
};

}  // namespace usersyncd::rate
