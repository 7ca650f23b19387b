#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/program/support.hpp"

// What may and what may not happen to people.

namespace usersyncd::test {
namespace {

namespace json = boost::json;

constexpr Api both_apis[] = {Api::v1, Api::dashboard};

Setup setup_for(Api api) {
  Setup setup;
  setup.api = api;
  return setup;
}

std::string field_of(const Simulator& simulator, const std::string& username, const char* field) {
  return json::serialize(simulator.user(username).at(field));
}

std::size_t count(const std::vector<Asked>& asked, const std::string& method) {
  std::size_t found = 0;
  for (const auto& request : asked) found += request.method == method ? 1U : 0U;
  return found;
}

}  // namespace

TEST_CASE("A21 A68: a leaver is disabled, never deleted by default, and stays as they are otherwise") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    add_people(bench.simulator());
    bench.wish("  - username: ann.lee\n    state: absent\n");
    const auto applied = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(applied.exit == 0, applied.out << applied.err);
    CHECK(count(bench.simulator().writes(), "DELETE") == 0);
    CHECK(field_of(bench.simulator(), "ann.lee", "enabled") == "false");
    CHECK(field_of(bench.simulator(), "ann.lee", "roles") == R"(["basicAccess","reporting"])");
    CHECK(bench.run({"plan"}).exit == 0);
  }
}

TEST_CASE("A41 A40: an update keeps unknown and unmanaged fields and never holds a password") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    auto& simulator = bench.simulator();
    add_people(simulator);
    simulator.put_user("ann.lee", R"({"phone":"0412000007"})");
    const auto before = simulator.user("ann.lee");
    bench.wish("  - username: ann.lee\n    firstName: Annette\n");
    const auto applied = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(applied.exit == 0, applied.out << applied.err);
    auto after = simulator.user("ann.lee");
    CHECK(after.at("firstName") == "Annette");
    after["firstName"] = before.at("firstName");
    CHECK(json::serialize(after) == json::serialize(before));
    const auto writes = simulator.writes();
    REQUIRE(writes.size() == 1);
    CHECK(writes[0].method == "PUT");
    CHECK(writes[0].body.find("assword") == std::string::npos);
  }
}

TEST_CASE("A43: roles absent are left alone, an empty list takes every role, null is an error") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    auto& simulator = bench.simulator();
    add_people(simulator);
    bench.wish("  - username: ann.lee\n    phone: \"+19195550009\"\n  - username: bob.ray\n    roles: []\n");
    const auto applied = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(applied.exit == 0, applied.out << applied.err);
    CHECK(field_of(simulator, "ann.lee", "roles") == R"(["basicAccess","reporting"])");
    CHECK(field_of(simulator, "bob.ray", "roles") == "[]");

    const auto before = simulator.now();
    bench.wish("  - username: cat.fox\n    roles: null\n");
    const auto refused = bench.run({"apply", "--yes"});
    CHECK(refused.exit == 65);
    CHECK(missing_from(refused.err, {"main.yaml:5:", "roles"}) == "");
    CHECK(simulator.journal(before).empty());
  }
}

TEST_CASE("A23: a rename by `previously` never creates and never deletes") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    auto& simulator = bench.simulator();
    add_people(simulator);
    bench.wish("  - username: ann.ray\n    previously: [ann.lee]\n    email: ann.lee@example.com\n" +
               person("bob.ray"));
    bench.run({"plan"});
    const auto applied = bench.run({"apply", "--yes"});
    CAPTURE(applied.out);
    CHECK(count(simulator.writes(), "POST") == 0);
    CHECK(count(simulator.writes(), "DELETE") == 0);
    CHECK(field_of(simulator, "ann.lee", "enabled") == "true");
    CHECK(missing_from(applied.out, {"ann.ray"}) == "");
  }
}

TEST_CASE("A23: a new e-mail and name are one PUT, no POST and no DELETE") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    auto& simulator = bench.simulator();
    add_people(simulator);
    bench.wish("  - username: ann.lee\n    lastName: Ray\n    email: ann.ray@example.com\n");
    CHECK(bench.run({"apply", "--yes"}).exit == 0);
    CHECK(simulator.writes().size() == 1);
    CHECK(count(simulator.writes(), "PUT") == 1);
    CHECK(field_of(simulator, "ann.lee", "email") == "\"ann.ray@example.com\"");
  }
}

TEST_CASE("A47: usernames and e-mail addresses that differ only in case plan to nothing") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    add_people(bench.simulator());
    bench.wish("  - username: ANN.Lee\n    email: Ann.Lee@EXAMPLE.com\n");
    const auto planned = bench.run({"plan"});
    CHECK_MESSAGE(planned.exit == 0, planned.out << planned.err);
  }
}

TEST_CASE("users that no file names are reported, not touched, and make no exit code") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    add_people(bench.simulator());
    bench.wish(person("ann.lee"));
    const auto run = bench.run({"plan", "--format", "json"});
    CHECK(run.exit == 0);
    CHECK(missing_from(run.out, {R"("username": "bob.ray")", R"("verdict": "report")", "unmanaged"}) == "");
    CHECK(bench.run({"apply", "--yes"}).exit == 0);
    CHECK(bench.simulator().writes().empty());
  }
}

TEST_CASE("A53: the daemon's own login is never changed, whatever the files say") {
  // Of bandwidth-v1's client id nobody can tell which user it belongs to; the dashboard's login is one.
  Bench bench{setup_for(Api::dashboard)};
  const auto own = bench.simulator().login().id;
  for (const std::string wish : {"    state: absent\n", "    roles: []\n", "    enabled: false\n"}) {
    bench.wish("  - username: " + own + "\n" + wish);
    const auto applied = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(applied.exit == 3, applied.out << applied.err);
    CHECK(missing_from(applied.out, {"own-user"}) == "");
  }
  CHECK(bench.simulator().writes().empty());
}

TEST_CASE("a role that the credential cannot see is never planned, and survives an update of its owner") {
  for (const Api api : both_apis) {
    const Scratch worlds;
    Bench source{setup_for(api)};
    add_people(source.simulator());
    auto world = source.simulator().state();
    json::array held;
    for (const auto& role : world.at("roles").as_array()) {
      if (role.at("id") != "reporting") held.push_back(role.at("id"));
    }
    world.at("credential").as_object()["roles"] = held;
    Bench bench{setup_for(api), {"--world", worlds.write("world.json", json::serialize(world))}};
    bench.wish(person("ann.lee", "    roles: [basicAccess]\n"));
    const auto planned = bench.run({"plan"});
    CHECK_MESSAGE(planned.exit == 0, planned.out << planned.err);
    bench.wish(person("ann.lee", "    roles: [basicAccess, Ordering]\n"));
    CHECK(bench.run({"apply", "--yes"}).exit == 0);
    CHECK(field_of(bench.simulator(), "ann.lee", "roles") == R"(["basicAccess","ordering","reporting"])");
    // To ask for it is an error with a place, before anything is sent.
    const auto before = bench.simulator().now();
    bench.wish(person("ann.lee", "    roles: [basicAccess, Reporting]\n"));
    const auto refused = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(refused.exit == 65, refused.out << refused.err);
    CHECK_MESSAGE(missing_from(refused.err, {"main.yaml:8:", "Reporting"}) == "", refused.err);
    CHECK(bench.simulator().writes(before).empty());
  }
}

TEST_CASE("A24: moving a user between files changes nothing") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("ann.lee") + person("bob.ray"));
  CHECK(bench.run({"plan"}).exit == 0);
  const auto first = parse_output(bench.run({"plan", "--format", "json"}).out);
  bench.wish(person("bob.ray"));
  bench.wish_file("more/others.yaml", "version: 1\naccount: \"5500001\"\nusers:\n" + person("ann.lee"));
  const auto second = parse_output(bench.run({"plan", "--format", "json"}).out);
  CHECK(first.at("id") == second.at("id"));
}

TEST_CASE("A27: a user that vanished meanwhile counts as gone") {
  Bench bench{setup_for(Api::dashboard)};
  add_people(bench.simulator());
  bench.wish("  - username: ann.lee\n    state: absent\n");
  CHECK(bench.run({"plan"}).exit == 2);
  bench.simulator().delete_user("ann.lee");
  CHECK(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(bench.simulator().writes().empty());
}

}  // namespace usersyncd::test
