#include "bench/rate/client.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "bench/rate/limiter.hpp"

namespace usersyncd::bench {
namespace {

/// As many workers as may be in flight, each with its own full-jitter backoff.
class Naive : public Client {
 public:
  double ready_at(double now) override { return now; }
  void sent(double) override {}
  void answered(double, double, bool) override {}
  bool keeps_place() const override { return true; }
  double backoff(int refusals, Dice& dice) override {
    constexpr double base = 0.5, most = 20;
    return dice.between(0, std::min(most, base * std::pow(2, refusals)));
  }
};

/// The adaptive retry mode of botocore: a token bucket whose rate follows CUBIC.
class Aws : public Client {
 public:
  double ready_at(double now) override {
    if (!enabled_) return now;
    refill(now);
    return tokens_ >= 1 - 1e-9 ? now : now + (1 - tokens_) / fill_ + 1e-6;
  }
  void sent(double now) override {
    if (!enabled_) return;
    refill(now);
    tokens_ -= 1;
  }
  void answered(double, double now, bool accepted) override {
    measure(now);
    double rate = 0;
    if (accepted) {
      rate = 0.4 * std::pow(now - last_refusal_ - k_, 3) + most_;
    } else {
      const double current = enabled_ ? std::min(measured_, fill_) : measured_;
      most_ = current;
      k_ = std::cbrt(current * 0.3 / 0.4);
      last_refusal_ = now;
      rate = current * 0.7;
      enabled_ = true;
    }
    set(std::min(rate, 2 * measured_), now);
  }
  bool keeps_place() const override { return true; }
  double backoff(int refusals, Dice& dice) override {
    return std::min(20.0, dice.uniform() * std::pow(2, refusals));
  }

 private:
  void refill(double now) {
    if (filled_at_) tokens_ = std::min(capacity_, tokens_ + (now - *filled_at_) * fill_);
    filled_at_ = now;
  }
  void set(double rate, double now) {
    refill(now);
    fill_ = std::max(rate, 0.5);
    capacity_ = std::max(rate, 1.0);
    tokens_ = std::min(tokens_, capacity_);
  }
  void measure(double now) {
    if (!bucket_) bucket_ = std::floor(now);
    const double bucket = std::floor(now * 2) / 2;
    ++count_;
    if (bucket <= *bucket_) return;
    measured_ = 0.8 * count_ / (bucket - *bucket_) + 0.2 * measured_;
    count_ = 0;
    bucket_ = bucket;
  }

  bool enabled_ = false;
  double fill_ = 1, capacity_ = 1, tokens_ = 0, most_ = 0, k_ = 0, last_refusal_ = 0, measured_ = 0;
  double count_ = 0;
  std::optional<double> filled_at_, bucket_;
};

/// Paced; doubles until the first refusal, then x 0.7 per round of refusals and +max(0.5, 5 %) a second.
class Aimd : public Client {
 public:
  double ready_at(double now) override { return std::max(now, next_); }
  void sent(double now) override {
    const double gap = 1 / rate_;
    next_ = (next_ > now - gap ? std::max(now, next_) : now) + gap;
  }
  void answered(double sent_at, double now, bool accepted) override {
    const double passed = last_answer_ ? std::min(now - *last_answer_, 1.0) : 0;
    last_answer_ = now;
    if (accepted) {
      rate_ =
          std::min(most_in_flight / 0.05, rate_ + (slow_start_ ? 1 : std::max(0.5, 0.05 * rate_) * passed));
    } else if (sent_at > last_refusal_) {
      slow_start_ = false;
      last_refusal_ = now;
      rate_ = std::max(0.05, rate_ * 0.7);
      next_ = now + 1 / rate_;
    }
  }
  std::unique_ptr<Client> restarted(double) override { return std::make_unique<Aimd>(); }

 private:
  double rate_ = 4, next_ = 0, last_refusal_ = -1e9;
  bool slow_start_ = true;
  std::optional<double> last_answer_;
};

}  // namespace

std::unique_ptr<Client> make_learner(double epoch);

std::unique_ptr<Client> make_client(std::string_view name, double epoch) {
  if (name == "naive") return std::make_unique<Naive>();
  if (name == "aws") return std::make_unique<Aws>();
  if (name == "aimd") return std::make_unique<Aimd>();
  if (name == "learn") return make_learner(epoch);
  return nullptr;
}

const std::vector<std::string>& client_names() {
  static const std::vector<std::string> names{"naive", "aws", "aimd", "aimd-again", "learn", "warm"};
  return names;
}

}  // namespace usersyncd::bench
