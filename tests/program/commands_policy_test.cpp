#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>
#include <thread>

#include "sync/time.hpp"
#include "tests/program/support.hpp"

// What policies, entries and people hold back, and what goes on meanwhile.

namespace usersyncd::test {
namespace {

namespace json = boost::json;

// The rules that are not what a test is about.
const std::string no_limits =
    "  - { name: blast-radius, effect: allow }\n"
    "  - { name: leaver-budget, effect: allow }\n";

std::string field_of(const Simulator& simulator, const std::string& username, const char* field) {
  return json::serialize(simulator.user(username).at(field));
}

json::array actions_of(const Run& run) {
  return parse_output(run.out).at("accounts").at(0).at("actions").as_array();
}

std::string verdict_on(const Run& run, const std::string& username) {
  for (const auto& action : actions_of(run)) {
    if (action.at("username").as_string() == username) return std::string{action.at("verdict").as_string()};
  }
  return "none";
}

json::array waiting(Bench& bench) {
  return parse_output(bench.run({"approvals", "--format", "json"}).out).at("approvals").as_array();
}

std::string text_of(const json::value& value) {
  return std::string{value.as_string()};
}

Environment as(const std::string& person) {
  return {{"SUDO_USER", person}};
}

}  // namespace

TEST_CASE("A54: an entry with a wrong value freezes its user and nobody else") {
  struct Wrong {
    std::string line, named;
  };
  const Wrong all[] = {
      {"    email: nonsense\n", "e-mail"},       {"    validUntil: 2026-13-40\n", "date"},
      {"    enabled: maybe\n", "true or false"}, {"    scope: ACCOUNT_ADMN\n", "ACCOUNT_ADMIN"},
      {"    roles: [Reportin]\n", "Reportin"},   {"    roles: [basicAccess, basicAccess]\n", "twice"},
  };
  Bench bench;
  add_people(bench.simulator());
  bench.policy(no_limits +
               "  - { name: unmanaged, match: { users: [ann.lee] }, effect: { unmanaged: deprovision } }\n");
  int turn = 0;
  for (const auto& wrong : all) {
    CAPTURE(wrong.line);
    const auto phone = "+1919555000" + std::to_string(++turn);
    const auto since = bench.simulator().now();
    bench.wish("  - username: ann.lee\n    firstName: Other\n" + wrong.line +
               "  - username: bob.ray\n    phone: \"" + phone + "\"\n" + person("cat.fox"));
    const auto planned = bench.run({"plan"});
    CHECK(planned.exit == 65);
    CHECK(missing_from(planned.err, {"main.yaml:", ": error: ", wrong.named}) == "");
    CHECK(missing_from(planned.out, {"note    ann.lee", "nothing is done to this user"}) == "");
    const auto applied = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(applied.exit == 65, applied.out << applied.err);
    CHECK(field_of(bench.simulator(), "bob.ray", "phone") == "\"" + phone + "\"");
    CHECK(bench.simulator().writes(since).size() == 1);
    CHECK(field_of(bench.simulator(), "ann.lee", "enabled") == "true");
    CHECK(field_of(bench.simulator(), "ann.lee", "firstName") == "\"ann\"");
  }
}

TEST_CASE("A54: the daemon tells what is wrong with an entry and goes on with everybody else") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("ann.lee") + person("bob.ray"));
  Daemon daemon{bench};
  REQUIRE(daemon.wait_for_event("cycle.summary"));
  const auto since = daemon.mark();
  bench.wish(
      "  - username: ann.lee\n    email: nonsense\n  - username: bob.ray\n    phone: \"+19195550042\"\n");
  REQUIRE(daemon.wait_for_event("reload.failed", since));
  CHECK(missing_from(text_of(daemon.events("reload.failed", since).front().at("reason")),
                     {"main.yaml:5:", "e-mail", "frozen"}) == "");
  CHECK(eventually([&] { return field_of(bench.simulator(), "bob.ray", "phone") == "\"+19195550042\""; }));
  CHECK(daemon.running());
  CHECK(daemon.stop() == 0);
}

TEST_CASE(
    "A69 A50: on a list that does not say who is enabled, nothing is left to plan for who is disabled") {
  Setup setup;
  setup.api = Api::dashboard;
  Bench bench{setup, {"--thin-list"}};
  auto& simulator = bench.simulator();
  bench.policy(no_limits + "  - { name: unmanaged, effect: { unmanaged: deprovision } }\n");
  bench.wish_file("main.yaml", simulator.desired());
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  add_people(simulator);
  simulator.put_user("ann.lee", R"({"enabled":false})");
  const auto since = simulator.now();
  const auto planned = bench.run({"plan", "--format", "json"});
  CHECK(planned.exit == 2);
  CHECK(verdict_on(planned, "ann.lee") == "none");
  CHECK(verdict_on(planned, "bob.ray") == "apply");
  CHECK(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(field_of(simulator, "cat.fox", "enabled") == "false");
  const auto again = bench.run({"plan"});
  CHECK_MESSAGE(again.exit == 0, again.out << again.err);
  CHECK(simulator.writes(since).size() == 2);
}

TEST_CASE(
    "A2 A6: in an account that was never seen to have anybody, nobody is created before a person says so") {
  Bench bench{{}, {"--users", "0"}};
  for (const auto& name : bench.simulator().usernames()) bench.simulator().delete_user(name);
  bench.wish(person("dan.new"));
  const auto planned = bench.run({"plan", "--format", "json"});
  CHECK_MESSAGE(planned.exit == 3, planned.out << planned.err);
  CHECK(verdict_on(planned, "dan.new") == "approval");
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  CHECK(bench.simulator().writes().empty());
  const auto asked = waiting(bench);
  REQUIRE(asked.size() == 1);
  CHECK(missing_from(text_of(asked[0].at("summary")), {"the list is empty", "usersyncd approve"}) == "");
  const auto id = text_of(asked[0].at("id"));
  CHECK(missing_from(bench.run({"approve", id.substr(0, 3)}).err, {"first 6 characters"}) == "");
  // An approval that has run out is none, and the action waits again.
  CHECK(bench.run({"approve", id, "--ttl", "1s"}).exit == 0);
  CHECK(text_of(waiting(bench).at(0).at("state")) == "approved");
  std::this_thread::sleep_for(std::chrono::milliseconds{1100});
  CHECK(text_of(waiting(bench).at(0).at("state")) == "waiting");
  CHECK(bench.run({"approve", id}).exit == 0);
  CHECK(missing_from(bench.run({"approvals"}).out, {"approved until 20"}) == "");
  const auto applied = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(applied.exit == 0, applied.out << applied.err);
  CHECK(bench.simulator().has("dan.new"));
}

TEST_CASE("A55: a desired state that shrank is held until a person accepts it, as a list is") {
  Bench bench;
  auto& simulator = bench.simulator();
  bench.policy(no_limits + "  - { name: unmanaged, effect: { unmanaged: deprovision } }\n");
  bench.wish_file("main.yaml", simulator.desired());
  const auto first = bench.run({"apply", "--yes"});
  REQUIRE_MESSAGE(first.exit == 0, first.out << first.err);

  const auto whole = simulator.desired();
  const auto since = simulator.now();
  const auto start = whole.find("  - username:");
  auto cut = start;
  for (int i = 0; i < 6; ++i) cut = whole.find("  - username:", cut + 1);
  REQUIRE(cut != std::string::npos);
  bench.wish_file("main.yaml", whole.substr(0, cut));
  const auto planned = bench.run({"plan", "--format", "json"});
  CHECK(planned.exit == 3);
  REQUIRE(!actions_of(planned).empty());
  CHECK(missing_from(bench.run({"plan"}).out,
                     {"held as a whole: the desired state lost", "usersyncd approve"}) == "");
  for (const auto& action : actions_of(planned)) {
    CHECK(action.at("verdict") == "approval");
    CHECK(json::serialize(action.at("rules")).find("believable-list") != std::string::npos);
  }
  const auto held = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(held.exit == 3, held.out << held.err);
  CHECK(simulator.writes(since).empty());
  const auto asked = waiting(bench);
  REQUIRE(asked.size() == 1);  // the loss as a whole, not each of its parts
  CHECK(asked[0].at("operation") == "shrink");

  // A change meanwhile is held, too, and a larger loss is another one.
  const auto id = text_of(asked[0].at("id"));
  CHECK(bench.run({"approve", id}).exit == 0);
  auto further = whole.rfind("  - username:", cut - 1);
  bench.wish_file("main.yaml", whole.substr(0, further));
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  CHECK(simulator.writes(since).empty());

  bench.wish_file("main.yaml", whole.substr(0, cut));
  bench.run({"apply", "--yes"});
  REQUIRE(waiting(bench).size() == 1);
  CHECK(bench.run({"approve", text_of(waiting(bench)[0].at("id"))}).exit == 0);
  const auto done = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(done.exit == 0, done.out << done.err);
  CHECK(!simulator.writes(since).empty());
  CHECK(bench.run({"plan"}).exit == 0);
  CHECK(waiting(bench).empty());
}

TEST_CASE("plan says when the approvals that it names can be given, and so does approve") {
  Bench bench;
  add_people(bench.simulator());
  bench.policy("  - { name: ask, match: { users: [ann.lee] }, effect: requireApproval }\n");
  bench.wish(person("ann.lee", "    phone: \"+19195550042\"\n"));
  const auto planned = bench.run({"plan", "--format", "json"});
  CHECK(planned.exit == 3);
  CHECK(missing_from(planned.err, {"once `usersyncd apply` or a poll of the daemon has asked"}) == "");
  const auto id = text_of(actions_of(planned)[0].at("id"));
  const auto early = bench.run({"approve", id});
  CHECK(early.exit == 1);
  CHECK(missing_from(early.err, {"once `usersyncd apply` or a poll of the daemon has asked"}) == "");
  REQUIRE(bench.run({"apply", "--yes"}).exit == 3);
  CHECK(bench.run({"plan"}).err.empty());
  CHECK(bench.run({"reject", id, "--reason", "not this week"}, as("alice")).exit == 0);
  CHECK(waiting(bench).empty());
  CHECK(missing_from(bench.run({"plan"}).out, {"rejected by alice (not this week)"}) == "");
  CHECK(bench.run({"approve", id}).exit == 0);
  CHECK(waiting(bench).size() == 1);
  CHECK(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(waiting(bench).empty());
}

TEST_CASE("A3: a list that shrank can be accepted by who only applies, and status tells of it") {
  Bench bench;
  auto& simulator = bench.simulator();
  const auto others = simulator.usernames();
  REQUIRE(others.size() > 6);
  add_people(simulator);
  bench.wish(person("ann.lee"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  for (std::size_t i = 0; i < 6; ++i) simulator.delete_user(others[i]);
  bench.wish(person("ann.lee", "    roles: [Ordering]\n"));

  const auto refused = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(refused.exit == 1, refused.out << refused.err);
  CHECK(missing_from(bench.run({"status"}).out, {"last error", "the list lost 6 of"}) == "");
  const auto asked = waiting(bench);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].at("operation") == "shrink");
  CHECK(missing_from(refused.err, {text_of(asked[0].at("id"))}) == "");
  CHECK(simulator.writes().empty());

  CHECK(bench.run({"approve", text_of(asked[0].at("id"))}).exit == 0);
  const auto accepted = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(accepted.exit == 0, accepted.out << accepted.err);
  CHECK(field_of(simulator, "ann.lee", "roles") == R"(["ordering"])");
  CHECK(waiting(bench).empty());
}

TEST_CASE("four eyes: whoever last changed the desired state does not release what it asks for") {
  Bench bench;
  add_people(bench.simulator());
  bench.policy(
      "  - { name: four-eyes, match: { users: [ann.lee] }, effect: { requireApproval: { notByAuthor: true } "
      "} }\n");
  auto config = read_text(bench.config());
  const auto path = config.find("desired: {");
  REQUIRE(path != std::string::npos);
  config.insert(config.find('}', path), ", author: author ");
  bench.home().write("usersyncd.yaml", config);
  bench.wish("  - username: ann.lee\n    firstName: Anna\n");
  for (const char* nobody : {"", "\n"}) {
    bench.home().write("author", nobody);
    const auto unknown = bench.run({"apply", "--yes"});
    CHECK(unknown.exit == 65);
    CHECK(missing_from(unknown.err, {"author: error:", "last changed the desired state"}) == "");
  }
  bench.home().write("author", "alice@example.com\n");
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  REQUIRE(waiting(bench).size() == 1);
  const auto id = text_of(waiting(bench)[0].at("id"));

  CHECK(bench.run({"approve", id}, as("alice")).exit == 0);
  const auto held = bench.run({"plan"});
  CHECK(held.exit == 3);
  CHECK(missing_from(held.out, {"alice", "last changed the desired state"}) == "");
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  CHECK(bench.simulator().writes().empty());

  CHECK(bench.run({"approve", id}, as("bob")).exit == 0);
  const auto done = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(done.exit == 0, done.out << done.err);
  CHECK(field_of(bench.simulator(), "ann.lee", "firstName") == "\"Anna\"");
  const auto log = bench.run({"audit", "export", "--username", "ann.lee"});
  CHECK(missing_from(log.out, {"\"actor\":\"alice\"", "\"actor\":\"bob\"", "approved by bob until"}) == "");
}

TEST_CASE("what expires is announced in the plan and the log, and done at the next poll after its moment") {
  Bench bench;
  add_people(bench.simulator());
  const auto soon =
      std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()) + std::chrono::seconds{6};
  const auto moment = format_time(std::chrono::floor<std::chrono::seconds>(soon));
  bench.wish("  - username: ann.lee\n    validUntil: " + moment +
             "\n  - username: bob.ray\n    roles: [basicAccess, { name: Reporting, until: " + moment +
             " }]\n");
  const auto planned = bench.run({"plan"});
  CHECK_MESSAGE(planned.exit == 0, planned.out << planned.err);
  CHECK(missing_from(planned.out, {"note    ann.lee  is to be disabled at " + moment, "(validUntil, ",
                                   "note    bob.ray  is to lose the role Reporting at " + moment}) == "");
  Daemon daemon{bench};
  CHECK(daemon.wait_for("is to be disabled at " + moment));
  CHECK(eventually([&] { return field_of(bench.simulator(), "ann.lee", "enabled") == "false"; }));
  CHECK(eventually([&] { return field_of(bench.simulator(), "bob.ray", "roles") == R"(["basicAccess"])"; }));
  CHECK(daemon.stop() == 0);
  std::size_t told = 0;
  for (const auto& event : daemon.events("plan.held")) {
    if (text_of(event.at("reason")).find("is to be disabled") != std::string::npos) ++told;
  }
  CHECK(told == 1);
}

TEST_CASE("A67: policies that cannot be read take no protection away: nothing is written at all") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish("  - username: ann.lee\n    state: absent\n");
  bench.policy("  - { name: protected, match: { users: [ann.lee] }, effect: deny }\n");
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  std::filesystem::remove_all(bench.home().path("policies"));
  const auto gone = bench.run({"apply", "--yes"});
  CHECK(gone.exit == 65);
  CHECK(missing_from(gone.err, {"policies", "error:"}) == "");
  bench.home().write("policies/rules.yaml", "version: 1\nrules:\n  - { name: protected, match");
  CHECK(bench.run({"apply", "--yes"}).exit == 65);
  Daemon daemon{bench};
  CHECK(daemon.wait() == 65);
  CHECK(bench.simulator().writes().empty());
}

TEST_CASE("apply asks on a terminal, and takes only a yes for a yes") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish("  - username: ann.lee\n    firstName: Anna\n");
  const auto on_terminal = [&](const std::string& answer) {
    const auto command = usersyncd_binary() + " apply --config " + bench.config();
    return run_program({"script", "-qec", command, "/dev/null"}, {}, answer);
  };
  for (const std::string answer : {"n\n", "\n", "perhaps\n"}) {
    const auto refused = on_terminal(answer);
    CAPTURE(refused.out);
    CHECK(refused.exit == 1);
    CHECK(missing_from(refused.out, {"firstName", "Do this to the live accounts", "nothing was sent"}) == "");
    CHECK(bench.simulator().writes().empty());
  }
  const auto agreed = on_terminal("y\n");
  CHECK_MESSAGE(agreed.exit == 0, agreed.out);
  CHECK(field_of(bench.simulator(), "ann.lee", "firstName") == "\"Anna\"");
}

TEST_CASE("the first week in observe on an account that nobody tidied: everything is told, nothing is sent") {
  Setup setup;
  setup.mode = "observe";
  Bench bench{setup, {"--users", "2000"}};
  bench.wish(
      "  - username: new.hire\n    firstName: New\n    lastName: Hire\n    email: new.hire@example.com\n");
  const auto planned = bench.run({"plan", "--format", "json"});
  CHECK(planned.exit == 2);
  CHECK(actions_of(planned).size() == 2001);
  CHECK(verdict_on(planned, "new.hire") == "apply");
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  Daemon daemon{bench};
  REQUIRE(daemon.wait_for_event("cycle.summary"));
  CHECK(daemon.stop() == 0);
  CHECK(bench.run({"drift"}).exit == 2);
  for (const auto& asked : bench.simulator().journal()) CHECK_FALSE(asked.is_write());
}

}  // namespace usersyncd::test
