#include "rate/aimd.hpp"

#include <algorithm>

namespace usersyncd::rate {
namespace {

constexpr double slowest = 0.05;  // one request in twenty seconds
constexpr double decrease = 0.7;
constexpr double least_increase = 0.5;      // requests per second, each second
constexpr double relative_increase = 0.05;  // or such a share of the rate, each second,
constexpr double most_increase = 0.5;       // but no more than that of a slow one

/// A pause earns no more than a second of busy work would.
Seconds most_passed(Seconds passed) {
  return std::clamp(passed, 0.0, 1.0);
}

double increase_in_a_second(double rate) {
  return std::clamp(least_increase, relative_increase * rate, most_increase * rate);
}

}  // namespace

void Aimd::resume(double rate, Seconds now) {
  *this = Aimd{};
  rate_ = std::max(slowest, rate);
  last_answer_ = last_refusal_ = now;
  next_ = now + 1 / rate_;
}

Seconds Aimd::ready_at(Seconds now) const {
  return std::max(now, next_);
}

void Aimd::sent(Seconds now) {
  const double gap = 1 / rate_;
  next_ = (next_ > now - gap ? std::max(now, next_) : now) + gap;
}

void Aimd::accepted(Seconds now, double fastest) {
  const Seconds passed = most_passed(now - last_answer_);
  rate_ = std::max(rate_, std::min(fastest, rate_ + increase_in_a_second(rate_) * passed));
  last_answer_ = now;
}

double Aimd::growth(double rate) {
  return increase_in_a_second(rate) * most_passed(1 / rate) / rate;
}

double Aimd::run(double rate) {
  // It climbs from 0.7 of its peak to the peak, which is as far above `rate` as it begins below.
  const double peak = 2 / (1 + decrease) * rate;
  return (1 - decrease) * peak / std::max(least_increase, relative_increase * rate) * rate;
}

void Aimd::refused(Seconds sent_at, Seconds now) {
  last_answer_ = now;
  if (sent_at <= last_refusal_) return;  // had left before the last cut: nothing new
  last_refusal_ = now;
  rate_ = std::max(slowest, decrease * rate_);
  next_ = now + 1 / rate_;
}

}  // namespace usersyncd::rate
