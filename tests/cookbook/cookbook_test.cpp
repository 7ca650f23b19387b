#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "config/desired_file.hpp"
#include "policies/judge.hpp"
#include "policies/read.hpp"
#include "policies/ways.hpp"
#include "sync/judged.hpp"

// The policy cookbook of the README, taken from the page and run: desired state, observation, ways, plan and
// judge are the real ones, only the account and the clock are made up.

namespace usersyncd::testing {
namespace {

const std::string account = "5500001";

Time at(const std::string& text) {
  return parse_time(text).value();
}

/// The YAML block of the README that starts with `# cookbook: NAME`.
std::string recipe(const std::string& name) {
  std::ifstream file{SOURCE_DIR "/README.md"};
  std::ostringstream page;
  page << file.rdbuf();
  const auto text = page.str();
  const auto start = text.find("# cookbook: " + name + "\n");
  REQUIRE_MESSAGE(start != std::string::npos, name);
  return text.substr(start, text.find("```", start) - start);
}

User somebody(const std::string& name, StringSet roles = {"basicAccess"}, bool enabled = true) {
  User user;
  user.username = name;
  user.user_id = "id-" + name;
  user.fields.set(Field::first_name, Value{std::string{"First"}});
  user.fields.set(Field::email, Value{name + "@example.com"});
  user.fields.set(Field::scope, Value{std::string{"ACCOUNT"}});
  user.fields.set(Field::enabled, Value{enabled});
  user.fields.set(Field::roles, Value{make_set(std::move(roles))});
  return user;
}

/// An account at a time, and what is known of it.
struct World {
  std::vector<User> users;
  Time now = at("2026-11-18T15:00:00Z");  // a Wednesday, ten in the morning in New York
  JudgeFacts facts;
  std::string author;

  World() {
    users = {somebody("root.a", {"Admin"}), somebody("root.b", {"Admin"}), somebody("root.c", {"Admin"})};
    for (auto& user : users) user.fields.set(Field::scope, Value{std::string{"ACCOUNT_ADMIN"}});
    for (int i = 0; i < 40; ++i) users.push_back(somebody("crowd" + std::to_string(i)));
  }

  JudgedPlan plan(const RuleSet& rules, const Desired& desired) {
    Observation observed;
    observed.account = account;
    observed.complete = true;
    observed.observed_at = now;
    observed.users = users;
    std::vector<Role> roles;
    for (const char* name : {"Admin", "Billing Reports", "Ordering", "Reporting", "basicAccess"})
      roles.push_back({name, name});
    observed.catalog.roles = roles;
    facts.now = now;
    facts.users = users;
    facts.catalog = observed.catalog;
    facts.author = author;
    const PolicyWays ways{rules, account, observed.catalog};
    return Judge::judge(make_plan(desired, observed, ways, {}, now), rules, facts);
  }
};

RuleSet rules_of(const std::string& name) {
  Problems problems;
  auto rules = read_policy_text(name, recipe(name), problems);
  const auto found = problems.text();
  CAPTURE(found);
  REQUIRE(rules.has_value());
  return *rules;
}

Desired desired_of(const std::string& text) {
  Problems problems;
  auto document = parse_yaml("desired.yaml", std::make_shared<const std::string>(text), problems);
  REQUIRE(document.has_value());
  auto desired = read_desired({*document}, std::nullopt, problems);
  const auto found = problems.text();
  CAPTURE(found);
  REQUIRE(desired.has_value());
  return desired->front();
}

Desired wish(const std::string& users) {
  return desired_of("version: 1\naccount: \"5500001\"\nusers:\n" + users);
}

const JudgedAction* action_on(const JudgedPlan& plan, const std::string& username) {
  for (const auto& judged : plan.actions()) {
    if (judged.action.username == username) return &judged;
  }
  return nullptr;
}

Verdict verdict_on(const JudgedPlan& plan, const std::string& username) {
  const auto* judged = action_on(plan, username);
  REQUIRE_MESSAGE(judged != nullptr, username);
  return judged->verdict;
}

}  // namespace

TEST_CASE("cookbook: break-glass accounts stay as they are") {
  World world;
  world.users.push_back(somebody("breakglass-1"));
  world.users.push_back(somebody("BreakGlass-2"));
  const auto rules = rules_of("break-glass");
  const auto plan = world.plan(rules, wish("  - username: breakglass-1\n    state: absent\n"
                                           "  - username: breakglass-3\n    firstName: New\n"
                                           "  - username: crowd1\n    firstName: Changed\n"));
  CHECK(verdict_on(plan, "breakglass-1") == Verdict::denied);
  CHECK(verdict_on(plan, "breakglass-3") == Verdict::denied);
  CHECK(verdict_on(plan, "crowd1") == Verdict::apply);
  CHECK(action_on(plan, "BreakGlass-2") == nullptr);  // not even reported as unmanaged
  const auto differs = world.plan(rules, wish("  - username: breakglass-1\n    firstName: Changed\n"));
  CHECK(action_on(differs, "breakglass-1") == nullptr);
}

TEST_CASE("cookbook: contractors begin, are announced and end on their days") {
  World world;
  world.users.push_back(somebody("kim.contractor", {"Ordering", "basicAccess"}, false));
  const auto desired = desired_of(recipe("contractors"));
  const auto& rules = RuleSet::built_in();
  const auto kim_at = [&](const char* now, bool enabled, StringSet roles = {"Ordering", "basicAccess"}) {
    world.now = at(now);
    world.users.back() = somebody("kim.contractor", std::move(roles), enabled);
    world.users.back().fields.set(Field::first_name, Value{std::string{"Kim"}});
    return world.plan(rules, desired);
  };
  const auto before = kim_at("2026-11-26T00:00:00Z", false);
  CHECK(action_on(before, "kim.contractor") == nullptr);
  REQUIRE(before.plan().notes.size() == 1);
  CHECK(before.plan().notes[0].message.find("is to be enabled at 2026-12-01T00:00:00Z") == 0);

  const auto first_day = kim_at("2026-12-01T00:00:00Z", false);
  CHECK(action_on(first_day, "kim.contractor")->action.operation == Operation::enable);

  const auto role_ends = kim_at("2027-01-01T00:00:00Z", true);
  CHECK(action_on(role_ends, "kim.contractor")->action.operation == Operation::update);
  CHECK(kim_at("2026-12-31T23:59:59Z", true).actions().size() == first_day.actions().size() - 1);

  CHECK(kim_at("2027-01-24T23:59:59Z", true, {"basicAccess"}).plan().notes.empty());
  const auto announced = kim_at("2027-01-25T00:00:00Z", true, {"basicAccess"});
  REQUIRE(announced.plan().notes.size() == 1);
  CHECK(announced.plan().notes[0].rule == "validUntil");
  const auto ended = kim_at("2027-02-01T00:00:00Z", true, {"basicAccess"});
  CHECK(action_on(ended, "kim.contractor")->action.operation == Operation::disable);
  CHECK(verdict_on(ended, "kim.contractor") == Verdict::apply);
}

TEST_CASE("cookbook: four eyes for admins") {
  World world;
  world.author = "alice@example.com";
  const auto rules = rules_of("four-eyes");
  const auto desired = wish(
      "  - username: crowd1\n    roles: [Admin]\n  - username: crowd2\n    firstName: New\n"
      "  - username: crowd3\n    roles: [Billing Reports, Ordering]\n");
  const auto plan = world.plan(rules, desired);
  CHECK(verdict_on(plan, "crowd1") == Verdict::approval);
  CHECK(verdict_on(plan, "crowd2") == Verdict::apply);
  CHECK(verdict_on(plan, "crowd3") == Verdict::denied);

  const auto id = action_on(plan, "crowd1")->action.id;
  world.facts.approvals[id] = GivenApproval{world.now + std::chrono::hours{1}, "Alice"};
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::approval);
  world.facts.approvals[id] = GivenApproval{world.now + std::chrono::hours{1}, "bob"};
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::apply);
  world.facts.approvals[id] = GivenApproval{world.now, "bob"};
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::approval);

  // Two admins stay, whoever approves.
  const auto leaving =
      wish("  - username: root.a\n    state: absent\n  - username: root.b\n    state: absent\n");
  CHECK(verdict_on(world.plan(rules, leaving), "root.a") == Verdict::denied);
}

TEST_CASE("cookbook: leavers are disabled today and deleted in 30 days, by a person") {
  World world;
  const auto rules = rules_of("leavers");
  const auto desired = wish("  - username: crowd1\n    state: absent\n");
  const auto today = world.plan(rules, desired);
  CHECK(action_on(today, "crowd1")->action.operation == Operation::disable);
  CHECK(verdict_on(today, "crowd1") == Verdict::apply);

  world.users[4] = somebody("crowd1", {"basicAccess"}, false);
  world.facts.disabled_since["crowd1"] = world.now;
  const auto start = world.now;
  world.now = start + std::chrono::days{30} - Duration{1};
  const auto early = world.plan(rules, desired);
  CHECK(action_on(early, "crowd1")->action.operation == Operation::remove);
  const auto id = action_on(early, "crowd1")->action.id;
  world.facts.approvals[id] = GivenApproval{world.now + std::chrono::days{2}, "bob"};
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::deferred);
  world.now = start + std::chrono::days{30};
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::apply);
  world.facts.approvals.clear();
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::approval);
}

TEST_CASE("cookbook: a freeze window holds who would lose access, and nobody else") {
  World world;
  const auto rules = rules_of("freeze");
  const auto desired =
      wish("  - username: crowd1\n    state: absent\n  - username: crowd2\n    firstName: New\n");
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::apply);
  world.now = at("2026-11-20T15:00:00Z");  // a Friday
  const auto frozen = world.plan(rules, desired);
  CHECK(verdict_on(frozen, "crowd1") == Verdict::deferred);
  CHECK(action_on(frozen, "crowd1")->reason.find("2026-11-23T14:00:00Z") != std::string::npos);
  CHECK(verdict_on(frozen, "crowd2") == Verdict::apply);
  world.now = at("2026-11-23T13:59:59Z");  // a Monday, a second before nine
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::deferred);
  world.now = at("2026-11-23T14:00:00Z");
  CHECK(verdict_on(world.plan(rules, desired), "crowd1") == Verdict::apply);
}

TEST_CASE("cookbook: after the first week nothing is mended, nobody leaves, ten a day are created") {
  World world;
  for (int i = 0; i < 2000; ++i) world.users.push_back(somebody("untidy" + std::to_string(i)));
  const auto rules = rules_of("first-week");
  const auto wished = [&](int creates) {
    std::string users;
    for (int i = 0; i < 900; ++i)
      users += "  - { username: untidy" + std::to_string(i) + ", firstName: Other }\n";
    for (int i = 900; i < 950; ++i)
      users += "  - { username: untidy" + std::to_string(i) + ", state: absent }\n";
    for (int i = 0; i < creates; ++i) users += "  - { username: hire" + std::to_string(i) + " }\n";
    return wish(users);
  };
  const auto count = [](const JudgedPlan& plan, Verdict verdict) {
    std::size_t found = 0;
    for (const auto& judged : plan.actions()) found += judged.verdict == verdict ? 1U : 0U;
    return found;
  };
  const auto ten = world.plan(rules, wished(10));
  CHECK(count(ten, Verdict::apply) == 10);
  CHECK(count(ten, Verdict::report) == ten.actions().size() - 10);
  CHECK(count(world.plan(rules, wished(11)), Verdict::limited) == 11);
  for (int i = 0; i < 10; ++i)
    world.facts.history.push_back(
        {world.now - std::chrono::hours{23}, Operation::create, "x" + std::to_string(i)});
  CHECK(count(world.plan(rules, wished(1)), Verdict::limited) == 1);
  world.now += std::chrono::hours{1};
  CHECK(count(world.plan(rules, wished(1)), Verdict::apply) == 1);
}

}  // namespace usersyncd::testing
