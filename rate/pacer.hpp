#pragma once

#include "rate/aimd.hpp"
#include "rate/even_pace.hpp"

namespace usersyncd::rate {

/// The floor under the learner, in force while no rule has proved better: an even pace; but AIMD for a while
/// where a slow provider refuses when nobody expects it, because somebody else takes of what it lets through,
/// or because it lets through in one go. Who asks more often gets more of it then; where that did not pay, it
/// is tried less and less often.
class Pacer {
 public:
  /// Of a provider that is known to have taken `ramp` requests per second (0: nothing is known), and to have
  /// had the limit `limit` (0: unknown) behind a burst that may be there again.
  void start(Seconds now, double ramp, double limit = 0);
  /// Goes on at `rate` requests per second, as if just refused at `now`.
  void resume(double rate, Seconds now);

  /// Not before an answer to those under way has come.
  bool one_at_a_time() const { return !rough_ && pace_.one_at_a_time(); }
  Seconds ready_at(Seconds now) const { return rough_ ? aimd_.ready_at(now) : pace_.ready_at(now); }
  void sent(Seconds now);
  /// `places`: how many may be under way at once.
  void accepted(Seconds sent_at, Seconds now, Seconds round_trip, int places);
  void refused(Seconds sent_at, Seconds now);

  double rate() const { return rough_ ? aimd_.rate() : pace_.rate(); }
  /// What was measured last, and the burst before it; 0: not yet.
  double limit() const { return pace_.limit(); }
  double burst() const { return pace_.burst(); }
  std::size_t memory() const { return pace_.memory(); }

 private:
  void judge(Seconds now);
  void begin_stretch(double accepted, Seconds now);

  EvenPace pace_;
  Aimd aimd_;
  bool rough_ = false;  ///< by AIMD
  bool first_ = true;   ///< while the limit is looked for, refusals tell nothing
  double accepted_ = 0, refused_ = 0, stretch_ = 64;  ///< since the last judgement; until the next
  double next_rough_stretch_ = 256;
  double next_even_stretch_ = 64;  ///< after AIMD
  double even_rate_ = 0;           ///< what came through in a second of the last one
  Seconds stretch_begin_ = 0;      ///< later by the time in which nothing was to do
  double limit_before_ = 0;        ///< when it began
  bool calm_ = false;              ///< the stretch before was refused a few times at most
  Seconds last_accepted_ = 0;
  bool shut_ = false;  ///< refused since
};

}  // namespace usersyncd::rate
