#include "rate/pacer.hpp"

#include <algorithm>

namespace usersyncd::rate {
namespace {

constexpr double even_stretch = 64;  ///< acceptances after which the pace is judged
constexpr double most_refused = 8;   ///< in them
constexpr double pays_from = 1.03;   ///< times what came through evenly
constexpr double even_longer = 4;    ///< times as long until AIMD is tried again, if it did not pay
constexpr double few_refused = 4;    ///< in a stretch of a limit that holds
constexpr double cut_share = 0.25;   ///< of such a limit: what is lower was cut
constexpr double rough_stretch = 256, longest_stretch = 4096;
constexpr Seconds least_idle = 1;  ///< in which nothing was to do
constexpr double rough_below = 2;  ///< requests per second: above that AIMD is hardly ever refused either

}  // namespace

void Pacer::start(Seconds now, double ramp, double limit) {
  *this = Pacer{};
  pace_.start(now, ramp, limit);
}

void Pacer::resume(double rate, Seconds now) {
  rough_ = false;
  pace_.resume(rate, now);
  begin_stretch(even_stretch, now);
}

void Pacer::sent(Seconds now) {
  // Time in which nothing was to do says nothing about the provider.
  const Seconds idle = now - std::max(ready_at(-never), last_accepted_);
  if (!shut_ && idle > least_idle) stretch_begin_ += idle;
  if (rough_) {
    aimd_.sent(now);
  } else {
    pace_.sent(now);
  }
}

void Pacer::accepted(Seconds sent_at, Seconds now, Seconds round_trip, int places) {
  if (rough_) {
    aimd_.accepted(now, places / round_trip);
  } else {
    pace_.accepted(sent_at, now, round_trip, places);
  }
  shut_ = false;
  last_accepted_ = now;
  if (!pace_.limited()) return;
  accepted_ += 1;
  if (accepted_ >= stretch_) judge(now);
}

void Pacer::refused(Seconds sent_at, Seconds now) {
  shut_ = true;
  refused_ += 1;
  if (rough_) {
    aimd_.refused(sent_at, now);
  } else {
    pace_.refused(sent_at, now);
  }
}

/// After a stretch, by the one or the other.
void Pacer::judge(Seconds now) {
  const double rate = accepted_ / std::max(0.001, now - stretch_begin_);
  if (rough_) {
    const bool paid = rate > pays_from * even_rate_;
    next_even_stretch_ = paid ? even_stretch : std::min(longest_stretch, even_longer * next_even_stretch_);
    next_rough_stretch_ = paid ? std::min(longest_stretch, 2 * next_rough_stretch_) : rough_stretch;
    rough_ = false;
    pace_.resume(rate, now);
    return begin_stretch(next_even_stretch_, now);
  }
  even_rate_ = rate;
  // What is refused until a limit that was cut is found again is no fault of the pace.
  const bool cut = calm_ && pace_.limit() < cut_share * limit_before_;
  calm_ = !first_ && refused_ <= few_refused;
  rough_ = !first_ && !cut && pace_.rate() < rough_below && refused_ > most_refused * stretch_ / even_stretch;
  first_ = false;
  if (!rough_) return begin_stretch(even_stretch, now);
  aimd_.resume(pace_.rate(), now);
  begin_stretch(next_rough_stretch_, now);
}

void Pacer::begin_stretch(double accepted, Seconds now) {
  stretch_ = accepted;
  stretch_begin_ = now;
  accepted_ = refused_ = 0;
  limit_before_ = pace_.limit();
}

}  // namespace usersyncd::rate
