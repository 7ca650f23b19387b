#pragma once

#include <deque>

#include "sync/time.hpp"

namespace usersyncd {

/// Spaces requests once a provider has refused one: additive increase, multiplicative decrease. Before the
/// first refusal it does not hold anything back. A pure function of monotonic time and events; it never waits
/// itself.
class Pacer {
 public:
  /// How long the next request has to wait at `now`; zero: it may go.
  Duration delay(Duration now) const;

  /// A request leaves at `now`.
  void sent(Duration now);

  /// The provider answered anything but "too fast".
  void accepted(Duration now);

  /// The provider said "too fast" to a request that left at `sent_at`. Answers to requests that had left
  /// before the last refusal tell nothing new.
  void refused(Duration sent_at, Duration now);

  /// Requests per second that are let through; zero: unlimited so far.
  double rate() const { return rate_; }

 private:
  double observed_rate(Duration now) const;
  Duration interval() const;

  double rate_ = 0;
  Duration next_{0};         ///< no request leaves before
  Duration last_answer_{0};  ///< since when the rate has not been raised
  Duration last_refusal_{0};
  std::deque<Duration> accepted_;  ///< when; the last few, for the first estimate
};

}  // namespace usersyncd
