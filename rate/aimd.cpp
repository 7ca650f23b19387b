#include "rate/aimd.hpp"

#include <algorithm>
#include <cmath>

namespace usersyncd::rate {
namespace {

constexpr double first_rate = 4;
constexpr double slowest = 0.05;  // one request in twenty seconds
constexpr double decrease = 0.7;
constexpr int few_refusals = 2;             // in a row; the more follow, the longer is it shut, and
constexpr double patient_decrease = 0.5;    // the less does it help to ask often
constexpr double least_increase = 0.5;      // requests per second, each second
constexpr double relative_increase = 0.05;  // or such a share of the rate, each second,
constexpr double most_increase = 0.5;       // but no more than that of a slow one

}  // namespace

void Aimd::start(Seconds now, double rate) {
  *this = Aimd{};
  rate_ = std::max(first_rate, rate);
  next_ = now;
}

void Aimd::resume(double rate, Seconds now) {
  rate_ = std::max(slowest, rate);
  ramp_ = false;
  last_answer_ = last_refusal_ = now;
  next_ = now + 1 / rate_;
}

Seconds Aimd::ready_at(Seconds now) const {
  return std::max(now, next_);
}

void Aimd::sent(Seconds now) {
  const double gap = 1 / rate_;
  // In the ramp others go beside it, and cost it nothing.
  next_ = (next_ > now - gap && !ramp_ ? std::max(now, next_) : now) + gap;
}

double Aimd::accepted(Seconds now, double fastest) {
  // A pause earns no more than a second of busy work would.
  double spared = 0;
  if (refusals_ > few_refusals) {
    // As if it had asked as often as usual meanwhile.
    const double usual = decrease / ((1 - decrease) * (now - shut_since_));
    const double asked = std::max(slowest, std::min(usual, decrease * rate_when_shut_));
    spared = std::max(0.0, std::log(asked / rate_when_shut_) / std::log(decrease) - refusals_);
    rate_ = std::max(rate_, asked);
  }
  refusals_ = 0;
  const double passed = last_answer_ == -never ? 0 : std::clamp(now - last_answer_, 0.0, 1.0);
  const double increase =
      ramp_ ? 1 : std::clamp(least_increase, relative_increase * rate_, most_increase * rate_) * passed;
  rate_ = std::max(rate_, std::min(fastest, rate_ + increase));
  last_answer_ = now;
  return spared;
}

void Aimd::refused(Seconds sent_at, Seconds now) {
  last_answer_ = now;
  if (sent_at <= last_refusal_) return;  // had left before the last cut: nothing new
  ramp_ = false;
  last_refusal_ = now;
  if (++refusals_ == 1) {
    shut_since_ = now;
    rate_when_shut_ = rate_;
  }
  rate_ = std::max(slowest, rate_ * (refusals_ > few_refusals ? patient_decrease : decrease));
  next_ = now + 1 / rate_;
}

}  // namespace usersyncd::rate
