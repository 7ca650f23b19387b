#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/program/daemon_world.hpp"

// Many accounts in one daemon: what is wrong with some of them is nobody else's trouble.

namespace usersyncd::test {
namespace {

/// More than are polled at once.
constexpr int many = 100;

std::string account_lines(const Bench& bench, const std::string& id, const std::string& url,
                          const std::string& interval) {
  return "  - id: \"" + id + "\"\n    provider: bandwidth-v1\n    baseUrl: " + url +
         "\n    pollInterval: " + interval +
         "\n    credentials: { type: oauth2, clientId: { file: " + bench.secrets().path("id") +
         " }, clientSecret: { file: " + bench.secrets().path("secret") + " } }\n";
}

std::size_t polls_of(const Daemon& daemon, const std::string& account, const std::string& event = "poll.ok") {
  std::size_t count = 0;
  for (const auto& told : daemon.events(event)) count += text_of(told, "account") == account ? 1U : 0U;
  return count;
}

TEST_CASE("one account that is dead or slow, and as many as are polled at once, delay no other") {
  Simulator slow{{"--users", "3", "--account", "slow"}};
  slow.faults(R"({"rules":[{"path":"/users","fault":{"slow":"3s"}}]})");
  Bench bench{quick()};
  auto setup = bench.setup();
  // Nobody listens on port 1. Each of them tries again and again for longer than this test takes.
  for (int i = 0; i < many; ++i)
    setup.account_lines +=
        account_lines(bench, "dead" + std::to_string(i), "http://127.0.0.1:1/" + std::to_string(i), "1s");
  setup.account_lines += account_lines(bench, "slow", slow.url(), "1s");
  bench.set_up(setup);
  Daemon daemon{bench};
  REQUIRE(eventually([&] { return polls_of(daemon, "5500001") >= 3; }));
  CHECK(polls_of(daemon, "dead0", "poll.failed") == 0);
  CHECK(eventually([&] { return polls_of(daemon, "slow") >= 1; }));
  CHECK(daemon.stop() == 0);
}

TEST_CASE("an edit for one account is taken up by a daemon of several, and the others keep what they have") {
  Simulator second{{"--users", "3", "--account", "5500002"}};
  Bench bench{quick("observe")};
  auto setup = bench.setup();
  setup.poll_interval = "1h";
  const std::string other = "5500002";
  setup.account_lines = account_lines(bench, other, second.url(), "1h");
  bench.set_up(setup);
  const auto text = "version: 1\naccount: \"" + other + "\"\nusers:\n  - username: ann\n    firstName: Ann\n";
  bench.wish_file("other.yaml", text);
  Daemon daemon{bench};
  REQUIRE(eventually([&] { return polls_of(daemon, "5500001") + polls_of(daemon, other) == 2; }));

  const auto since = daemon.mark();
  bench.wish_file("other.yaml", text + "  - username: eve\n    firstName: Eve\n");
  REQUIRE(daemon.wait_for_event("reload.ok", since));
  REQUIRE(eventually([&] { return !about(daemon, "drift.detected", "eve").empty(); }));
  CHECK(polls_of(daemon, "5500001") == 1);
  CHECK(polls_of(daemon, other) == 2);

  // It is what the next process starts with, too.
  CHECK(daemon.stop() == 0);
  Daemon next{bench};
  REQUIRE(eventually([&] { return polls_of(next, "5500001") + polls_of(next, other) == 2; }));
  CHECK(next.events("drift.resolved").empty());
  CHECK(next.events("drift.detected").empty());
  CHECK(next.stop() == 0);
}

TEST_CASE("a poll that is under way while the desired state of another account is edited counts") {
  Simulator slow{{"--users", "3", "--account", "slow"}};
  slow.faults(R"({"rules":[{"path":"/users","fault":{"slow":"3s"}}]})");
  Bench bench{quick()};
  auto setup = bench.setup();
  setup.poll_interval = "1h";
  setup.account_lines = account_lines(bench, "slow", slow.url(), "1h");
  bench.set_up(setup);
  Daemon daemon{bench};
  const auto lists = [&] {
    const auto asked = slow.journal();
    return std::count_if(asked.begin(), asked.end(),
                         [](const Asked& one) { return one.path.find("/users") != std::string::npos; });
  };
  REQUIRE(eventually([&] { return polls_of(daemon, "5500001") == 1 && lists() == 1; }));
  REQUIRE(polls_of(daemon, "slow") == 0);
  wish_more(bench, people("new", 1));
  REQUIRE(daemon.wait_for_event("reload.ok"));
  REQUIRE(eventually([&] { return polls_of(daemon, "slow") == 1; }));
  CHECK(lists() == 1);
  CHECK(daemon.stop() == 0);
}

}  // namespace
}  // namespace usersyncd::test
