#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/program/support.hpp"

// Lists that lie: whatever they say, nothing is written, and the next good one is used again.

namespace usersyncd::test {
namespace {

struct Lie {
  std::string name;
  const char* fault;  ///< of every list
};

const std::vector<Lie>& lies() {
  static const std::vector<Lie> all{
      {"A2: empty", R"("emptyList":true)"},
      {"A7: half of it", R"("shrinkList":0.5)"},
      {"A55: cut", R"("truncate":0.5)"},
      {"without its length", R"("unframed":true,"truncate":0.5)"},
      {"A10: a page of HTML", R"("html":true)"},
      {"A6: another account's", R"("foreignList":true)"},
      {"an error inside 200", R"("errorInside200":"12073")"},
      {"A1: busy", R"("status":503,"body":"busy")"},
      {"A10: busy, in HTML", R"("status":503,"body":"<html>busy</html>")"},
      {"forbidden", R"("status":403,"body":"{}")"},
      {"A2: nothing at all", R"("status":200,"body":"")"},
      {"A2: no list in it", R"("status":200,"body":"{}")"},
      {"A70: of another type", R"("status":200,"body":"{\"data\":7,\"Users\":7}")"},
      {"gone", R"("status":404,"body":"")"},
  };
  return all;
}

// What every list of users is asked by, in this API, and no single user.
std::string faulty_list(Api api, const std::string& fault) {
  const std::string path = api == Api::v1 ? "/api/v1/users(\\\\?|$)" : "/accounts/[^/]*/users(\\\\?|$)";
  return R"({"rules":[{"method":"GET","path":")" + path + R"(","fault":{)" + fault + "}}]}";
}

}  // namespace

TEST_CASE("A1 A2 A3 A7 A9 A10: a list that cannot be believed changes nobody") {
  for (const Api api : {Api::v1, Api::dashboard}) {
    Setup setup;
    setup.api = api;
    setup.retry_for = "500ms";
    Bench bench{setup};
    auto& simulator = bench.simulator();
    add_people(simulator);
    bench.wish(person("ann.lee") + person("bob.ray") + person("cat.fox"));
    REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
    bench.wish(person("ann.lee", "    roles: []\n") + person("bob.ray") + person("cat.fox") +
               person("dan.new"));
    auto all = lies();
    // The dashboard's list has no total that could be wrong.
    if (api == Api::v1) all.push_back({"A9: a wrong total", R"("wrongTotal":5)"});
    for (const auto& lie : all) {
      CAPTURE(profile_of(api));
      CAPTURE(lie.name);
      simulator.faults(faulty_list(api, lie.fault));
      const auto run = bench.run({"apply", "--yes"});
      CHECK_MESSAGE(run.exit == 1, run.out << run.err);
      CHECK_MESSAGE(missing_from(run.err, {"5500001"}) == "", run.err);
      CHECK(simulator.writes().empty());
    }
    simulator.faults("{}");
    const auto mended = bench.run({"apply", "--yes"});
    CHECK_MESSAGE(mended.exit == 0, mended.out << mended.err);
    CHECK(simulator.has("dan.new"));
  }
}

TEST_CASE("import doubts a list as plan does: what was lost on the way is not written down") {
  Bench bench;
  auto& simulator = bench.simulator();
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  const auto import = [&] { return bench.run({"import", "--account", "5500001"}); };
  for (const char* fault : {R"("shrinkList":0.5)", R"("emptyList":true)"}) {
    simulator.faults(faulty_list(Api::v1, fault));
    const auto refused = import();
    CHECK(refused.exit == 1);
    CHECK(refused.out.empty());
    CHECK(missing_from(refused.err, {"5500001", "nothing was imported"}) == "");
  }
  simulator.faults("{}");
  CHECK(import().exit == 0);
  Bench unknown;
  unknown.simulator().faults(faulty_list(Api::v1, R"("emptyList":true)"));
  const auto empty = unknown.run({"import", "--account", "5500001"});
  CHECK(empty.exit == 1);
  CHECK(empty.out.empty());
}

TEST_CASE("A70: one user, two users: the same in XML, in JSON made from it, and thin") {
  for (const Arguments& options : {Arguments{"--xml"}, Arguments{"--collapse"}, Arguments{"--thin-list"},
                                   Arguments{"--xml", "--thin-list"}}) {
    for (const std::string users : {"0", "1", "2"}) {
      Setup setup;
      setup.api = Api::dashboard;
      auto all = options;
      all.insert(all.end(), {"--users", users});
      Bench bench{setup, all};
      const auto own = bench.simulator().login().id;
      bench.wish("  - username: " + own + "\n    firstName: API\n");
      const auto planned = bench.run({"plan"});
      CHECK_MESSAGE(planned.exit == 0, planned.out << planned.err);
      CHECK(missing_from(planned.out, {std::to_string(bench.simulator().usernames().size()) + " user"}) ==
            "");
    }
  }
}

TEST_CASE("A69: what a thin list lacks is unknown, and drift in it is judged from an item read") {
  Setup setup;
  setup.api = Api::dashboard;
  Bench bench{setup, {"--thin-list"}};
  auto& simulator = bench.simulator();
  add_people(simulator);
  bench.wish(person("ann.lee") + person("bob.ray") + person("cat.fox"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(simulator.writes().empty());
  simulator.put_user("bob.ray", R"({"roles":["basicAccess"]})");
  const auto mended = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(mended.exit == 0, mended.out << mended.err);
  CHECK(simulator.writes().size() == 1);
  CHECK(boost::json::serialize(simulator.user("bob.ray").at("roles")) == R"(["basicAccess","reporting"])");
}

TEST_CASE("A11: XML where JSON was asked for is refused on v1, never read as `no users`") {
  Setup setup;
  setup.retry_for = "500ms";
  Bench bench{setup};
  bench.wish(person("dan.new"));
  bench.simulator().faults(faulty_list(
      Api::v1,
      R"("status":200,"headers":{"Content-Type":"application/xml"},"body":"<Users><User/></Users>")"));
  const auto run = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(run.exit == 1, run.out << run.err);
  CHECK(bench.simulator().writes().empty());
}

}  // namespace usersyncd::test
