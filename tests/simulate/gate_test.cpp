#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "providers/rate_gate.hpp"
#include "simulate/timeline.hpp"

// Many who wait at one gate, in simulated time.

namespace usersyncd::simulate {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// A provider that lets one request through each `gap`, two at once, and says nothing about it.
class SlowProvider {
 public:
  explicit SlowProvider(Duration gap) : gap_(gap) {}

  /// One request, without waiting for its turn.
  Awaitable<bool> ask() {
    const Duration sent = clock.steady();
    gate.sent(sent);
    tokens_ = std::min(
        2.0, tokens_ + static_cast<double>((sent - filled_).count()) / static_cast<double>(gap_.count()));
    filled_ = sent;
    const bool accepted = tokens_ >= 1;
    if (accepted) tokens_ -= 1;
    co_await clock.sleep_for(40ms);
    if (accepted)
      gate.accepted(sent);
    else
      gate.refused(sent, std::nullopt, "429");
    co_return accepted;
  }
  Awaitable<void> read() {
    while (true) {
      const auto passage = co_await gate.pass(24h, RateGate::Kind::read);
      REQUIRE(passage == RateGate::Passage::open);
      const bool accepted = co_await ask();
      if (accepted) co_return;
    }
  }

  Timeline timeline;
  Life life{timeline};
  WallClock wall;
  SimulatedClock clock{timeline, life, wall};
  RateGate gate{clock, 8};
  int gave_up = 0;  ///< writes that did not have their turn in time

 private:
  Duration gap_;
  double tokens_ = 2;
  Duration filled_{0};
};

/// Looks at user after user, writes, and looks whether it came out, as an update does: whoever may not write
/// in time looks again.
Awaitable<void> update(SlowProvider& provider, int& left) {
  while (left > 0) {
    --left;
    bool written = false;
    while (!written) {
      co_await provider.read();
      const auto passage = co_await provider.gate.pass(5s, RateGate::Kind::write);
      if (passage == RateGate::Passage::open) {
        written = co_await provider.ask();
      } else {
        ++provider.gave_up;
      }
    }
    co_await provider.read();
  }
}

/// How long so many updates take, each of three requests.
Duration time_of(int updates, Duration gap) {
  asio::io_context io;
  SlowProvider provider{gap};
  int left = updates, working = 8;
  for (int i = 0; i < 8; ++i) {
    asio::co_spawn(io, update(provider, left), [&](std::exception_ptr failure) {
      --working;
      if (failure) std::rethrow_exception(failure);
    });
  }
  while (working > 0 && provider.timeline.now() < 24h) {
    io.restart();
    io.poll();
    provider.timeline.step();
  }
  CHECK(working == 0);
  CHECK(provider.gave_up < updates / 3);
  return provider.timeline.now();
}

TEST_CASE("writes have their turn however slow the provider is, with eight at work that read, too") {
  CHECK(time_of(31, 1s) < 31 * 3 * 1s * 1.5);
  CHECK(time_of(31, 10s) < 31 * 3 * 10s * 1.5);
}

Awaitable<void> pass_as(SlowProvider& provider, RateGate::Kind kind, char name, std::string& order) {
  const auto passage = co_await provider.gate.pass(1h, kind);
  REQUIRE(passage == RateGate::Passage::open);
  order += name;
  const Duration sent = provider.clock.steady();
  provider.gate.sent(sent);
  provider.gate.accepted(sent);
  provider.gate.hold(1s, "one at a time");
}

TEST_CASE("a write lets the reads go first") {
  asio::io_context io;
  SlowProvider provider{1s};
  std::string order;
  provider.gate.hold(10s, "everybody waits");
  const auto failed = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::co_spawn(io, pass_as(provider, RateGate::Kind::read, 'a', order), failed);
  asio::co_spawn(io, pass_as(provider, RateGate::Kind::write, 'W', order), failed);
  asio::co_spawn(io, pass_as(provider, RateGate::Kind::read, 'b', order), failed);
  while (order.size() < 3) {
    io.restart();
    io.poll();
    REQUIRE((order.size() == 3 || provider.timeline.step()));
  }
  CHECK(order == "abW");
}

}  // namespace
}  // namespace usersyncd::simulate
