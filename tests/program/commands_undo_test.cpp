#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <sstream>

#include "tests/program/support.hpp"

// The way back from a run.

namespace usersyncd::test {
namespace {

namespace json = boost::json;

const std::string no_limits =
    "  - { name: blast-radius, effect: allow }\n"
    "  - { name: leaver-budget, effect: allow }\n";

std::string field_of(const Simulator& simulator, const std::string& username, const char* field) {
  return json::serialize(simulator.user(username).at(field));
}

// The run of the newest write, as an operator would find it.
std::string last_run_that_wrote(Bench& bench) {
  std::istringstream lines{bench.run({"audit", "export"}).out};
  std::string run;
  for (std::string line; std::getline(lines, line);) {
    const auto record = json::parse(line);
    if (record.at("kind") == "intent") run = record.at("run").as_string();
  }
  return run;
}

Setup setup_for(Api api) {
  Setup setup;
  setup.api = api;
  return setup;
}

// Creates dan.new, renames ann, disables bob.
std::string make_a_run(Bench& bench) {
  add_people(bench.simulator());
  bench.policy(no_limits);
  bench.wish(
      "  - username: ann.lee\n    firstName: Anna\n    roles: [basicAccess]\n"
      "  - username: bob.ray\n    state: absent\n"
      "  - username: dan.new\n    firstName: Dan\n    lastName: New\n    email: dan.new@example.com\n");
  const auto applied = bench.run({"apply", "--yes"});
  REQUIRE_MESSAGE(applied.exit == 0, applied.out << applied.err);
  const auto run = last_run_that_wrote(bench);
  CHECK(applied.out.find("(run " + run + ")") != std::string::npos);
  return run;
}

}  // namespace

TEST_CASE("undo brings everybody back to what they were, by the policies' ways, and says what asks again") {
  for (const Api api : {Api::v1, Api::dashboard}) {
    CAPTURE(static_cast<int>(api));
    Bench bench{setup_for(api)};
    auto& simulator = bench.simulator();
    const auto run = make_a_run(bench);
    const auto since = simulator.now();

    const auto planned = bench.run({"undo", run, "--plan"});
    CHECK_MESSAGE(planned.exit == 2, planned.out << planned.err);
    CHECK(missing_from(planned.out,
                       {"ann.lee", "firstName \"Anna\" -> \"ann\"", "enable  bob.ray", "disable dan.new",
                        "unless the desired state or the policies change first", "the next poll will"}) ==
          "");
    CHECK(simulator.writes(since).empty());
    CHECK(bench.run({"undo", run}).exit == 64);  // nobody to ask

    const auto undone = bench.run({"undo", run, "--yes"});
    CHECK_MESSAGE(undone.exit == 0, undone.out << undone.err);
    CHECK(field_of(simulator, "ann.lee", "firstName") == "\"ann\"");
    CHECK(field_of(simulator, "ann.lee", "roles") == R"(["basicAccess","reporting"])");
    CHECK(field_of(simulator, "bob.ray", "enabled") == "true");
    CHECK(field_of(simulator, "dan.new", "enabled") == "false");

    const auto again = bench.run({"undo", run, "--plan"});
    CHECK_MESSAGE(again.exit == 0, again.out << again.err);
    // An undo is a run like any other: it can be undone.
    const auto back = bench.run({"undo", last_run_that_wrote(bench), "--yes"});
    CHECK_MESSAGE(back.exit == 0, back.out << back.err);
    CHECK(field_of(simulator, "ann.lee", "firstName") == "\"Anna\"");
    CHECK(field_of(simulator, "bob.ray", "enabled") == "false");
    CHECK(field_of(simulator, "dan.new", "enabled") == "true");
    CHECK(bench.run({"plan"}).exit == 0);
  }
}

TEST_CASE("undo leaves alone what somebody changed since, and who is gone or another, and says so") {
  Bench bench{setup_for(Api::v1)};
  auto& simulator = bench.simulator();
  const auto run = make_a_run(bench);
  simulator.put_user("ann.lee", R"({"firstName":"Annabel"})");
  simulator.delete_user("bob.ray");
  const auto undone = bench.run({"undo", run, "--yes"});
  CHECK_MESSAGE(undone.exit == 3, undone.out << undone.err);
  CHECK(missing_from(undone.out, {"firstName is left as it is: it was changed to \"Annabel\" after the run",
                                  "bob.ray", "not there any more"}) == "");
  CHECK(field_of(simulator, "ann.lee", "firstName") == "\"Annabel\"");
  CHECK(field_of(simulator, "ann.lee", "roles") == R"(["basicAccess","reporting"])");
  CHECK_FALSE(simulator.has("bob.ray"));
}

TEST_CASE("undo goes through the policies, and names a delete as what cannot be undone") {
  Bench bench{setup_for(Api::dashboard)};
  auto& simulator = bench.simulator();
  add_people(simulator);
  const auto may_delete = no_limits + "  - { name: leavers, effect: { deprovision: delete } }\n" +
                          "  - { name: deletes-need-a-person, effect: allow }\n";
  bench.policy(may_delete);
  bench.wish("  - username: bob.ray\n    state: absent\n  - username: cat.fox\n    firstName: Kate\n");
  const auto applied = bench.run({"apply", "--yes"});
  REQUIRE_MESSAGE(applied.exit == 0, applied.out << applied.err);
  CHECK_FALSE(simulator.has("bob.ray"));
  const auto run = last_run_that_wrote(bench);

  bench.policy(may_delete + "  - { name: cats, match: { users: [cat.fox] }, effect: requireApproval }\n");
  const auto since = simulator.now();
  const auto held = bench.run({"undo", run, "--yes"});
  CHECK_MESSAGE(held.exit == 3, held.out << held.err);
  CHECK(missing_from(held.out, {"bob.ray  cannot be undone: the user was deleted", "approval by cats"}) ==
        "");
  CHECK(simulator.writes(since).empty());
  // Released is what this undo asked for, and only an undo of this run does it.
  const auto waiting =
      parse_output(bench.run({"approvals", "--format", "json"}).out).at("approvals").as_array();
  REQUIRE(waiting.size() == 1);
  CHECK(bench.run({"approve", std::string{waiting[0].at("id").as_string()}}).exit == 0);
  CHECK(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(simulator.writes(since).empty());
  CHECK(bench.run({"undo", run, "--yes"}).exit == 3);  // done, but for the delete
  CHECK(field_of(simulator, "cat.fox", "firstName") == "\"cat\"");
}

TEST_CASE("undo turns every write on a user around, and leaves somebody else of the same name alone") {
  for (const Api api : {Api::v1, Api::dashboard}) {
    CAPTURE(static_cast<int>(api));
    Bench bench{setup_for(api)};
    auto& simulator = bench.simulator();
    add_people(simulator);
    bench.policy(no_limits);
    bench.wish("  - username: ann.lee\n    firstName: Anna\n    enabled: false\n" + person("dan.new"));
    const auto applied = bench.run({"apply", "--yes"});
    REQUIRE_MESSAGE(applied.exit == 0, applied.out << applied.err);
    const auto run = last_run_that_wrote(bench);
    simulator.delete_user("dan.new");
    simulator.put_user("dan.new", R"({"firstName":"Daniela","email":"daniela@example.com"})");
    const auto undone = bench.run({"undo", run, "--yes"});
    CHECK_MESSAGE(undone.exit == 3, undone.out << undone.err);
    CHECK(missing_from(undone.out, {"dan.new", "another user has this username now"}) == "");
    CHECK(field_of(simulator, "dan.new", "enabled") == "true");
    CHECK(field_of(simulator, "ann.lee", "firstName") == "\"ann\"");
    CHECK(field_of(simulator, "ann.lee", "enabled") == "true");
  }
}

TEST_CASE("undo names a write that the provider accepted and did not show") {
  Bench bench{setup_for(Api::v1)};
  auto& simulator = bench.simulator();
  add_people(simulator);
  bench.wish("  - username: ann.lee\n    firstName: Anna\n");
  simulator.faults(R"({"rules":[{"method":"PUT","path":"/users/","nth":1,"fault":{"ignoreWrite":true}}]})");
  CHECK(bench.run({"apply", "--yes"}).exit == 1);
  const auto run = last_run_that_wrote(bench);
  const auto undone = bench.run({"undo", run, "--yes"});
  CHECK(undone.exit == 3);
  CHECK(missing_from(undone.out, {"ann.lee", "did not read back as it was wanted"}) == "");
}

TEST_CASE("undo does not come back to a write in doubt before it is known what became of it, and does then") {
  auto setup = setup_for(Api::v1);
  setup.request_timeout = "500ms";
  Bench bench{setup};
  auto& simulator = bench.simulator();
  add_people(simulator);
  bench.wish("  - username: ann.lee\n    firstName: Anna\n");
  CHECK(bench.run({"apply", "--yes"}).exit == 0);
  const auto run = last_run_that_wrote(bench);
  simulator.faults(R"({"rules":[{"method":"PUT","path":"/users/","nth":1,"fault":{"resetBefore":true}}]})");
  const auto lost = bench.run({"undo", run, "--yes"});
  CHECK_MESSAGE(lost.exit == 1, lost.out << lost.err);
  CHECK(field_of(simulator, "ann.lee", "firstName") == "\"Anna\"");
  const auto again = bench.run({"undo", run, "--yes"});
  CHECK_MESSAGE(again.exit == 0, again.out << again.err);
  CHECK(missing_from(again.err, {"to see what became of unanswered writes"}) == "");
  CHECK(field_of(simulator, "ann.lee", "firstName") == "\"ann\"");
}

TEST_CASE("undo in observe, of a paused account and of a run that never was") {
  Bench bench{setup_for(Api::v1)};
  const auto run = make_a_run(bench);
  const auto since = bench.simulator().now();
  const auto nobody = bench.run({"undo", "20260101T000000Z-aaaaa", "--yes"});
  CHECK(nobody.exit == 1);
  CHECK(missing_from(nobody.err, {"no run", "audit list"}) == "");
  CHECK(bench.run({"undo"}).exit == 64);

  CHECK(bench.run({"pause", "--reason", "incident"}).exit == 0);
  const auto paused = bench.run({"undo", run, "--yes"});
  CHECK(paused.exit == 3);
  CHECK(missing_from(paused.out, {"paused", "incident"}) == "");
  CHECK(bench.run({"resume"}).exit == 0);

  auto setup = bench.setup();
  setup.mode = "observe";
  bench.set_up(setup);
  CHECK(bench.run({"undo", run, "--yes"}).exit == 3);
  CHECK(bench.simulator().writes(since).empty());
}

}  // namespace usersyncd::test
