#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/program/support.hpp"

// `explain` and `drift` where the story is not a plain one: two names, a rule that ignores, nobody looked
// yet.

namespace usersyncd::test {
namespace {

namespace json = boost::json;

json::object explained(Bench& bench, const std::string& username) {
  const auto run = bench.run({"explain", username, "--format", "json"});
  REQUIRE_MESSAGE(run.exit == 0, run.err);
  return parse_output(run.out).at("accounts").at(0).as_object();
}

const std::string renamed = "    previously: [ann.lee]\n    roles: [Ordering]\n";

}  // namespace

TEST_CASE("explain tells a pending rename under both names") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("ann.new", renamed));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 3);
  const auto now = explained(bench, "ann.new");
  const auto before = explained(bench, "ann.lee");
  CHECK(now == before);
  REQUIRE(now.at("drift").as_array().size() == 1);  // the roles were changed
  CHECK(now.at("drift").at(0).at("field") == "rename");
  CHECK(missing_from(json::serialize(now.at("actions")), {R"("verdict":"manual")"}) == "");
  CHECK(now.at("found").at("username") == "ann.lee");
  CHECK(now.at("writes").at(0).at("username") == "ann.lee");
  const auto text = bench.run({"explain", "ann.new"}).out;
  CHECK(missing_from(text, {"earlier username ann.lee", "ann.lee: differs in rename",
                            "ann.lee: update: manual", "ann.lee: update by"}) == "");
}

TEST_CASE("explain tells a mix-up of two users under both names") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("bob.ray", "    previously: [ann.lee]\n"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 3);
  const auto bob = explained(bench, "bob.ray");
  const auto ann = explained(bench, "ann.lee");
  for (const char* part : {"drift", "actions"}) CHECK(bob.at(part) == ann.at(part));
  CHECK(bob.at("drift").at(0).at("field") == "ambiguous");
  CHECK(bob.at("actions").at(0).at("verdict") == "manual");
  CHECK(bob.at("found").at("username") == "bob.ray");
  CHECK(ann.at("found").at("username") == "ann.lee");
  for (const char* name : {"by username bob.ray", "by its earlier username ann.lee"}) {
    CHECK(missing_from(json::serialize(bob.at("matched")), {name}) == "");
    CHECK(missing_from(json::serialize(ann.at("matched")), {name}) == "");
  }
}

TEST_CASE("explain names the rule that ignores a difference") {
  Bench bench;
  add_people(bench.simulator());
  bench.policy(
      "  - { name: roles-are-theirs, match: { fields: [roles] }, effect: { drift: ignore } }\n"
      "  - { name: strangers-stay, match: { users: [bob.ray] }, effect: { unmanaged: ignore } }\n");
  bench.wish(person("ann.lee", "    roles: [Ordering]\n"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  const auto ann = explained(bench, "ann.lee");
  CHECK(ann.at("drift").as_array().empty());
  REQUIRE(ann.at("ignored").as_array().size() == 1);
  const auto& ignored = ann.at("ignored").at(0);
  CHECK(ignored.at("field") == "roles");
  CHECK(ignored.at("desired") == "[ordering]");
  CHECK(ignored.at("rules") == json::value(json::array{"roles-are-theirs"}));
  CHECK(missing_from(bench.run({"explain", "ann.lee"}).out, {"differs in roles: wanted [ordering], found ",
                                                             "roles: ignored by roles-are-theirs"}) == "");
  CHECK(missing_from(bench.run({"explain", "bob.ray"}).out,
                     {"differs in unmanaged: wanted absent, found present",
                      "unmanaged: ignored by strangers-stay"}) == "");
  CHECK(explained(bench, "cat.fox").at("ignored").as_array().empty());
}

TEST_CASE("drift and explain say that an account was never polled, and what to run") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("ann.lee"));
  REQUIRE(bench.run({"plan"}).exit == 0);  // makes the store, and remembers nothing
  const std::vector<std::string> told{"was never polled", "`usersyncd apply`"};
  const auto drift = bench.run({"drift"});
  CHECK(drift.exit == 0);
  CHECK(missing_from(drift.out, told) == "");
  CHECK(drift.out.find("no drift") == std::string::npos);
  const auto document = parse_output(bench.run({"drift", "--format", "json"}).out);
  CHECK(document.at("notPolled").at(0).at("account") == "5500001");
  const auto ann = bench.run({"explain", "ann.lee"});
  CHECK(ann.exit == 0);
  CHECK(missing_from(ann.out, told) == "");
  CHECK(ann.out.find("nothing to do") == std::string::npos);
  CHECK(ann.out.find("was seen at the provider") == std::string::npos);
  const auto nobody = bench.run({"explain", "no.body"});
  CHECK(nobody.exit == 1);
  CHECK(missing_from(nobody.err, told) == "");

  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(parse_output(bench.run({"drift", "--format", "json"}).out).at("notPolled").as_array().empty());
  CHECK(bench.run({"explain", "ann.lee"}).out.find("polled") == std::string::npos);
}

TEST_CASE("a plan claims no change of an unmanaged user who is disabled already") {
  Bench bench;
  add_people(bench.simulator());
  bench.simulator().put_user("bob.ray", R"({"enabled":false})");
  bench.wish(person("ann.lee"));
  const auto plan = parse_output(bench.run({"plan", "--format", "json"}).out);
  int seen = 0;
  for (const auto& action : plan.at("accounts").at(0).at("actions").as_array()) {
    if (action.at("username") == "cat.fox") CHECK(action.at("changes").as_array().size() == 1);
    if (action.at("username") != "bob.ray") continue;
    ++seen;
    CHECK(action.at("verdict") == "report");
    CHECK(action.at("changes").as_array().empty());
    CHECK(missing_from(json::serialize(action.at("reason")), {"disabled already"}) == "");
  }
  CHECK(seen == 1);
}

}  // namespace usersyncd::test
