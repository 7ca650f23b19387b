#include <doctest/doctest.h>

#include <algorithm>

#include "tests/program/daemon_world.hpp"
#include "tests/support/temp_store.hpp"

namespace usersyncd::test {
namespace {

std::string fault_on(const std::string& method, const std::string& path, const std::string& fault) {
  return R"({"rules":[{"method":")" + method + R"(","path":")" + path + R"(","fault":)" + fault + "}]}";
}

std::size_t writes_to(const Simulator& simulator, const std::string& username) {
  const auto writes = simulator.writes();
  return static_cast<std::size_t>(std::count_if(writes.begin(), writes.end(), [&](const Asked& asked) {
    return asked.path.ends_with("/" + username);
  }));
}

TEST_CASE("A26 A35: a user that always fails stops nobody else, and backs off") {
  for (const auto* fault : {R"({"status":500,"body":"broken"})", R"({"status":400,"body":"{}"})"}) {
    CAPTURE(fault);
    Bench bench{quick()};
    bench.policy(no_limits);
    add_two_users(bench);
    bench.simulator().put_user("ada", R"({"lastName":"Changed"})");
    bench.simulator().put_user("bob", R"({"lastName":"Changed"})");
    bench.simulator().faults(fault_on("PUT", "/users/ada$", fault));
    Daemon daemon{bench};
    REQUIRE(eventually([&] { return !about(daemon, "action.applied", "bob").empty(); }));
    REQUIRE(cycles(daemon, 4, daemon.mark()));
    CHECK(writes_to(bench.simulator(), "ada") == 1);
    const auto asked = bench.simulator().journal();
    const auto about_ada = std::count_if(asked.begin(), asked.end(), [](const Asked& one) {
      return one.path.find("/users/ada") != std::string::npos;
    });
    // The look before, the write, the look after, and at most one read in each cycle.
    CHECK(static_cast<std::size_t>(about_ada) <= 3 + daemon.events("cycle.summary").size());
    CHECK(daemon.stop() == 0);
  }
}

TEST_CASE("A52 A2 A7 A10: a list that lies changes nothing, and the next good one is acted on in full") {
  auto setup = quick();
  setup.retry_for = "1s";
  Bench bench{setup};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  for (const auto* fault : {R"({"emptyList":true})", R"({"html":true})", R"({"truncate":0.5})",
                            R"({"shrinkList":0.5})", R"({"wrongTotal":3})"}) {
    CAPTURE(fault);
    auto since = daemon.mark();
    const auto number = bench.simulator().now();
    bench.simulator().faults(fault_on("GET", R"(/users(\\?|$))", fault));
    REQUIRE(eventually([&] {
      return !daemon.events("poll.failed", since).empty() || !daemon.events("poll.incomplete", since).empty();
    }));
    bench.simulator().put_user("ada", R"({"phone":"+19195556666"})");
    REQUIRE(cycles(daemon, 1, daemon.mark()));
    CHECK(bench.simulator().writes(number).empty());

    since = daemon.mark();
    bench.simulator().faults("{}");
    CHECK(eventually([&] { return !about(daemon, "drift.resolved", "ada", since).empty(); }));
  }
  CHECK(daemon.stop() == 0);
}

TEST_CASE(
    "A51: a value that the provider does not keep is written three times, then reported and left alone") {
  Bench bench{quick()};
  add_two_users(bench);
  bench.simulator().put_user("ada", R"({"phone":"+19195556666"})");
  bench.simulator().faults(fault_on("PUT", "/users/ada$", R"({"ignoreWrite":true})"));
  Daemon daemon{bench};
  REQUIRE(eventually([&] { return about(daemon, "action.unverified", "ada").size() == 3; }));
  REQUIRE(cycles(daemon, 3, daemon.mark()));
  CHECK(writes_to(bench.simulator(), "ada") == 3);
  CHECK(about(daemon, "drift.detected", "ada").size() == 1);
  CHECK(bench.run({"drift"}).out.find("ada") != std::string::npos);

  // Another value is worth another try.
  auto text = read_text(bench.home().path("desired/two.yaml"));
  text.replace(text.find("+19195550001"), 12, "+19195550003");
  bench.simulator().faults("{}");
  bench.wish_file("two.yaml", text);
  CHECK(eventually([&] { return !about(daemon, "action.applied", "ada").empty(); }));
  CHECK(daemon.stop() == 0);
}

TEST_CASE("A32: a new user that neither list nor look-up shows yet is not created again") {
  Bench bench{quick()};
  bench.policy(no_limits);
  bench.simulator().faults(fault_on("POST", "/users$", R"({"staleReads":12})"));
  wish_more(bench, people("new", 1));
  Daemon daemon{bench};
  REQUIRE(eventually([&] { return !about(daemon, "action.unverified", "new000").empty(); }));
  CHECK(eventually([&] { return !about(daemon, "action.applied", "new000").empty(); }));
  REQUIRE(cycles(daemon, 2, daemon.mark()));
  CHECK(bench.simulator().writes().size() == 1);
  CHECK(daemon.stop() == 0);
}

TEST_CASE(
    "a token that runs out is renewed without noise, also when it does in the middle of parallel writes") {
  Bench bench{quick(), {"--token-ttl", "2"}};
  bench.policy(no_limits);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 4, 0));
  CHECK(daemon.events("poll.failed").empty());
  const auto asked = bench.simulator().journal();
  const auto tokens = std::count_if(asked.begin(), asked.end(), [](const Asked& one) {
    return one.path.find("/oauth2/token") != std::string::npos;
  });
  CHECK(tokens >= 2);
  CHECK(tokens <= 8);

  bench.simulator().faults(
      R"({"rules":[{"method":"POST","path":"/users$","nth":5,"count":1,"fault":{"revokeTokens":true}}]})");
  wish_more(bench, people("new", 10));
  CHECK(eventually([&] { return bench.simulator().has("new009"); }));
  REQUIRE(cycles(daemon, 1, daemon.mark()));
  CHECK(daemon.events("action.failed").empty());
  CHECK(daemon.events("breaker.open").empty());
  CHECK(daemon.stop() == 0);
}

TEST_CASE("A52: a provider that is down for a while is polled again, and what was missed is done") {
  auto setup = quick();
  setup.retry_for = "1s";
  Bench bench{setup};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  auto since = daemon.mark();
  bench.simulator().faults(R"({"rules":[{"fault":{"resetBefore":true}}]})");
  bench.simulator().put_user("ada", R"({"phone":"+19195556666"})");
  REQUIRE(eventually([&] { return daemon.events("poll.failed", since).size() >= 2; }));
  CHECK_FALSE(text_of(status_of(bench), "lastError").empty());

  since = daemon.mark();
  bench.simulator().faults("{}");
  CHECK(eventually([&] { return !about(daemon, "drift.resolved", "ada", since).empty(); }));
  CHECK(text_of(status_of(bench), "lastError").empty());
  CHECK(daemon.stop() == 0);
}

TEST_CASE("A52: a store that cannot be asked what people said stops no daemon, and is asked again") {
  Bench bench{quick()};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  const auto since = daemon.mark();
  run_raw(bench.store(), "ALTER TABLE approvals RENAME TO away");
  REQUIRE(eventually([&] { return !daemon.events("poll.failed", since).empty(); }));
  bench.simulator().put_user("ada", R"({"phone":"+19195556666"})");
  run_raw(bench.store(), "ALTER TABLE away RENAME TO approvals");
  CHECK(eventually([&] { return !about(daemon, "drift.resolved", "ada", since).empty(); }));
  CHECK(daemon.stop() == 0);
}

TEST_CASE("a desired state that is damaged in the store is read from its files by the poll that needs it") {
  Bench bench{quick()};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  run_raw(bench.store(), "UPDATE notes SET content = '{' WHERE name GLOB 'desired-state*'");
  const auto since = daemon.mark();
  bench.simulator().put_user("ada", R"({"lastName":"Changed"})");
  REQUIRE(eventually([&] { return !about(daemon, "action.applied", "ada", since).empty(); }));
  CHECK(daemon.events("poll.failed", since).empty());
  CHECK(daemon.stop() == 0);
}

TEST_CASE("a provider that fails write after write is left alone until one try tells that it has recovered") {
  Bench bench{quick()};
  bench.policy(no_limits);
  constexpr int users = 24;
  for (int i = 0; i < users; ++i) {
    const auto name = "old0" + std::string(i < 10 ? "0" : "") + std::to_string(i);
    bench.simulator().put_user(name, R"({"firstName":")" + name + R"(","lastName":"Old","email":")" + name +
                                         R"(@example.com","accounts":["5500001"]})");
  }
  bench.simulator().faults(fault_on("PUT", "/users/old", R"({"status":503,"body":"busy"})"));
  wish_more(bench, people("old", users));
  Daemon daemon{bench};
  REQUIRE(daemon.wait_for_event("breaker.open"));
  CHECK(eventually([&] { return text_of(status_of(bench), "breaker") != "closed"; }));
  CHECK(bench.simulator().writes().size() < users);
  bench.simulator().faults("{}");
  REQUIRE(daemon.wait_for_event("breaker.closed"));
  CHECK(eventually([&] { return text_of(status_of(bench), "breaker") == "closed"; }));
  CHECK(daemon.stop() == 0);
}

}  // namespace
}  // namespace usersyncd::test
