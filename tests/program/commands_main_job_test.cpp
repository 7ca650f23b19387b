#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "tests/program/support.hpp"

// The main job, once per way in which a provider may speak: plan, apply, and then there is nothing to do.

namespace usersyncd::test {
namespace {

namespace json = boost::json;

struct Tenant {
  std::string name;
  Api api;
  Arguments options;
};

const std::vector<Tenant>& tenants() {
  static const std::vector<Tenant> all{
      {"bandwidth-v1", Api::v1, {}},
      {"bandwidth-v1, bare list", Api::v1, {"--list-shape", "bare"}},
      {"bandwidth-v1, answers without a body", Api::v1, {"--location-only"}},
      {"bandwidth-v1, role objects", Api::v1, {"--role-shape", "objects"}},
      {"bandwidth-dashboard", Api::dashboard, {}},
      {"bandwidth-dashboard, XML", Api::dashboard, {"--xml"}},
      {"bandwidth-dashboard, one is an object", Api::dashboard, {"--collapse"}},
      {"bandwidth-dashboard, thin list", Api::dashboard, {"--thin-list"}},
      {"bandwidth-dashboard, thin XML list", Api::dashboard, {"--xml", "--thin-list"}},
      {"bandwidth-dashboard, role ids", Api::dashboard, {"--role-shape", "ids"}},
      {"bandwidth-dashboard, roles with permissions", Api::dashboard, {"--role-shape", "permissions"}},
  };
  return all;
}

std::string roles_of(const Simulator& simulator, const std::string& username) {
  return json::serialize(simulator.user(username).at("roles"));
}

bool is_enabled(const Simulator& simulator, const std::string& username) {
  return simulator.user(username).at("enabled").as_bool();
}

}  // namespace

TEST_CASE("A12 A50: plan writes nothing, apply does what it says, and a second run has nothing to do") {
  for (const auto& tenant : tenants()) {
    CAPTURE(tenant.name);
    Setup setup;
    setup.api = tenant.api;
    Bench bench{setup, tenant.options};
    auto& simulator = bench.simulator();
    add_people(simulator);
    bench.wish(person("ann.lee", "    phone: \"+19195550001\"\n    roles: [basicAccess, Ordering]\n") +
               person("bob.ray") + "  - username: cat.fox\n    state: absent\n" + person("dan.new"));

    const auto planned = bench.run({"plan"});
    CHECK_MESSAGE(planned.exit == 2, planned.err);
    CHECK(missing_from(planned.out, {"create  dan.new", "update  ann.lee", "disable cat.fox", "1 to create",
                                     "1 to update", "1 to disable", "0 to delete"}) == "");
    CHECK(simulator.writes().empty());

    const auto applied = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(applied.exit == 0, applied.out << applied.err);
    CHECK(simulator.writes().size() == 3);
    CHECK(simulator.user("ann.lee").at("phone") == "+19195550001");
    CHECK(roles_of(simulator, "ann.lee") == R"(["basicAccess","ordering"])");
    CHECK(roles_of(simulator, "dan.new") == R"(["basicAccess","reporting"])");
    CHECK_FALSE(is_enabled(simulator, "cat.fox"));
    CHECK(is_enabled(simulator, "bob.ray"));

    const auto before = simulator.now();
    const auto again = bench.run({"plan"});
    CHECK_MESSAGE(again.exit == 0, again.out << again.err);
    CHECK(bench.run({"apply", "--yes"}).exit == 0);
    CHECK(simulator.writes(before).empty());
  }
}

TEST_CASE("import writes a file that plans to no changes") {
  for (const auto& tenant : tenants()) {
    CAPTURE(tenant.name);
    Setup setup;
    setup.api = tenant.api;
    Bench bench{setup, tenant.options};
    add_people(bench.simulator());
    const auto imported = bench.run({"import", "--account", "5500001"});
    REQUIRE_MESSAGE(imported.exit == 0, imported.err);
    CHECK(missing_from(imported.out, {"username: ann.lee", "reporting"}) == "");
    bench.wish_file("main.yaml", imported.out);
    const auto planned = bench.run({"plan", "--format", "json"});
    CHECK_MESSAGE(planned.exit == 0, planned.out << planned.err);
    const auto plan = parse_output(planned.out);
    CHECK(plan.at("accounts").at(0).at("actions").as_array().empty());
    CHECK(plan.at("summary").at("inSync").to_number<std::size_t>() == bench.simulator().usernames().size());
    CHECK(bench.simulator().writes().empty());
  }
}

TEST_CASE("A26: import leaves out a user whom no request can name, and has the others") {
  Setup setup;
  setup.api = Api::dashboard;
  Bench bench{setup, {"--no-user-ids", "--thin-list"}};
  add_people(bench.simulator());
  bench.simulator().put_user("%2E%2E", R"({"firstName":"Dot"})");
  const auto imported = bench.run({"import", "--account", "5500001"});
  REQUIRE_MESSAGE(imported.exit == 0, imported.err);
  CHECK(missing_from(imported.out, {"username: ann.lee", "roles:", "# left out: the user \"..\""}) == "");
  CHECK(imported.err.find("warning: .. is left out") != std::string::npos);
}

TEST_CASE("A1 A3: import of a list that failed writes no file, only an error") {
  Bench bench;
  bench.simulator().faults(R"({"rules":[{"path":"/api/v1/users","fault":{"truncate":0.5}}]})");
  auto setup = bench.setup();
  setup.retry_for = "1s";
  bench.set_up(setup);
  const auto imported = bench.run({"import", "--account", "5500001"});
  CHECK(imported.exit == 1);
  CHECK(imported.out.empty());
  CHECK(missing_from(imported.err, {"error:"}) == "");
}

}  // namespace usersyncd::test
