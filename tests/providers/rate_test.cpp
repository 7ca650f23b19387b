#include "providers/backoff.hpp"
#include "providers/pacer.hpp"
#include "providers/rate_gate.hpp"
#include "providers/rate_hint.hpp"
#include "tests/providers/support.hpp"

namespace usersyncd::test {
namespace {

using namespace std::chrono_literals;

const Time now = *parse_time("2020-05-21T02:05:20Z");  // 1590026720

std::optional<Duration> hint(const std::string& name, const std::string& value, Headers more = {}) {
  more.emplace_back(name, value);
  return rate_hint(more, RateHeaders{}, now);
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
  CHECK_FALSE(rate_hint({}, RateHeaders{}, now));
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

TEST_CASE("the pacer holds nothing back before the first refusal, then cuts and recovers") {
  Pacer pacer;
  Duration at{1000};
  for (int i = 0; i < 20; ++i, at += 100ms) {
    CHECK(pacer.delay(at) == 0ms);
    pacer.sent(at);
    pacer.accepted(at);
  }
  pacer.refused(at, at);
  CHECK(pacer.rate() == doctest::Approx(7.0).epsilon(0.01));  // 0.7 of the 10 a second that went through
  CHECK(pacer.delay(at) > 100ms);
  const double cut = pacer.rate();
  pacer.refused(at - 50ms, at + 10ms);  // had left before the refusal: nothing new
  CHECK(pacer.rate() == cut);
  at += 1s;
  pacer.accepted(at);
  CHECK(pacer.rate() == doctest::Approx(cut + 0.5));
  at += 1h;
  pacer.accepted(at);
  CHECK(pacer.rate() < cut + 1.1);
  for (int i = 0; i < 100; ++i, at += 1s) pacer.refused(at, at);
  CHECK(pacer.rate() == doctest::Approx(0.05));
  CHECK(pacer.delay(at) <= 20s);
}

TEST_CASE("paced requests leave one interval apart") {
  Pacer pacer;
  pacer.refused(0ms, 0ms);  // nothing known: 4 a second, cut to 2.8
  Duration at{0};
  for (int i = 0; i < 5; ++i) {
    at += pacer.delay(at);
    pacer.sent(at);
  }
  CHECK(at >= 4 * 357ms);
  CHECK(at <= 6 * 358ms);
}

struct GateBench {
  FakeClock clock;
  FixedRandom random;
  RateGate gate{clock, random};
  RateGate::Passage pass(Duration patience) { return run(gate.pass(patience)); }
};

TEST_CASE("A36: a closed gate holds everybody until one instant, and says until when and why") {
  GateBench bench;
  CHECK(bench.pass(1s) == RateGate::Passage::open);
  CHECK_FALSE(bench.gate.waiting());
  const Duration start = bench.clock.elapsed;
  bench.gate.refused(start, 90s, "GET /users was answered with 429");
  REQUIRE(bench.gate.waiting());
  CHECK(bench.gate.waiting()->until == bench.clock.now() + 90s);
  CHECK(bench.gate.waiting()->reason == "GET /users was answered with 429");
  CHECK(bench.pass(60s) == RateGate::Passage::too_long);
  CHECK(bench.clock.elapsed == start);  // nobody sleeps for nothing
  CHECK(bench.pass(100s) == RateGate::Passage::open);
  CHECK(bench.clock.elapsed >= start + 90s);
  CHECK_FALSE(bench.gate.waiting());
}

TEST_CASE("A36: stopping ends the wait at once") {
  GateBench bench;
  bench.gate.refused(bench.clock.elapsed, 90s, "429");
  bench.clock.stop_after = 1;
  CHECK(bench.pass(1h) == RateGate::Passage::stopping);
  CHECK(bench.pass(1h) == RateGate::Passage::stopping);
}

TEST_CASE("without a hint the wait doubles with each refusal, and success shortens it again") {
  GateBench bench;
  std::vector<Duration> waits;
  for (int i = 0; i < 3; ++i) {
    bench.gate.refused(bench.clock.elapsed, std::nullopt, "429");
    waits.push_back(bench.gate.waiting()->until - bench.clock.now());
    CHECK(bench.pass(1h) == RateGate::Passage::open);
  }
  CHECK(waits == std::vector<Duration>{750ms, 1500ms, 3000ms});
  for (int i = 0; i < 3; ++i) bench.gate.accepted();
  bench.gate.refused(bench.clock.elapsed, std::nullopt, "429");
  CHECK(bench.gate.waiting()->until - bench.clock.now() == 750ms);
}

TEST_CASE("requests that were under way when the gate closed count as one refusal") {
  GateBench bench;
  const Duration sent = bench.clock.elapsed;
  bench.clock.elapsed += 50ms;
  for (int i = 0; i < 8; ++i) bench.gate.refused(sent, std::nullopt, "429");
  CHECK(bench.gate.waiting()->until - bench.clock.now() == 750ms);
}

}  // namespace
}  // namespace usersyncd::test
