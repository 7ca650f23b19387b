#pragma once

#include <vector>

#include "rate/history.hpp"

namespace usersyncd::rate {

/// What a provider let through between the moments at which it was exhausted. As it has nothing saved up
/// then, that tells its limit. Times are those of answers, because some providers hold an answer back instead
/// of refusing.
class Throughput {
 public:
  struct Measure {
    double rate = never;  ///< accepted per second
    double accepted = 0;  ///< from so many
  };

  void begin(Seconds now);
  bool begun() const { return !anchors_.empty(); }
  void accepted(Seconds now);
  /// It was exhausted at `now`, and is asked `rate` times a second from then on.
  void exhausted(Seconds now, double rate);
  /// It is asked no faster than that from now on.
  void slowed(double rate);
  /// So long nobody asked though it may have been open.
  void unused(Seconds time) { unused_ += time; }
  /// The limit is another now: what was before tells nothing.
  void restart(Seconds now, double rate);
  void forget_all_but_last();

  /// The lowest rate that explains what came between two exhaustions; none where it was asked more slowly
  /// than that at times, because then it may have had more than it can save up.
  Measure limit(Seconds now) const;
  /// Since the last exhaustion.
  Measure average(Seconds now) const;
  /// Of the last few: as many as it let through at once in the beginning.
  double lately(Seconds now) const;
  /// By how many it has exceeded `limit` since the last exhaustion.
  double excess(Seconds now, double limit) const;
  /// Of the time before the first exhaustion: how many, and at what rate.
  double burst() const { return burst_; }
  double rate_from_start(Seconds now) const;
  std::size_t memory() const { return times_.memory() + anchors_.capacity() * sizeof(Anchor); }

 private:
  struct Anchor {
    Seconds at = 0;
    double count = 0;    ///< accepted before
    double slowest = 0;  ///< that it was asked since
    Seconds unused = 0;
  };
  Seconds used_since(const Anchor& anchor, Seconds now) const;

  std::vector<Anchor> anchors_;  ///< the beginning, and exhaustions
  History times_{256};
  double count_ = 0;
  double burst_ = 0;  ///< 0: not exhausted yet
  Seconds begin_ = 0;
  Seconds unused_ = 0;
};

}  // namespace usersyncd::rate
