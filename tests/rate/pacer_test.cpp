#include "rate/pacer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace usersyncd::rate {
namespace {

constexpr Seconds trip = 0.05;

/// A token bucket, asked one request at a time.
struct Provider {
  double rate, most, tokens;
  Seconds filled = 0;

  bool takes(Seconds at) {
    tokens = std::min(most, tokens + (at - filled) * rate);
    filled = at;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }
};

/// A window on the clock.
struct Window {
  int limit;
  Seconds length;
  int taken = 0;
  double index = 0;

  bool takes(Seconds at) {
    if (std::floor(at / length) > index) taken = 0;
    index = std::floor(at / length);
    return ++taken <= limit;
  }
};

struct Result {
  int refused = 0;
  Seconds time = 0;
};

/// Lets the pacer through `count` requests from `now` on.
Result ask(Pacer& pacer, auto& provider, int count, Seconds& now) {
  const Seconds start = now;
  Result result;
  while (count > 0) {
    now = std::max(now, pacer.ready_at(now));
    const Seconds sent = now;
    pacer.sent(sent);
    const bool taken = provider.takes(sent + trip / 2);
    now += trip;
    if (taken) {
      pacer.accepted(sent, now, trip, 8);
      --count;
    } else {
      pacer.refused(sent, now);
      ++result.refused;
    }
  }
  result.time = now - start;
  return result;
}

TEST_CASE("a bucket's rate is measured in a few refusals, and then kept to") {
  for (const double rate : {0.3, 2.0, 8.0}) {
    Pacer pacer;
    pacer.start(0, 0);
    Provider provider{rate, 20, 20};
    Seconds now = 0;
    const auto first = ask(pacer, provider, 200, now);
    CHECK(first.refused <= 20);
    CHECK(pacer.limit() == doctest::Approx(rate).epsilon(0.06));
    const auto second = ask(pacer, provider, 200, now);
    CHECK(second.refused <= 8);
    CHECK(second.time <= 200 / rate * 1.03);
  }
}

TEST_CASE("a limit that was raised tenfold is found") {
  Pacer pacer;
  pacer.start(0, 0);
  Provider provider{1.5, 5, 5};
  Seconds now = 0;
  ask(pacer, provider, 200, now);
  provider.rate = 15;
  const auto raised = ask(pacer, provider, 600, now);
  CHECK(raised.time <= 600 / 15.0 + 35);
}

TEST_CASE("who began while the provider was shut looks for the limit once it opens") {
  Pacer pacer;
  pacer.start(0, 0);
  Provider provider{4, 40, -200};  // for 50 s
  Seconds now = 0;
  ask(pacer, provider, 1, now);
  CHECK(ask(pacer, provider, 200, now).time <= 60);
}

TEST_CASE("what lets through in one go is used, and AIMD no longer than it pays") {
  Pacer pacer;
  pacer.start(0, 0);
  Window window{13, 13.5};
  Seconds now = 0;
  const auto result = ask(pacer, window, 1000, now);
  CHECK(result.time <= 1000 * 13.5 / 13 * 1.18);
}

TEST_CASE("hours without work are no measure of what the provider lets through") {
  Pacer pacer;
  pacer.start(0, 0);
  Provider provider{2, 5, 5};
  Seconds now = 0;
  ask(pacer, provider, 100, now);
  for (int hour = 0; hour < 5; ++hour) {
    now += 3600;
    CHECK(ask(pacer, provider, 20, now).time <= 20);
  }
}

TEST_CASE("nor is the time in which it is made out what to do") {
  Pacer pacer;
  pacer.start(0, 0);
  Provider provider{17, 4, 4};
  Seconds now = 0;
  ask(pacer, provider, 3, now);
  now += 0.9;
  CHECK(ask(pacer, provider, 100, now).time <= 100 / 17.0 * 1.1);
}

TEST_CASE("nor do they tell whether AIMD pays") {
  Pacer pacer;
  pacer.start(0, 0);
  Window window{13, 13.5};
  Seconds now = 0;
  Seconds busy = 0;
  for (int hour = 0; hour < 40; ++hour) {
    now += 3600;
    busy += ask(pacer, window, 52, now).time;
  }
  CHECK(busy <= 40 * 52 * 13.5 / 13 * 1.2);
}

TEST_CASE("a limit from before spares the search, and its burst is used all the same") {
  Pacer pacer;
  pacer.start(0, 0, 2);
  Provider provider{2, 50, 50};
  Seconds now = 0;
  const auto result = ask(pacer, provider, 150, now);
  CHECK(result.refused <= 6);
  CHECK(result.time <= 100 / 2.0 * 1.05 + 5);
}

}  // namespace
}  // namespace usersyncd::rate
