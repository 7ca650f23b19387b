#include "bench/rate/limiter.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

namespace usersyncd::bench {
namespace {

constexpr double rounding = 1e-9;

class Bucket : public Rule {
 public:
  Bucket(const Numbers& numbers, bool strict, double now)
      : numbers_(numbers), strict_(strict), tokens_(numbers.burst), at_(now) {}

  Answer hit(double at) override {
    refill(at);
    const bool accepted = tokens_ >= 1 - rounding * numbers_.rate * 1000;
    // A strict bucket gives a refused request what there is, for nothing.
    if (accepted || strict_) tokens_ = std::max(0.0, tokens_ - 1);
    return {accepted, 0};
  }
  double open_at(double at) override {
    refill(at);
    return tokens_ >= 1 ? at : at + (1 - tokens_) / numbers_.rate;
  }
  void change(const Numbers& numbers, double at) override {
    refill(at);
    numbers_ = numbers;
    tokens_ = std::min(tokens_, numbers.burst);
  }

 private:
  void refill(double at) {
    tokens_ = std::min(numbers_.burst, tokens_ + (at - at_) * numbers_.rate);
    at_ = at;
  }

  Numbers numbers_;
  bool strict_;
  double tokens_;
  double at_;
};

class Queue : public Rule {
 public:
  Queue(const Numbers& numbers, double now) : numbers_(numbers), free_(now) {}

  Answer hit(double at) override {
    const double start = std::max(at, free_);
    if ((start - at) * numbers_.rate > numbers_.burst + 1e-6) return {false, 0};
    free_ = start + 1 / numbers_.rate;
    return {true, start - at};
  }
  double open_at(double at) override { return std::max(at, free_ - numbers_.burst / numbers_.rate); }
  void change(const Numbers& numbers, double at) override {
    free_ = std::min(free_, at + numbers.burst / numbers.rate);
    numbers_ = numbers;
  }

 private:
  Numbers numbers_;
  double free_;
};

class FixedClock : public Rule {
 public:
  explicit FixedClock(const Numbers& numbers) : numbers_(numbers) {}

  Answer hit(double at) override {
    turn(at);
    if (count_ >= numbers_.limit) return {};
    ++count_;
    return {true, 0};
  }
  double open_at(double at) override {
    turn(at);
    return count_ < numbers_.limit ? at : (index_ + 1) * numbers_.window;
  }
  void change(const Numbers& numbers, double) override { numbers_ = numbers; }

 private:
  void turn(double at) {
    const double index = std::floor(at / numbers_.window);
    if (index != index_) count_ = 0;
    index_ = index;
  }

  Numbers numbers_;
  double index_ = -1;
  double count_ = 0;
};

class FixedFirst : public Rule {
 public:
  explicit FixedFirst(const Numbers& numbers) : numbers_(numbers) {}

  Answer hit(double at) override {
    if (at >= begin_ + numbers_.window) {
      begin_ = at;
      count_ = 0;
    }
    if (count_ >= numbers_.limit) return {};
    ++count_;
    return {true, 0};
  }
  double open_at(double at) override {
    return count_ < numbers_.limit ? at : std::max(at, begin_ + numbers_.window);
  }
  void change(const Numbers& numbers, double) override { numbers_ = numbers; }

 private:
  Numbers numbers_;
  double begin_ = -1e18;
  double count_ = 0;
};

class SlidingLog : public Rule {
 public:
  SlidingLog(const Numbers& numbers, bool strict) : numbers_(numbers), strict_(strict) {}

  Answer hit(double at) override {
    expire(at);
    const bool accepted = size() < numbers_.limit;
    if (accepted || strict_) log_.push_back(at);
    return {accepted, 0};
  }
  double open_at(double at) override {
    expire(at);
    if (size() < numbers_.limit) return at;
    return log_[log_.size() - static_cast<std::size_t>(numbers_.limit)] + numbers_.window;
  }
  void change(const Numbers& numbers, double) override { numbers_ = numbers; }

 private:
  double size() const { return static_cast<double>(log_.size()); }
  void expire(double at) {
    while (!log_.empty() && log_.front() <= at - numbers_.window) log_.pop_front();
  }

  Numbers numbers_;
  bool strict_;
  std::deque<double> log_;
};

class SlidingCounter : public Rule {
 public:
  SlidingCounter(const Numbers& numbers, bool strict) : numbers_(numbers), strict_(strict) {}

  Answer hit(double at) override {
    turn(at);
    const double gone = at / numbers_.window - index_;
    const bool accepted = previous_ * (1 - gone) + count_ < numbers_.limit - rounding;
    if (accepted || strict_) ++count_;
    return {accepted, 0};
  }
  double open_at(double at) override {
    turn(at);
    const double window = numbers_.window;
    const double left = numbers_.limit - count_;
    if (left > 0) {
      const double gone = previous_ > 0 ? 1 - left / previous_ : 0;
      if (gone < 1) return std::max(at, (index_ + gone) * window + 1e-6);
    }
    return (index_ + 1 + std::max(0.0, 1 - numbers_.limit / count_)) * window + 1e-6;
  }
  void change(const Numbers& numbers, double) override { numbers_ = numbers; }

 private:
  void turn(double at) {
    const double index = std::floor(at / numbers_.window);
    if (index == index_) return;
    previous_ = index == index_ + 1 ? count_ : 0;
    count_ = 0;
    index_ = index;
  }

  Numbers numbers_;
  bool strict_;
  double index_ = -1;
  double count_ = 0;
  double previous_ = 0;
};

}  // namespace

std::string name_of(Family family) {
  switch (family) {
    case Family::token_bucket:
      return "token-bucket";
    case Family::leaky_queue:
      return "leaky-bucket";
    case Family::fixed_clock:
      return "fixed-window";
    case Family::fixed_first:
      return "fixed-window-first";
    case Family::sliding_log:
      return "sliding-log";
    case Family::sliding_counter:
      return "sliding-counter";
  }
  return {};
}

std::string Spec::group() const {
  if (!changes.empty()) return "changing";
  if (neighbour > 0) return "shared";
  if (strict) return "strict";
  return name_of(family);
}

double rate_of(Family family, const Numbers& numbers) {
  const bool bucket = family == Family::token_bucket || family == Family::leaky_queue;
  return bucket ? numbers.rate : numbers.limit / numbers.window;
}

std::unique_ptr<Rule> make_rule(const Spec& spec, double now) {
  switch (spec.family) {
    case Family::token_bucket:
      return std::make_unique<Bucket>(spec.numbers, spec.strict, now);
    case Family::leaky_queue:
      return std::make_unique<Queue>(spec.numbers, now);
    case Family::fixed_clock:
      return std::make_unique<FixedClock>(spec.numbers);
    case Family::fixed_first:
      return std::make_unique<FixedFirst>(spec.numbers);
    case Family::sliding_log:
      return std::make_unique<SlidingLog>(spec.numbers, spec.strict);
    case Family::sliding_counter:
      return std::make_unique<SlidingCounter>(spec.numbers, spec.strict);
  }
  return nullptr;
}

Limiter::Limiter(const Spec& spec, double epoch, std::uint64_t seed)
    : spec_(spec),
      epoch_(epoch + spec.skew),
      rule_(make_rule(spec, epoch_)),
      dice_(seed * 7 + 1),
      rate_(rate_of(spec.family, spec.numbers)) {
  if (spec.neighbour > 0) next_neighbour(0);
}

double Limiter::next_change() const {
  return changed_ < spec_.changes.size() ? spec_.changes[changed_].at : never;
}

void Limiter::next_neighbour(double after) {
  constexpr double shortest = 5, longest = 20;
  double at = after;
  while (true) {
    if (load_ > 0) {
      at += dice_.exponential(1 / load_);
      if (at < load_until_) break;
    }
    at = load_until_;
    // Half of the time he is away.
    const double shares[] = {0, 0, 0.5, 1};
    load_ = rate_ * spec_.neighbour * shares[dice_.next() % 4];
    load_until_ = at + dice_.between(shortest, longest);
  }
  neighbour_at_ = at;
}

void Limiter::advance(double to) {
  while (true) {
    const double change = next_change();
    if (std::min(neighbour_at_, change) > to) return;
    if (change <= neighbour_at_) {
      const auto& numbers = spec_.changes[changed_++].numbers;
      rule_->change(numbers, epoch_ + change);
      rate_ = rate_of(spec_.family, numbers);
    } else {
      rule_->hit(epoch_ + neighbour_at_);
      next_neighbour(neighbour_at_);
    }
  }
}

Rule::Answer Limiter::hit(double at) {
  advance(at);
  return rule_->hit(epoch_ + at);
}

double Limiter::open_at(double at) {
  while (true) {
    advance(at);
    const double open = std::max(at, rule_->open_at(epoch_ + at) - epoch_);
    const double next = std::min(neighbour_at_, next_change());
    if (open <= next) return open;
    at = next;
  }
}

}  // namespace usersyncd::bench
