#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>

#include "tests/program/support.hpp"

// The plan as a document, and what apply promises about it.

namespace usersyncd::test {
namespace {

namespace json = boost::json;

std::set<std::string> keys_of(const json::value& value) {
  std::set<std::string> keys;
  for (const auto& member : value.as_object()) keys.emplace(member.key());
  return keys;
}

// The same document without the times, which alone may differ.
std::string without_times(const std::string& text) {
  auto plan = parse_output(text).as_object();
  plan.erase("createdAt");
  for (auto& account : plan.at("accounts").as_array()) account.as_object().erase("observedAt");
  return json::serialize(plan);
}

// ann.lee changes, dan.new is new.
void wish_for_two_changes(Bench& bench) {
  add_people(bench.simulator());
  bench.wish(person("dan.new", "    roles: [Reporting, basicAccess, Ordering]\n") +
             person("ann.lee", "    roles: [Porting, Ordering]\n"));
}

}  // namespace

TEST_CASE("the JSON plan has the contract's keys, sorted sets and known words") {
  Bench bench;
  wish_for_two_changes(bench);
  const auto run = bench.run({"plan", "--format", "json"});
  CHECK(run.exit == 2);
  const auto plan = parse_output(run.out);
  using Keys = std::set<std::string>;
  CHECK(keys_of(plan) == Keys{"version", "id", "createdAt", "desiredRevision", "summary", "accounts"});
  CHECK(plan.at("version") == 1);
  CHECK(keys_of(plan.at("summary")) ==
        Keys{"create", "update", "enable", "disable", "delete", "held", "inSync"});
  const auto& account = plan.at("accounts").at(0);
  CHECK(keys_of(account) == Keys{"account", "observedAt", "complete", "actions"});
  CHECK(account.at("complete") == true);
  const std::set<std::string> operations{"create", "update", "enable", "disable", "delete"};
  const std::set<std::string> verdicts{"apply",   "approval", "denied", "deferred",
                                       "limited", "paused",   "report", "manual"};
  for (const auto& action : account.at("actions").as_array()) {
    CHECK(keys_of(action) ==
          Keys{"id", "operation", "username", "userId", "changes", "verdict", "rules", "reason"});
    CHECK(operations.contains(std::string{action.at("operation").as_string()}));
    CHECK(verdicts.contains(std::string{action.at("verdict").as_string()}));
    for (const auto& change : action.at("changes").as_array()) {
      CHECK(keys_of(change) == Keys{"field", "from", "to"});
      if (change.at("field") != "roles") continue;
      const auto& roles = change.at("to").as_array();
      CHECK(std::is_sorted(roles.begin(), roles.end(), [](const auto& left, const auto& right) {
        return left.as_string() < right.as_string();
      }));
    }
  }
}

TEST_CASE("A13: the same inputs give the same plan, id and bytes, but for the times") {
  Bench bench;
  wish_for_two_changes(bench);
  const auto first = bench.run({"plan", "--format", "json"});
  const auto second = bench.run({"plan", "--format", "json"});
  CHECK(without_times(first.out) == without_times(second.out));
}

TEST_CASE("plan --format markdown and text name every action") {
  Bench bench;
  wish_for_two_changes(bench);
  for (const char* format : {"markdown", "text"}) {
    const auto run = bench.run({"plan", "--format", format});
    CHECK(run.exit == 2);
    CHECK(missing_from(run.out, {"ann.lee", "dan.new"}) == "");
  }
}

TEST_CASE("A13: apply --plan does exactly the plan that was written with --out") {
  Bench bench;
  wish_for_two_changes(bench);
  const auto file = bench.home().path("plan.json");
  CHECK(bench.run({"plan", "--out", file}).exit == 2);
  const auto applied = bench.run({"apply", "--plan", file, "--yes"});
  CHECK_MESSAGE(applied.exit == 0, applied.out << applied.err);
  CHECK(bench.simulator().writes().size() == 2);
  CHECK(bench.simulator().has("dan.new"));
}

TEST_CASE("A13 A42: apply --plan is refused when the world or the YAML has changed, and nothing is sent") {
  Bench bench;
  wish_for_two_changes(bench);
  const auto file = bench.home().path("plan.json");
  CHECK(bench.run({"plan", "--out", file}).exit == 2);

  bench.simulator().put_user("ann.lee", R"({"roles":["porting"]})");
  const auto world_changed = bench.run({"apply", "--plan", file, "--yes"});
  CHECK(world_changed.exit == 1);
  CHECK(missing_from(world_changed.err, {"has changed", "nothing was sent", "Make a new plan"}) == "");

  bench.simulator().put_user("ann.lee", R"({"roles":["basicAccess","reporting"]})");
  bench.wish(person("ann.lee", "    roles: [Porting]\n"));
  CHECK(bench.run({"apply", "--plan", file, "--yes"}).exit == 1);
  CHECK(bench.simulator().writes().empty());
}

TEST_CASE("A13: apply --plan refuses a plan that was edited, and nothing is asked") {
  Bench bench;
  wish_for_two_changes(bench);
  const auto file = bench.home().path("plan.json");
  CHECK(bench.run({"plan", "--out", file}).exit == 2);
  const auto asked = bench.simulator().now();
  const auto good = parse_output(read_text(file));
  auto shorter = good;
  auto& actions = shorter.at("accounts").at(0).at("actions").as_array();
  actions.erase(actions.begin());
  auto other = good;
  other.at("accounts").at(0).at("actions").at(0).at("changes").at(0).as_object()["to"] = "Mallory";
  for (const auto& edited : {shorter, other}) {
    bench.home().write("plan.json", json::serialize(edited));
    const auto run = bench.run({"apply", "--plan", file, "--yes"});
    CHECK(run.exit == 64);
    CHECK(missing_from(run.err, {"plan.json", "edited", "nothing was sent"}) == "");
  }
  CHECK(bench.simulator().now() == asked);
  bench.home().write("plan.json", json::serialize(good));
  CHECK(bench.run({"apply", "--plan", file, "--yes"}).exit == 0);
}

TEST_CASE("apply --plan while the account is paused says so, and is held") {
  Bench bench;
  wish_for_two_changes(bench);
  const auto file = bench.home().path("plan.json");
  CHECK(bench.run({"plan", "--out", file}).exit == 2);
  CHECK(bench.run({"pause", "--reason", "stocktaking"}).exit == 0);
  const auto run = bench.run({"apply", "--plan", file, "--yes"});
  CHECK(run.exit == 3);
  CHECK(missing_from(run.err, {"paused", "stocktaking", "usersyncd resume"}) == "");
  CHECK(bench.simulator().writes().empty());
}

TEST_CASE("A24: a plan stays the one that was reviewed when a line is added above what it was made from") {
  Bench bench;
  wish_for_two_changes(bench);
  const auto file = bench.home().path("plan.json");
  CHECK(bench.run({"plan", "--out", file}).exit == 2);
  const auto main = bench.home().path("desired/main.yaml");
  bench.wish_file("main.yaml", "# A line that asks for nothing.\n" + read_text(main));
  const auto applied = bench.run({"apply", "--plan", file, "--yes"});
  CHECK_MESSAGE(applied.exit == 0, applied.out << applied.err);
  CHECK(bench.simulator().has("dan.new"));
}

TEST_CASE("a change of a user whose id the provider does not tell is for a person, and the plan says so") {
  Setup setup;
  setup.api = Api::dashboard;
  Bench bench{setup, {"--no-user-ids"}};
  add_people(bench.simulator());
  bench.wish(person("ann.lee", "    phone: \"+19195550042\"\n") + person("bob.ray"));
  for (int i = 0; i < 2; ++i) {
    const auto planned = bench.run({"plan", "--format", "json"});
    CHECK_MESSAGE(planned.exit == 3, planned.out << planned.err);
    CHECK(missing_from(planned.out, {R"("verdict": "manual")", "whose id it does not tell"}) == "");
    const auto applied = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(applied.exit == 3, applied.out << applied.err);
  }
  CHECK(bench.simulator().writes().empty());
}

TEST_CASE("what the provider cannot hold is not in sync, but for a person") {
  Setup setup;
  setup.api = Api::dashboard;
  Bench bench{setup};
  add_people(bench.simulator());
  bench.wish(person("ann.lee", "    scope: ACCOUNT_ADMIN\n") + person("bob.ray"));
  const auto planned = bench.run({"plan", "--format", "json"});
  CHECK_MESSAGE(planned.exit == 3, planned.out << planned.err);
  CHECK(missing_from(planned.out, {R"("verdict": "manual")", "cannot change scope", R"("inSync": 1)"}) == "");
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  CHECK(bench.simulator().writes().empty());
}

TEST_CASE("apply --plan refuses a file that is not a plan") {
  Bench bench;
  for (const char* text : {"", "no plan", "{}", R"({"version":1,"id":"x"})"}) {
    const auto run = bench.run({"apply", "--yes", "--plan", bench.home().write("not-a-plan", text)});
    CHECK_MESSAGE(run.exit == 64, run.err);
    CHECK(missing_from(run.err, {"not-a-plan", "not a plan"}) == "");
  }
  CHECK(bench.simulator().journal().empty());
}

TEST_CASE("apply --plan says what is the matter with a file that cannot be read") {
  Bench bench;
  const auto refused = [&](const std::string& path, const char* why) {
    const auto run = bench.run({"apply", "--yes", "--plan", path});
    CHECK_MESSAGE(run.exit == 64, run.err);
    CHECK_MESSAGE(missing_from(run.err, {path, why}) == "", run.err);
    CHECK(run.err.find("not a plan that") == std::string::npos);
  };
  refused(bench.home().path("absent"), "No such file or directory");
  refused(bench.home().path("desired"), "this is a directory, not a plan");
  refused(bench.home().path("desired/main.yaml/plan"), "Not a directory");
  CHECK(bench.simulator().journal().empty());
}

TEST_CASE("A12: in observe mode plan shows what enforce would do, and apply sends nothing") {
  for (const Api api : {Api::v1, Api::dashboard}) {
    Setup setup;
    setup.api = api;
    setup.mode = "observe";
    Bench bench{setup};
    wish_for_two_changes(bench);
    const auto planned = bench.run({"plan", "--format", "json"});
    CHECK(planned.exit == 2);
    CHECK(missing_from(planned.out, {R"("verdict": "apply")"}) == "");
    const auto applied = bench.run({"apply", "--yes"});
    CHECK(applied.exit == 3);
    CHECK(missing_from(applied.err, {"observe", "nothing was sent", "mode: enforce"}) == "");
    CHECK(bench.simulator().writes().empty());
  }
}

TEST_CASE("A19: apply without a terminal and without --yes is refused before anything is sent") {
  Bench bench;
  wish_for_two_changes(bench);
  const auto run = bench.run({"apply"}, {}, "y\n");
  CHECK(run.exit == 64);
  CHECK(missing_from(run.err, {"--yes"}) == "");
  CHECK(bench.simulator().journal().empty());
}

TEST_CASE("a paused account is observed, and apply sends nothing until it is resumed") {
  Bench bench;
  wish_for_two_changes(bench);
  CHECK(bench.run({"pause", "--account", "5500001", "--reason", "stocktaking"}).exit == 0);
  const auto applied = bench.run({"apply", "--yes"});
  CHECK(applied.exit == 3);
  CHECK(missing_from(applied.out, {"paused", "stocktaking"}) == "");
  CHECK(bench.run({"plan"}).exit == 3);
  CHECK(missing_from(bench.run({"status"}).out, {"stocktaking"}) == "");
  CHECK(bench.simulator().writes().empty());

  CHECK(bench.run({"resume"}).exit == 0);
  CHECK(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(bench.simulator().writes().size() == 2);
}

TEST_CASE("--account takes one of several, and an account that is not in the config is named") {
  Bench bench;
  wish_for_two_changes(bench);
  CHECK(bench.run({"plan", "--account", "5500001"}).exit == 2);
  const auto run = bench.run({"plan", "--account", "5500002"});
  CHECK(run.exit == 64);
  CHECK(missing_from(run.err, {"5500002", "5500001"}) == "");
}

}  // namespace usersyncd::test
