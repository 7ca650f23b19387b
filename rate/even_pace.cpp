#include "rate/even_pace.hpp"

#include <algorithm>
#include <cmath>

#include "rate/aimd.hpp"

namespace usersyncd::rate {
namespace {

constexpr double slowest = 0.002;  // one request in eight minutes
// In the ramp: so many are accepted for one more under way at first, so many may be under way until so many
// were accepted, and from then on so many for one more. Whatever is under way when the burst is used up is
// refused, and most bursts are small.
constexpr double first_per_place = 2, few_places = 3, small_burst = 32, per_place = 8;
// A provider that was shut for so long after so many has windows: what it opens for may be as many again.
constexpr Seconds long_shut = 5;
constexpr double large_burst = 30;
constexpr Seconds least_idle = 0.1;  ///< in which nothing was to do
constexpr double near = 1.4;         ///< steps within which a limit is where it was
constexpr double early = 0.4;        ///< share of the way back to it
constexpr double most_haste = 9;
constexpr double overdue = 1.2;  ///< progress from which on it climbs as AIMD does at least
constexpr double hasty = 2;      ///< progress with which it goes on after a limit that was not there
constexpr double least_excess = 2, most_depth = 12;
constexpr double known_from = 8;        ///< acceptances, as if a limit from before had been measured by them
constexpr Seconds usual_delay = 0.002;  ///< of timers and of other work: it is made up for
constexpr double unused_share = 0.5;    ///< of the time between the last refusal and the first acceptance
// How long to wait while it is shut, as a share of the time that it has been: the more it lets through at
// once, the dearer is a moment that is missed; but nobody waits for long that way.
constexpr double dear_burst = 30, finest = 0.4, long_wait_share = 0.1;
constexpr Seconds long_wait = 66;

}  // namespace

void EvenPace::start(Seconds now, double ramp, double limit) {
  *this = EvenPace{};
  rate_ = ramp;
  known_ = limit;
  next_ = now;
}

void EvenPace::resume(double rate, Seconds now) {
  rate_ = limit_ = std::max(slowest, rate);
  limited_ = measured_ = true;
  ramp_ = false;
  fails_ = 0;
  progress_ = 0;
  cut_ = begin_ = now;
  trust_.restart();
  throughput_.restart(now, rate_);
  next_ = now + 1 / rate_;
}

Seconds EvenPace::ready_at(Seconds now) const {
  return std::max(now, next_);
}

void EvenPace::sent(Seconds now) {
  if (!throughput_.begun()) {
    begin_ = now;
    throughput_.begin(now);
  }
  if (rate_ == 0) return;
  const Seconds idle = now - std::max(next_, last_answer_);
  if (idle > least_idle) throughput_.unused(idle);
  const double gap = 1 / rate_;
  pressed_ = next_ > now - gap;
  const bool woken_late = now - next_ < usual_delay;
  next_ = (woken_late ? next_ : now) + gap;
}

void EvenPace::accepted(Seconds sent_at, Seconds now, Seconds round_trip, int places) {
  if (sent_at < begin_ || !throughput_.begun()) return;
  last_answer_ = now;
  throughput_.accepted(now);
  in_ramp_ += 1;
  if (fails_ > 0) {
    if (sent_at < cut_) return;
    opened(now, round_trip, places);
  }
  const double most = places / round_trip;
  if (ramp_) {
    const double wide = std::min(few_places, 1 + in_ramp_ / first_per_place) +
                        std::max(0.0, in_ramp_ - small_burst) / per_place;
    rate_ = std::max(rate_, std::min(most, wide / round_trip));
  } else {
    if (pressed_) climb(now);
    rate_ = std::min(rate_, most);
  }
}

/// The provider lets through again.
void EvenPace::opened(Seconds now, Seconds round_trip, int places) {
  const Seconds shut = now - shut_since_;
  depth_ = std::max(depth_ / 2, limit_ * shut);
  const bool once = fails_ == 1;
  fails_ = 0;
  if (once) return;
  throughput_.unused(unused_share * (now - cut_));
  progress_ = 0;
  // It was shut from the beginning, so that there is nothing yet that could tell anything.
  if (!measured_ && in_ramp_ <= 1) return begin_again(now, round_trip);
  if (!measured_ && shut >= long_shut && in_ramp_ >= large_burst) {
    ramp_ = true;
    rate_ = 1 / round_trip;
    in_ramp_ = 0;
    next_ = now;
    return;
  }
  if (!measured_) limit_ = throughput_.rate_from_start(now);
  rate_ = std::clamp(limit_ * (1 - trust_.step()), slowest, places / round_trip);
  throughput_.slowed(rate_);
  next_ = now + 1 / rate_;
}

/// With the one that has just come through.
void EvenPace::begin_again(Seconds now, Seconds round_trip) {
  start(now, 1 / round_trip, known_);
  begin_ = now;
  throughput_.begin(now);
  in_ramp_ = 1;
}

void EvenPace::climb(Seconds now) {
  const double run = trust_.run(rate_);
  progress_ += 1 / run;
  double growth = trust_.step() / run * std::clamp(progress_ * progress_, 1.0, most_haste);
  // More than the limit allows, and than a window can have held back: the limit is higher.
  const double excess = throughput_.excess(now, limit_) - std::min(depth_, most_depth);
  if (progress_ > overdue && excess > 0) growth = std::max(growth, Aimd::growth(rate_));
  rate_ *= 1 + growth;
  if (progress_ <= 1 || excess <= least_excess) return;
  trust_.raised();
  limit_ = std::max(limit_, rate_);
  progress_ = std::min(progress_, hasty);
  throughput_.restart(now, rate_);
}

void EvenPace::refused(Seconds sent_at, Seconds now) {
  if (sent_at < begin_ || sent_at < cut_ || !throughput_.begun()) return;  // had left before: nothing new
  if (rate_ == 0) rate_ = 1 / std::max(0.001, now - sent_at);
  cut_ = last_answer_ = now;
  if (++fails_ == 1) {
    exhausted(now);
  } else {
    shut(now);
  }
  next_ = now + 1 / rate_;
}

/// The limit, as it looks now that the provider is exhausted; and how far it is to be trusted.
double EvenPace::estimate(Seconds now) {
  average_ = {};
  if (!limited_ && known_ > 0) {
    trust_.cleared(known_from);
    return std::min(rate_, known_);
  }
  const auto measured = throughput_.limit(now);
  double limit = std::min(rate_, measured.rate);
  if (measured.rate == never) {
    average_ = throughput_.average(now);
    limit = std::clamp(throughput_.lately(now), std::min(average_.rate, rate_), rate_);
  }
  if (!limited_) return limit;
  const double miss = std::abs(std::log(limit / limit_));
  if (miss < near * trust_.step() && progress_ > early) {
    trust_.confirmed();
  } else if (measured.rate < rate_) {
    trust_.measured(measured.accepted);
  } else {
    trust_.doubted();
    throughput_.forget_all_but_last();
  }
  return limit;
}

void EvenPace::exhausted(Seconds now) {
  limit_ = estimate(now);
  measured_ = limited_;
  limited_ = true;
  ramp_ = false;
  progress_ = 0;
  before_shut_ = throughput_.average(now).accepted;
  rate_ = std::max(slowest, std::min(rate_ * (1 - trust_.step()), limit_));
  throughput_.exhausted(now, rate_);
  shut_since_ = now;
}

/// Refused again.
void EvenPace::shut(Seconds now) {
  // Who is shut for so long counts what comes in a longer time.
  if (fails_ == 2 && measured_ && average_.rate < limit_) {
    limit_ = average_.rate;
    trust_.cleared(average_.accepted);
  }
  const Seconds time = now - shut_since_;
  const double share =
      time < long_wait ? std::clamp(dear_burst / std::max(1.0, before_shut_), finest, 1.0) : long_wait_share;
  rate_ = std::max(slowest, std::min(rate_, 1 / (share * time)));
}

}  // namespace usersyncd::rate
