#pragma once

#include <functional>
#include <map>

#include "simulate/dice.hpp"
#include "sync/ports.hpp"

namespace usersyncd::simulate {

/// The process dies here. Not a std::exception, so that no boundary that mends errors can mend it.
struct Death {};

/// Time that passes only when nobody has anything left to do. What is to happen at a moment happens in the
/// order of time and, at the same moment, in the order in which it was arranged.
class Timeline {
 public:
  using Act = std::function<void()>;

  Duration now() const { return now_; }
  void at(Duration when, Act act) { acts_.emplace(std::max(when, now_), std::move(act)); }
  /// Time goes on to the next act, which happens. False: there is none.
  bool step();
  /// Time goes on by so much, and everything happens that falls into it.
  void pass(Duration duration);
  /// What nobody is going to see any more.
  void clear() { acts_.clear(); }

 private:
  Duration now_{0};
  std::multimap<Duration, Act> acts_;
};

/// Where one process stands: alive, asked to stop, or dead. Everything in it that waits, waits here.
class Life {
 public:
  explicit Life(Timeline& timeline) : timeline_(timeline) {}
  ~Life() { sleepers_->clear(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  bool stopping() const { return stopping_; }
  bool dead() const { return dead_; }
  /// SIGTERM: whoever sleeps is woken, what is on the wire goes on.
  void stop();
  /// SIGKILL, or the power: every wait ends with Death.
  void die();
  /// Throws Death once dead.
  void check() const {
    if (dead_) throw Death{};
  }
  /// Waits so long. `until_stop`: a stop ends it early.
  Awaitable<void> wait(Duration duration, bool until_stop);

 private:
  struct Sleeper {
    std::function<void()> wake;
    bool until_stop;
  };
  using Sleepers = std::map<std::uint64_t, Sleeper>;
  static void wake(Sleepers& sleepers, Sleepers::iterator sleeper);

  Timeline& timeline_;
  bool stopping_ = false;
  bool dead_ = false;
  std::uint64_t next_ = 0;
  // Shared with the acts that wake: they may come when this process is long gone.
  std::shared_ptr<Sleepers> sleepers_ = std::make_shared<Sleepers>();
};

/// The clock on the wall, which somebody may set.
struct WallClock {
  Duration offset{0};
};

class SimulatedClock final : public Clock {
 public:
  SimulatedClock(Timeline& timeline, Life& life, const WallClock& wall)
      : timeline_(timeline), life_(life), wall_(wall) {}
  Time now() const override { return time_from_millis(1'795'000'000'000) + timeline_.now() + wall_.offset; }
  Duration steady() const override { return timeline_.now(); }
  Awaitable<bool> sleep_for(Duration duration) override;
  bool stopping() const override { return life_.stopping(); }

 private:
  Timeline& timeline_;
  Life& life_;
  const WallClock& wall_;
};

class SimulatedRandom final : public Random {
 public:
  explicit SimulatedRandom(Dice dice) : dice_(dice) {}
  double uniform() override { return dice_.uniform(); }

 private:
  Dice dice_;
};

}  // namespace usersyncd::simulate
