#include <doctest/doctest.h>

#include <map>
#include <random>
#include <thread>

#include "tests/program/daemon_world.hpp"

namespace usersyncd::test {
namespace {

constexpr int wanted = 100;

// How often a create was done, by the body's username.
std::map<std::string, int> creates(const Simulator& simulator) {
  std::map<std::string, int> done;
  for (const auto& asked : simulator.writes()) {
    if (asked.method != "POST" || !asked.worked) continue;
    ++done[text_of(parse_output(asked.body).as_object(), "username")];
  }
  return done;
}

// Every write that reached the provider in the last run is in the audit log, whatever became of it.
void check_last_run_is_told(Bench& bench, std::uint64_t since) {
  const auto told = bench.run({"audit", "list", "--run", "last"});
  CHECK(told.exit == 0);
  std::vector<std::string> names;
  for (const auto& asked : bench.simulator().writes(since)) {
    names.push_back(text_of(parse_output(asked.body).as_object(), "username"));
  }
  CHECK(missing_from(told.out, names) == "");
}

TEST_CASE(
    "A28 A62 A64: killed at any instant among 100 creates, it goes on at once and creates nobody twice") {
  auto setup = quick();
  setup.request_timeout = "1s";
  Bench bench{setup, {"--latency", "5ms"}};
  bench.policy(no_limits);
  wish_more(bench, people("new", wanted));
  std::mt19937 random{4711};
  std::uniform_int_distribution<int> pause{0, 250};
  for (int kills = 0; kills < 5; ++kills) {
    const auto since = bench.simulator().now();
    Daemon daemon{bench};
    REQUIRE(daemon.wait_for_event("started"));
    // Somewhere after the first write of this run, or in the look before it.
    eventually([&] { return !bench.simulator().writes(since).empty(); }, Milliseconds{2'500});
    std::this_thread::sleep_for(Milliseconds{pause(random)});
    daemon.kill();
    CHECK(bench.run({"audit", "verify"}).exit == 0);
    if (!bench.simulator().writes(since).empty()) check_last_run_is_told(bench, since);
  }
  Daemon daemon{bench};
  CHECK(eventually([&] { return creates(bench.simulator()).size() == wanted; }, Milliseconds{60'000}));
  REQUIRE(cycles(daemon, 2, daemon.mark()));
  for (const auto& created : creates(bench.simulator())) {
    CAPTURE(created.first);
    CHECK(created.second == 1);
  }
  CHECK(daemon.stop() == 0);
  CHECK(bench.run({"audit", "verify"}).exit == 0);
  CHECK(bench.run({"drift"}).exit == 0);
}

}  // namespace
}  // namespace usersyncd::test
