#pragma once

#include "sync/events.hpp"
#include "sync/ports.hpp"

// Ports of a world in which nothing happens by itself and nobody listens.

namespace usersyncd::test {

/// Time that passes only when somebody sleeps. `passed` is the test's, so that it can outlive the clock.
class StillClock final : public Clock {
 public:
  StillClock(Time start, Duration& passed) : start_(start), passed_(passed) {}
  Time now() const override { return start_ + passed_; }
  Duration steady() const override { return passed_; }
  Awaitable<bool> sleep_for(Duration duration) override {
    passed_ += duration;
    co_return true;
  }
  bool stopping() const override { return false; }

 private:
  Time start_;
  Duration& passed_;
};

class HalfRandom final : public Random {
 public:
  double uniform() override { return 0.5; }
};

class NoLog final : public ExchangeLog {
 public:
  void record(const ExchangeRecord&) override {}
};

class NoEvents final : public EventSink {
 public:
  void emit(const Event&) override {}
};

}  // namespace usersyncd::test
