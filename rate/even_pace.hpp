#pragma once

#include "rate/throughput.hpp"
#include "rate/trust.hpp"

namespace usersyncd::rate {

/// An even pace at the limit that was measured. It begins with one request under way, then two and so on,
/// until the first refusal; from then on it keeps a step below the limit, comes back to it after a while to
/// see whether it is still there, and goes on faster and faster where it is not. A pure function of time and
/// events.
class EvenPace {
 public:
  /// Of a provider that is known to have taken `ramp` requests per second (0: nothing is known), and to have
  /// had the limit `limit` (0: unknown) behind a burst that may be there again.
  void start(Seconds now, double ramp, double limit);
  /// Goes on at `rate` requests per second, as if just refused at `now`.
  void resume(double rate, Seconds now);

  /// Not before an answer has come: while nothing is known, and while the provider is shut.
  bool one_at_a_time() const { return rate_ == 0 || fails_ > 0; }
  Seconds ready_at(Seconds now) const;
  void sent(Seconds now);
  /// `places`: how many may be under way at once.
  void accepted(Seconds sent_at, Seconds now, Seconds round_trip, int places);
  void refused(Seconds sent_at, Seconds now);

  double rate() const { return rate_; }
  /// What was measured last; 0: nothing yet.
  double limit() const { return measured_ ? limit_ : 0; }
  double burst() const { return throughput_.burst(); }
  bool limited() const { return limited_; }
  std::size_t memory() const { return throughput_.memory(); }

 private:
  void opened(Seconds now, Seconds round_trip, int places);
  void begin_again(Seconds now, Seconds round_trip);
  void climb(Seconds now);
  void exhausted(Seconds now);
  double estimate(Seconds now);
  void shut(Seconds now);

  Throughput throughput_;
  Trust trust_;
  double rate_ = 0;  ///< 0: one after the other
  double limit_ = 0;
  double known_ = 0;       ///< limit from before
  bool limited_ = false;   ///< refused at least once
  bool measured_ = false;  ///< from one exhaustion to another
  bool ramp_ = true;       ///< not refused since it began or opened
  double in_ramp_ = 0;     ///< accepted
  double progress_ = 0;    ///< since the last refusal; at 1 the next is expected
  Seconds next_ = -never;  ///< request
  Seconds last_answer_ = -never;
  bool pressed_ = true;     ///< the pace holds us back, and not a lack of work
  Seconds begin_ = -never;  ///< what left before is none of its business
  Seconds cut_ = -never;    ///< when the last refusal was heard of
  int fails_ = 0;           ///< refusals in a row
  Seconds shut_since_ = 0;
  double before_shut_ = 0;       ///< accepted since the last exhaustion
  double depth_ = 0;             ///< requests that the limit let through in the time that it was shut
  Throughput::Measure average_;  ///< when it was exhausted, where that told no limit
};

}  // namespace usersyncd::rate
