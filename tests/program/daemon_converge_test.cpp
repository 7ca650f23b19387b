#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>

#include "tests/program/daemon_world.hpp"

namespace usersyncd::test {
namespace {

namespace json = boost::json;

TEST_CASE("an edited file is picked up without a signal, and by SIGHUP") {
  Bench bench{quick()};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  CHECK(bench.simulator().writes().empty());

  wish_more(bench, people("new", 1));
  CHECK(daemon.wait_for_event("reload.ok"));
  CHECK(eventually([&] { return bench.simulator().has("new000"); }));

  const auto since = daemon.mark();
  daemon.signal(SIGHUP);
  CHECK(daemon.wait_for_event("reload.ok", since));
  CHECK(cycles(daemon, 1, since));
  CHECK(daemon.running());
  CHECK(daemon.stop() == 0);
}

TEST_CASE("A45: an edit behind its back is reported once, mended and reported as resolved") {
  Bench bench{quick()};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));

  bench.simulator().put_user("ada", R"({"phone":"+19195559999"})");
  REQUIRE(eventually([&] { return !about(daemon, "drift.resolved", "ada").empty(); }));
  CHECK(bench.simulator().user("ada").at("phone") == json::value("+19195550001"));
  REQUIRE(cycles(daemon, 1, daemon.mark()));

  const auto detected = about(daemon, "drift.detected", "ada");
  REQUIRE(detected.size() == 1);
  CHECK(text_of(detected[0], "field") == "phone");
  CHECK(text_of(detected[0], "desired").find("+19195550001") != std::string::npos);
  CHECK(text_of(detected[0], "actual").find("+19195559999") != std::string::npos);
  CHECK(text_of(detected[0], "reason").find("since 20") != std::string::npos);
  CHECK(about(daemon, "action.applied", "ada").size() == 1);
  CHECK(bench.simulator().writes().size() == 1);
  CHECK(daemon.stop() == 0);
}

// The drift of ada's phone as `usersyncd drift` shows it.
json::object drift_of_ada(Bench& bench) {
  const auto run = bench.run({"drift", "--format", "json"});
  CHECK(run.exit == 2);
  const auto document = parse_output(run.out);
  for (const auto& entry : document.at("drift").as_array()) {
    if (text_of(entry.as_object(), "username") == "ada") return entry.as_object();
  }
  return {};
}

TEST_CASE(
    "A12 A45: in observe mode a drift is reported once, again when it changes, and not after a restart") {
  Bench bench{quick("observe")};
  add_two_users(bench);
  std::string since_when;
  {
    Daemon daemon{bench};
    REQUIRE(cycles(daemon, 1, 0));
    bench.simulator().put_user("ada", R"({"phone":"+19195559999"})");
    REQUIRE(eventually([&] { return !about(daemon, "drift.detected", "ada").empty(); }));
    REQUIRE(cycles(daemon, 3, daemon.mark()));
    CHECK(about(daemon, "drift.detected", "ada").size() == 1);
    CHECK(about(daemon, "drift.changed", "ada").empty());

    const auto drift = drift_of_ada(bench);
    CHECK(text_of(drift, "field") == "phone");
    since_when = text_of(drift, "since");
    const auto event = about(daemon, "drift.detected", "ada").front();
    CHECK(text_of(event, "reason") == "since " + since_when);

    bench.simulator().put_user("ada", R"({"phone":"+19195558888"})");
    REQUIRE(eventually([&] { return !about(daemon, "drift.changed", "ada").empty(); }));
    CHECK(daemon.stop() == 0);
  }
  Daemon again{bench};
  REQUIRE(cycles(again, 3, 0));
  CHECK(about(again, "drift.detected", "ada").empty());
  CHECK(about(again, "drift.changed", "ada").empty());
  CHECK(text_of(drift_of_ada(bench), "since") == since_when);
  CHECK(bench.simulator().writes().empty());
  CHECK(again.stop() == 0);
}

TEST_CASE("every line of the log is a JSON object with the contract's keys, one summary per cycle") {
  Bench bench{quick()};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  bench.simulator().put_user("bob", R"({"lastName":"line\nbreak \u001b[31m"})");
  REQUIRE(eventually([&] { return !about(daemon, "drift.resolved", "bob").empty(); }));
  REQUIRE(cycles(daemon, 2, daemon.mark()));
  CHECK(daemon.stop() == 0);

  const auto log = daemon.log();
  const auto lines = static_cast<std::size_t>(std::count(log.begin(), log.end(), '\n'));
  const auto events = daemon.events();
  CHECK(events.size() == lines);
  for (const auto& event : events) {
    for (const auto* key : {"time", "level", "event"}) CHECK_FALSE(text_of(event, key).empty());
    CHECK(text_of(event, "time").back() == 'Z');
  }
  CHECK(log.find('\x1b') == std::string::npos);
  CHECK(text_of(events.front(), "event") == "started");
  CHECK(text_of(events.back(), "event") == "stopped");

  // A cycle ends in one summary, whose run is that of its poll.
  const auto polls = daemon.events("poll.ok");
  const auto summaries = daemon.events("cycle.summary");
  REQUIRE(polls.size() == summaries.size());
  for (std::size_t i = 0; i < polls.size(); ++i) {
    CHECK(text_of(polls[i], "run") == text_of(summaries[i], "run"));
    CHECK(text_of(summaries[i], "account") == "5500001");
  }
}

}  // namespace
}  // namespace usersyncd::test
