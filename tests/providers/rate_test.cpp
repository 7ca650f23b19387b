#include "providers/backoff.hpp"
#include "providers/rate_gate.hpp"
#include "providers/rate_hint.hpp"
#include "tests/providers/support.hpp"

namespace usersyncd::test {
namespace {

using namespace std::chrono_literals;

const Time now = *parse_time("2020-05-21T02:05:20Z");  // 1590026720

std::optional<Duration> hint(const std::string& name, const std::string& value, Headers more = {}) {
  more.emplace_back(name, value);
  return rate_hint(more, RateRules{}, now);
}

TEST_CASE("A36, A37: every form of hint becomes a bounded wait, and garbage none") {
  CHECK(hint("Retry-After", "120") == 120s);
  CHECK(hint("retry-after", " 2 ") == 2s);
  CHECK(hint("Retry-After", "1.5") == 1500ms);
  CHECK(hint("Retry-After", "3244") == 3244s);
  CHECK(hint("Retry-After", "Thu, 21 May 2020 02:06:20 GMT") == 60s);
  CHECK(hint("Retry-After", "Thursday, 21-May-20 02:06:20 GMT") == 60s);
  CHECK(hint("Retry-After", "Thu May 21 02:06:20 2020") == 60s);
  CHECK(hint("Retry-After", "Wed, 01 Jan 2099 00:00:00 GMT") == 1h);
  CHECK(hint("Retry-After", "99999999") == 1h);
  CHECK(hint("Retry-After", std::string(400, '9')) == 1h);
  for (const char* useless :
       {"", " ", "0", "-5", "soon", "1e9x", "NaN", "inf", "0x10", "1.2.3", "Thu, 21 May 2020 02:04:20 GMT",
        "Thu, 31 Feb 2021 00:00:00 GMT", "Mon, 99 Foo 2020"}) {
    CAPTURE(useless);
    CHECK_FALSE(hint("Retry-After", useless));
  }
  CHECK_FALSE(rate_hint({}, RateRules{}, now));
}

TEST_CASE("A38: epoch seconds and milliseconds give the same wait, and a wrong clock does no harm") {
  CHECK(hint("X-RateLimit-Reset", "1590026780") == 60s);
  CHECK(hint("X-RateLimit-Reset", "1590026780000") == 60s);
  CHECK(hint("X-RateLimit-Reset", "30") == 30s);
  CHECK_FALSE(hint("X-RateLimit-Reset", "1590026000"));
  for (const char* theirs : {"Thu, 21 May 2020 03:05:20 GMT", "Thu, 21 May 2020 01:05:20 GMT"}) {
    const auto then = std::to_string(millis_of(*parse_http_date(theirs)) / 1000 + 45);
    CHECK(hint("X-RateLimit-Reset", then, {{"Date", theirs}}) == 45s);
    CHECK(hint("X-RateLimit-Reset", then + "000", {{"Date", theirs}}) == 45s);
  }
  CHECK(hint("X-RateLimit-Reset", "1590026780", {{"Date", "garbage"}}) == 60s);
  CHECK(hint("X-RateLimit-Reset", "1590026780", {{"Retry-After", "5"}}) == 5s);
  CHECK(hint("X-RateLimit-Reset", "1590026780", {{"Retry-After", "0"}}) == 60s);
}

TEST_CASE("A34: backoff doubles up to its limit, and at least half of it is certain") {
  CHECK(backoff(1, 0.0) == 500ms);
  CHECK(backoff(1, 1.0) == 1000ms);
  CHECK(backoff(4, 0.0) == 4s);
  CHECK(backoff(4, 0.5) == 6s);
  CHECK(backoff(1000, 0.0) == 30s);
  CHECK(backoff(0, 0.0) == 500ms);
  for (int attempt = 1; attempt < 20; ++attempt) CHECK(backoff(attempt, 0.0) * 2 >= backoff(attempt, 0.999));
}

struct GateBench {
  FakeClock clock;
  RateGate gate{clock, 8};
  RateGate::Passage pass(Duration patience, RateGate::Kind kind = RateGate::Kind::write) {
    return run(gate.pass(patience, kind));
  }
  /// One request that passes, leaves and is answered after `trip`.
  void request(bool accepted, std::optional<Duration> hint = {}, Duration trip = 50ms) {
    CHECK(pass(24h) == RateGate::Passage::open);
    const Duration sent = clock.elapsed;
    gate.sent(sent);
    clock.elapsed += trip;
    if (accepted)
      gate.accepted(sent);
    else
      gate.refused(sent, hint, "GET /users was answered with 429");
  }
};

TEST_CASE("A36: a hint holds everybody until one instant, and says until when and why") {
  GateBench bench;
  CHECK_FALSE(bench.gate.waiting());
  bench.request(false, 90s);
  const Duration start = bench.clock.elapsed;
  REQUIRE(bench.gate.waiting());
  CHECK(bench.gate.waiting()->until >= bench.clock.now() + 90s);
  CHECK(bench.gate.waiting()->reason.starts_with("GET /users was answered with 429; "));
  CHECK(bench.pass(60s) == RateGate::Passage::too_long);
  CHECK(bench.clock.elapsed == start);  // nobody sleeps for nothing
  CHECK(bench.pass(100s) == RateGate::Passage::open);
  CHECK(bench.clock.elapsed >= start + 90s);
}

TEST_CASE("A36: stopping ends the wait at once") {
  GateBench bench;
  bench.request(false, 90s);
  bench.clock.stop_after = 1;
  CHECK(bench.pass(1h) == RateGate::Passage::stopping);
  CHECK(bench.pass(1h) == RateGate::Passage::stopping);
}

TEST_CASE("nothing is held back before the first refusal") {
  GateBench bench;
  for (int i = 0; i < 50; ++i) bench.request(true, {}, 20ms);
  CHECK(bench.clock.slept.empty());
  CHECK_FALSE(bench.gate.waiting());
}

TEST_CASE("a bare limit is learned: a thousand requests, few refusals, little time lost") {
  GateBench bench;
  // Ten a second with a burst of ten, as a token bucket; nobody says when.
  double tokens = 10;
  Duration filled = bench.clock.elapsed;
  int refusals = 0;
  const auto go = [&](int count) {
    refusals = 0;
    const Duration start = bench.clock.elapsed;
    for (int done = 0; done < count;) {
      CHECK(bench.pass(24h) == RateGate::Passage::open);
      const Duration sent = bench.clock.elapsed;
      bench.gate.sent(sent);
      bench.clock.elapsed += 20ms;
      tokens = std::min(10.0, tokens + static_cast<double>((bench.clock.elapsed - filled).count()) / 100.0);
      filled = bench.clock.elapsed;
      bench.clock.elapsed += 20ms;
      if (tokens >= 1) {
        tokens -= 1;
        ++done;
        bench.gate.accepted(sent);
      } else {
        ++refusals;
        bench.gate.refused(sent, std::nullopt, "429");
      }
    }
    return bench.clock.elapsed - start;
  };
  const auto cold = go(1000);
  CHECK(refusals <= 40);
  CHECK(cold < 99s * 1.1);
  CHECK(bench.gate.learned() != RateGate(bench.clock, 8).learned());
}

/// Fifty in ten seconds by the clock. How many of `count` requests through `gate` it refuses.
int refusals_of_window(FakeClock& clock, RateGate& gate, int count) {
  int refusals = 0, taken = 0;
  std::int64_t window = -1;
  while (count > 0) {
    CHECK(run(gate.pass(24h, RateGate::Kind::write)) == RateGate::Passage::open);
    const Duration sent = clock.elapsed;
    gate.sent(sent);
    clock.elapsed += 20ms;
    const auto current = millis_of(clock.now()) / 10000;
    if (std::exchange(window, current) != current) taken = 0;
    const bool accepted = ++taken <= 50;
    clock.elapsed += 20ms;
    if (accepted) {
      --count;
      gate.accepted(sent);
    } else {
      ++refusals;
      gate.refused(sent, std::nullopt, "429");
    }
  }
  return refusals;
}

TEST_CASE("what was learned is known after a restart") {
  GateBench bench;
  CHECK(refusals_of_window(bench.clock, bench.gate, 1000) < 50);
  CHECK(bench.gate.learned().find("50 requests per 10 s") != std::string::npos);
  RateGate again{bench.clock, 8, bench.gate.save()};
  CHECK(again.learned() == bench.gate.learned());
}

TEST_CASE("a wait that the provider asked for is kept after a restart, and ends when it was to end") {
  GateBench bench;
  bench.request(false, 50min);
  RateGate again{bench.clock, 8, bench.gate.save()};
  REQUIRE(again.waiting());
  CHECK(std::chrono::abs(again.waiting()->until - bench.gate.waiting()->until) < 1s);
  const auto reason = bench.gate.waiting()->reason;
  CHECK(again.waiting()->reason.starts_with(reason.substr(0, reason.find(';'))));
  CHECK(again.delay() > 49min);
  const auto memory = again.save();
  bench.clock.elapsed += 51min;
  RateGate later{bench.clock, 8, memory};
  CHECK(later.delay() < 1min);

  // A clock that was set back years makes nobody wait for years.
  bench.clock.elapsed -= 51min;
  const auto model = memory.substr(memory.find('\n') + 1);
  const auto far = std::to_string(millis_of(bench.clock.now()) + 1'000'000'000'000);
  CHECK(RateGate(bench.clock, 8, "closed " + far + " so\n" + model).delay() <= 1h);
  for (const auto* garbage : {"closed ", "closed x y\n", "closed 1\n", "closed 99999999999999999999 y\n"})
    CHECK(RateGate(bench.clock, 8, garbage).delay() == Duration{0});
}

TEST_CASE("what another process saved is garbage: it is like nothing") {
  FakeClock clock;
  for (const auto& garbage :
       {std::string{"x"}, std::string{"{}"}, std::string{"way 1e999"}, std::string(100000, 'a')}) {
    RateGate gate{clock, 8, garbage};
    CHECK(gate.delay() == Duration{0});
    CHECK(gate.learned() == RateGate(clock, 8).learned());
  }
}

TEST_CASE("an answer that never comes leaves no request under way") {
  GateBench bench;
  for (int i = 0; i < 100; ++i) {
    CHECK(bench.pass(1h) == RateGate::Passage::open);
    bench.gate.sent(bench.clock.elapsed);
    bench.clock.elapsed += 10ms;
    bench.gate.lost(bench.clock.elapsed - 10ms);
  }
  CHECK(bench.gate.delay() == Duration{0});
}

}  // namespace
}  // namespace usersyncd::test
