#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "tests/program/support.hpp"

// An account and files that are byte for byte as they were are recognised; whatever is not is looked at.

namespace usersyncd::test {
namespace {

std::string without_times(const std::string& text) {
  auto plan = parse_output(text).as_object();
  plan.erase("createdAt");
  for (auto& account : plan.at("accounts").as_array()) account.as_object().erase("observedAt");
  return boost::json::serialize(plan);
}

/// An account that is described as it is, of which one plan has been made.
struct Quiet : Bench {
  explicit Quiet(Api api, const std::string& mode = "enforce")
      : Bench(setup_for(api, mode), {"--whole-list"}) {
    wish_file("main.yaml", simulator().desired());
    first = run({"plan", "--format", "json"});
    REQUIRE_MESSAGE(first.exit == 0, first.err);
  }
  static Setup setup_for(Api api, const std::string& mode) {
    Setup setup;
    setup.mode = mode;
    setup.api = api;
    return setup;
  }
  /// The plan; `lists` counts the list requests that it took.
  Run plan() {
    const auto before = simulator().now();
    auto run = this->run({"plan", "--format", "json"});
    lists = 0;
    for (const auto& asked : simulator().journal(before)) {
      const auto path = asked.path.substr(0, asked.path.find('?'));
      if (asked.method == "GET" && path.ends_with("/users")) ++lists;
    }
    return run;
  }
  std::string desired_with(const std::string& from, const std::string& to) {
    auto text = simulator().desired();
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  }

  Run first;
  int lists = 0;
};

}  // namespace

TEST_CASE("a plan of a quiet account costs one list, and says what the first one said") {
  for (const Api api : {Api::v1, Api::dashboard}) {
    Quiet bench{api};
    const auto again = bench.plan();
    CHECK(again.exit == 0);
    CHECK(without_times(again.out) == without_times(bench.first.out));
    CHECK(bench.lists == 1);
    CHECK(bench.run({"audit", "verify"}).exit == 0);
    const auto applied = bench.run({"apply", "--yes"});
    CHECK(applied.exit == 0);
    CHECK(bench.simulator().writes().empty());
  }
}

TEST_CASE("A2: a plan saves nothing, so that what comes after it takes nothing for saved") {
  for (const Api api : {Api::v1, Api::dashboard}) {
    Quiet bench{api};
    CHECK(bench.plan().exit == 0);
    CHECK(bench.run({"apply", "--yes"}).exit == 0);
    bench.simulator().faults(
        R"({"rules":[{"method":"GET","path":"/users(.limit.*|)$","fault":{"emptyList":true}}]})");
    const auto lied_to = bench.run({"apply", "--yes"});
    CHECK(lied_to.exit == 1);
    CHECK(lied_to.err.find("empty") != std::string::npos);
    CHECK(bench.simulator().writes().empty());
  }
}

TEST_CASE("drift that a plan saw mended is mended for the next poll, too") {
  Quiet bench{Api::v1, "observe"};
  const auto name = bench.simulator().usernames().front();
  const auto last = std::string{bench.simulator().user(name).at("lastName").as_string()};
  bench.simulator().put_user(name, R"({"lastName":"Changed"})");
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  CHECK(bench.run({"drift"}).exit == 2);
  bench.simulator().put_user(name, R"({"lastName":")" + last + "\"}");
  CHECK(bench.plan().exit == 0);
  bench.run({"apply", "--yes"});
  CHECK(bench.run({"drift"}).exit == 0);
}

TEST_CASE("after a quiet plan, a change in the portal, in the desired state and in the policies is noticed") {
  for (const Api api : {Api::v1, Api::dashboard}) {
    Quiet bench{api};
    const auto name = bench.simulator().usernames().front();
    const auto last = std::string{bench.simulator().user(name).at("lastName").as_string()};
    bench.simulator().put_user(name, R"({"lastName":"Changed"})");
    CHECK(bench.plan().exit == 2);
    CHECK(bench.lists == 1);
    bench.simulator().put_user(name, R"({"lastName":")" + last + "\"}");
    CHECK(bench.plan().exit == 0);

    bench.wish_file("main.yaml", bench.desired_with("firstName: \"", "firstName: \"New"));
    CHECK(bench.plan().exit == 2);
    bench.wish_file("main.yaml", bench.simulator().desired());
    CHECK(bench.plan().exit == 0);
    bench.wish_file("main.yaml", bench.simulator().desired() + "  - username:\n");
    CHECK(bench.plan().exit == 65);
    bench.wish_file("main.yaml", bench.simulator().desired());

    bench.policy("  - { name: house, effect: { require: { email: \"*@nowhere.example\" } } }\n");
    CHECK(bench.plan().out.find("house") != std::string::npos);
  }
}

}  // namespace usersyncd::test
