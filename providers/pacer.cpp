#include "providers/pacer.hpp"

#include <algorithm>

namespace usersyncd {
namespace {

constexpr double slowest = 0.05;  // one request in twenty seconds
constexpr double fastest = 1000;  // as good as unlimited
constexpr double decrease = 0.7;
constexpr double least_increase = 0.5;  // requests per second, each second
constexpr double relative_increase = 0.05;
constexpr double unknown_rate = 4;  // where a refusal came before anything was accepted
constexpr Duration observed_window{10'000};
constexpr std::size_t most_observed = 256;

double seconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1000.0;
}

}  // namespace

Duration Pacer::delay(Duration now) const {
  return rate_ == 0 || now >= next_ ? Duration{0} : next_ - now;
}

void Pacer::sent(Duration now) {
  if (rate_ > 0) next_ = std::max(now, next_) + interval();
}

void Pacer::accepted(Duration now) {
  accepted_.push_back(now);
  while (accepted_.size() > most_observed || accepted_.front() + observed_window < now) accepted_.pop_front();
  if (rate_ > 0) {
    // A pause earns no more than a second of busy work would.
    const double passed = std::min(seconds(now - last_answer_), 1.0);
    rate_ = std::min(fastest, rate_ + std::max(least_increase, relative_increase * rate_) * passed);
  }
  last_answer_ = now;
}

void Pacer::refused(Duration sent_at, Duration now) {
  if (rate_ > 0 && sent_at <= last_refusal_) return;
  const double before = rate_ > 0 ? rate_ : observed_rate(now);
  rate_ = std::max(slowest, before * decrease);
  last_refusal_ = now;
  last_answer_ = now;
  next_ = now + interval();
}

double Pacer::observed_rate(Duration now) const {
  if (accepted_.empty()) return unknown_rate;
  const double span = std::max(seconds(now - accepted_.front()), 1.0);
  return static_cast<double>(accepted_.size()) / span;
}

Duration Pacer::interval() const {
  return Duration{static_cast<Duration::rep>(1000.0 / rate_)};
}

}  // namespace usersyncd
