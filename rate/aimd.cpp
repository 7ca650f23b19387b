#include "rate/aimd.hpp"

#include <algorithm>

namespace usersyncd::rate {
namespace {

constexpr double slowest = 0.05;  // one request in twenty seconds
constexpr double fastest = 1000;  // as good as unlimited
constexpr double decrease = 0.7;
constexpr double least_increase = 0.5;  // requests per second, each second
constexpr double slow_increase = 0.12;  // share, each second, where that would be too much
constexpr double relative_increase = 0.05;

}  // namespace

void Aimd::start(double rate, Seconds now) {
  rate_ = std::clamp(rate, slowest, fastest);
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

void Aimd::accepted(Seconds now) {
  // A pause earns no more than a second of busy work would.
  const double passed = std::clamp(now - last_answer_, 0.0, 1.0);
  const double increase =
      std::max(std::min(least_increase, slow_increase * rate_), relative_increase * rate_);
  rate_ = std::min(fastest, rate_ + increase * passed);
  last_answer_ = now;
}

void Aimd::refused(Seconds sent_at, Seconds now) {
  last_answer_ = now;
  if (sent_at <= last_refusal_) return;  // had left before the last cut: nothing new
  last_refusal_ = now;
  rate_ = std::max(slowest, rate_ * decrease);
  next_ = now + 1 / rate_;
}

}  // namespace usersyncd::rate
