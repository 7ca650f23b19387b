#include <doctest/doctest.h>

#include <filesystem>

#include "tests/program/daemon_world.hpp"

namespace usersyncd::test {
namespace {

namespace fs = std::filesystem;

// The old state is in force: what somebody changes is set right by it, still.
void check_converges(Bench& bench, const Daemon& daemon) {
  const auto since = daemon.mark();
  bench.simulator().put_user("ada", R"({"phone":"+19195557777"})");
  CHECK(eventually([&] { return !about(daemon, "drift.resolved", "ada", since).empty(); }));
}

TEST_CASE("A44 A55: an invalid new file is refused, the old state stays in force, a mended one is taken") {
  Bench bench{quick()};
  bench.policy("  - { name: break-glass, match: { users: [\"breakglass-*\"] }, effect: deny }\n");
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));

  struct Broken {
    std::string file, text, named;
  };
  const auto config = read_text(bench.config());
  const auto policy = read_text(bench.home().path("policies/rules.yaml"));
  const auto desired = read_text(bench.home().path("desired/two.yaml"));
  const Broken all[] = {
      {"desired/two.yaml", desired + "  - { usrname: eve }\n", "two.yaml"},
      {"desired/two.yaml", desired.substr(0, desired.size() - 20), "two.yaml"},  // half-written
      {"policies/rules.yaml", policy + "  - { name: x, effect: perhaps }\n", "rules.yaml"},
      {"usersyncd.yaml", config + "colour: red\n", "usersyncd.yaml"},
  };
  for (const auto& broken : all) {
    CAPTURE(broken.text);
    const auto good = read_text(bench.home().path(broken.file));
    auto since = daemon.mark();
    bench.home().write(broken.file, broken.text);
    REQUIRE(daemon.wait_for_event("reload.failed", since));
    CHECK(text_of(daemon.events("reload.failed", since).front(), "reason").find(broken.named) !=
          std::string::npos);
    CHECK(missing_from(bench.run({"status"}).out, {"was refused", broken.named}) == "");
    check_converges(bench, daemon);

    since = daemon.mark();
    bench.home().write(broken.file, good);
    CHECK(daemon.wait_for_event("reload.ok", since));
    CHECK(bench.run({"status"}).out.find("was refused") == std::string::npos);
    CHECK(daemon.events("reload.failed", since).empty());
  }
  CHECK(daemon.stop() == 0);
}

TEST_CASE("A5: a desired directory that vanishes or is empty takes nothing away") {
  Bench bench{quick()};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  const auto directory = bench.home().path("desired");
  const auto aside = bench.home().path("aside");

  auto since = daemon.mark();
  fs::rename(directory, aside);
  REQUIRE(daemon.wait_for_event("reload.failed", since));
  check_converges(bench, daemon);

  since = daemon.mark();
  fs::create_directory(directory);
  REQUIRE(daemon.wait_for_event("reload.failed", since));
  check_converges(bench, daemon);

  since = daemon.mark();
  fs::remove(directory);
  fs::rename(aside, directory);
  CHECK(daemon.wait_for_event("reload.ok", since));
  CHECK(daemon.events("drift.detected").size() == 2);
  CHECK(daemon.stop() == 0);
}

TEST_CASE("an account that is switched to observe in the middle of a run writes nothing more") {
  Bench bench{quick(), {"--latency", "100ms"}};
  bench.policy(no_limits);
  wish_more(bench, people("new", 40));
  Daemon daemon{bench};
  REQUIRE(eventually([&] { return bench.simulator().writes().size() >= 3; }));
  const auto since = daemon.mark();
  auto observing = bench.setup();
  observing.mode = "observe";
  bench.set_up(observing);
  REQUIRE(daemon.wait_for_event("reload.ok", since));
  const auto written = bench.simulator().writes().size();
  REQUIRE(cycles(daemon, 3, since));
  const auto in_flight = 4U;
  CHECK(bench.simulator().writes().size() <= written + in_flight);
  CHECK(bench.simulator().writes().size() < 40);
  CHECK(daemon.stop() == 0);
}

}  // namespace
}  // namespace usersyncd::test
