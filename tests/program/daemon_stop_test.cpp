#include <doctest/doctest.h>

#include <chrono>

#include "tests/program/daemon_world.hpp"

namespace usersyncd::test {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t in_flight = 4;  // maxInFlight of the config

TEST_CASE("SIGTERM in the middle of a run: exit 0, the requests in flight end, no other is sent") {
  Bench bench{quick(), {"--latency", "300ms"}};
  bench.policy(no_limits);
  wish_more(bench, people("new", 40));
  std::size_t written = 0;
  {
    Daemon daemon{bench};
    REQUIRE(eventually([&] { return bench.simulator().writes().size() >= 2; }));
    written = bench.simulator().writes().size();
    CHECK(daemon.stop() == 0);
    CHECK(daemon.wait_for_event("stopped"));
    CHECK(daemon.events("action.failed").empty());
    CHECK(bench.simulator().writes().size() <= written + in_flight);
  }
  // Nobody backs off for a stop: the next daemon goes on at once.
  Daemon again{bench};
  CHECK(eventually([&] { return bench.simulator().has("new039"); }));
  CHECK(again.stop() == 0);
  CHECK(bench.run({"audit", "verify"}).exit == 0);
}

TEST_CASE(
    "A36: a wait of an hour for the rate limit ends at once with SIGTERM, and status shows until when") {
  Bench bench{quick()};
  add_two_users(bench);
  bench.simulator().faults(R"({"rules":[{"method":"GET","path":"/users",)"
                           R"("fault":{"status":429,"headers":{"Retry-After":"3600"}}}]})");
  Daemon daemon{bench};
  REQUIRE(daemon.wait_for_event("rate.limited"));
  REQUIRE(eventually([&] { return !text_of(status_of(bench), "waitingUntil").empty(); }));
  const auto asked = bench.simulator().now();
  const auto shown = status_of(bench);
  CHECK(text_of(shown, "waitingReason").find("429") != std::string::npos);
  CHECK(text_of(shown, "waitingUntil") > text_of(shown, "lastPoll"));
  CHECK(bench.run({"pause", "--reason", "later"}).exit == 0);
  CHECK(bench.simulator().now() == asked);

  const auto began = steady_clock::now();
  CHECK(daemon.stop() == 0);
  CHECK(steady_clock::now() - began < std::chrono::seconds{5});
}

TEST_CASE(
    "A63: pause stops the writes of a run at once, polling goes on, a restart changes nothing, resume does") {
  Bench bench{quick(), {"--latency", "100ms"}};
  bench.policy(no_limits);
  wish_more(bench, people("new", 40));
  std::size_t written = 0;
  {
    Daemon daemon{bench};
    REQUIRE(eventually([&] { return bench.simulator().writes().size() >= 3; }));
    REQUIRE(bench.run({"pause", "--reason", "let me look"}).exit == 0);
    const auto since = daemon.mark();
    written = bench.simulator().writes().size();
    REQUIRE(cycles(daemon, 3, since));
    CHECK(daemon.events("poll.ok", since).size() >= 2);
    CHECK(bench.simulator().writes().size() <= written + in_flight);
    CHECK(bench.simulator().writes().size() < 40);
    CHECK(daemon.stop() == 0);
  }
  written = bench.simulator().writes().size();
  Daemon again{bench};
  REQUIRE(cycles(again, 2, 0));
  CHECK(bench.simulator().writes().size() == written);
  CHECK(status_of(bench).at("paused").is_object());

  REQUIRE(bench.run({"resume"}).exit == 0);
  CHECK(eventually([&] { return bench.simulator().has("new039"); }));
  CHECK(again.stop() == 0);
  CHECK(bench.simulator().writes().size() == 40);
}

TEST_CASE("A61: a second daemon on the same store exits at once and names the holder") {
  Bench bench{quick()};
  Daemon first{bench};
  REQUIRE(first.wait_for_event("started"));
  const auto second = bench.run({"run"});
  CHECK(second.exit == 1);
  CHECK(second.err.find("pid " + std::to_string(first.pid())) != std::string::npos);
  CHECK(first.running());
  CHECK(first.stop() == 0);
}

TEST_CASE("an approval from the command line is acted on within seconds, though the next poll is far") {
  auto setup = quick();
  setup.poll_interval = "1h";
  Bench bench{setup};
  bench.policy("  - { name: creates, match: { operations: [create] }, effect: requireApproval }\n");
  wish_more(bench, people("new", 2));
  Daemon daemon{bench};
  REQUIRE(daemon.wait_for_event("approval.requested"));
  REQUIRE(cycles(daemon, 1, 0));
  CHECK(bench.simulator().writes().empty());

  const auto waiting = parse_output(bench.run({"approvals", "--format", "json"}).out);
  const auto& first = waiting.at("approvals").at(0).as_object();
  REQUIRE(bench.run({"approve", text_of(first, "id")}).exit == 0);
  CHECK(eventually([&] { return bench.simulator().has(text_of(first, "username")); }));
  REQUIRE(cycles(daemon, 2, 0));
  CHECK(bench.simulator().writes().size() == 1);
  CHECK(daemon.stop() == 0);
}

}  // namespace
}  // namespace usersyncd::test
