#include "tests/simulator/support.hpp"

namespace usersyncd::sim {
namespace {

const std::string users = "/api/v1/users";

constexpr const char* new_user =
    R"({"username":"c@x.example","firstName":"C","lastName":"D","email":"c@example.com","phone":"007",
        "accountScope":"ACCOUNT","roles":["ordering"],"accounts":[],"active":false,"nick":"cd"})";

SimulatorOptions with(const Dialect& dialect) {
  SimulatorOptions options;
  options.dialect = dialect;
  return options;
}

}  // namespace

TEST_CASE("v1: the list shows what the credential sees, in pages, with a total") {
  Bench bench;
  const json::value page = json::parse(bench.ask("GET", users + "?limit=1&offset=1").body);
  CHECK(page.at("data").at("totalCount") == 2);
  REQUIRE(page.at("data").at("items").as_array().size() == 1);
  const json::value& bob = page.at("data").at("items").at(0);
  CHECK(
      bob ==
      json::parse(R"({"username":"bob@x.example","firstName":"Bob","lastName":"Ray","email":"bob@example.com",
    "phone":"","accountScope":"ACCOUNT","roles":["basicAccess"],"accounts":["5500001"],"active":true})"));
  CHECK(json::parse(bench.ask("GET", users + "?limit=1").body).at("links").at(1).at("rel") == "next");
  CHECK(json::parse(bench.ask("GET", users + "?offset=9").body).at("data").at("items").as_array().empty());
  CHECK(bench.ask("GET", users + "?limit=x").status == 400);
  CHECK(bench.ask("GET", users + "?limit=0").status == 400);
}

TEST_CASE("v1: pages are 20 by default and 100 at most") {
  PopulationOptions many;
  many.users = 150;
  Bench bench({}, generate_world(many));
  const auto length = [&](const std::string& query) {
    return json::parse(bench.ask("GET", users + query).body).at("data").at("items").as_array().size();
  };
  CHECK(length("") == 20);
  CHECK(length("?limit=500") == 100);
  CHECK(length("?limit=100&offset=100") == 51);
}

TEST_CASE("v1: the list speaks its variants") {
  Dialect dialect;
  dialect.list_bare = true;
  dialect.no_total = true;
  dialect.whole_list = true;
  dialect.role_shape = RoleShape::objects;
  Bench bench(with(dialect));
  const json::value page = json::parse(bench.ask("GET", users + "?limit=1&offset=1").body);
  REQUIRE(page.at("data").as_array().size() == 2);
  CHECK(page.at("data").at(0).at("roles") == json::parse(R"([{"roleId":"admin"}])"));
  CHECK_FALSE(page.as_object().contains("totalCount"));
}

TEST_CASE("v1: create keeps strings as strings and unknown fields, and answers in three shapes") {
  Dialect bare;
  bare.item_wrapped = false;
  Dialect location;
  location.location_only = true;
  for (const Dialect& dialect : {Dialect{}, bare, location}) {
    Bench bench(with(dialect));
    const Response created = bench.ask("POST", users, new_user);
    CHECK(created.status == 201);
    CHECK(header(created.headers, "Location") == "/api/v1/users/c%40x.example");
    CHECK(created.body.empty() == dialect.location_only);
    const json::value body = json::parse(bench.ask("GET", users + "/C%40x.example").body);
    const json::value& user = dialect.item_wrapped.value_or(true) ? body.at("data") : body;
    CHECK(user.at("phone") == "007");
    CHECK(user.at("active") == false);
    CHECK(user.at("nick") == "cd");
    CHECK(user.at("accounts") == json::array{"5500001"});
  }
}

TEST_CASE("v1: create is refused with the vendor's codes") {
  Bench bench;
  CHECK(code_of(bench.ask("POST", users, R"({"username":"c","accounts":[],"accountScope":"ACCOUNT"})")) ==
        "1003");
  CHECK(code_of(bench.ask("POST", users, "[]")) == "1019");
  CHECK(code_of(bench.ask("POST", users, R"({"username":5})")) == "1019");
  CHECK(bench.ask("POST", users, new_user).status == 201);
  const Response again = bench.ask("POST", users, new_user);
  CHECK(again.status == 409);
  CHECK(code_of(again) == "12001");
}

TEST_CASE("v1: update replaces the whole user") {
  Bench bench;
  const Response updated = bench.ask(
      "PUT", users + "/ann", R"({"firstName":"Anna","roles":[{"roleId":"admin"}],"accounts":["5500001"]})");
  CHECK(updated.status == 200);
  const json::value user = json::parse(updated.body).at("data");
  CHECK(user.at("firstName") == "Anna");
  CHECK(user.at("lastName") == "");
  CHECK(user.at("accountScope") == "ACCOUNT");
  CHECK(user.at("roles") == json::array{"admin"});
  CHECK_FALSE(user.as_object().contains("jobTitle"));
  CHECK(bench.simulator.world().find("ann")->roles.contains("audit"));
}

TEST_CASE("v1: what cannot be done is said with the status for it") {
  Bench bench;
  const Response removed = bench.ask("DELETE", users + "/ann");
  CHECK(removed.status == 405);
  CHECK(header(removed.headers, "Allow") == "GET, PUT");
  CHECK(bench.ask("GET", users + "/nobody").status == 404);
  CHECK(bench.ask("GET", users + "/hidden").status == 404);
  CHECK(code_of(bench.ask("PUT", users + "/nobody", "{}")) == "12000");
  CHECK(bench.ask("PATCH", users).status == 405);
  CHECK(bench.ask("GET", "/api/v1/teams").status == 404);
  CHECK(bench.send("GET", users, "", {{"Accept", "text/csv"}}).response.status == 406);
  CHECK(bench.send("POST", users, new_user, {{"Content-Type", "text/plain"}}).response.status == 415);
  Dialect dialect;
  dialect.not_found_status = 403;
  const Response missing = Bench(with(dialect)).ask("GET", users + "/nobody");
  CHECK(missing.status == 403);
  CHECK(code_of(missing) == "12000");
}

TEST_CASE("v1: roles and accounts are those that the credential holds") {
  Bench bench;
  const json::value roles = json::parse(bench.ask("GET", "/api/v1/roles").body).at("data");
  CHECK(roles.as_array().size() == 3);
  CHECK(roles.at(0) == json::parse(R"({"roleId":"basicAccess","name":"Basic Access"})"));
  CHECK(json::parse(bench.ask("GET", "/api/v2/accounts").body).at("data") ==
        json::parse(R"([{"accountId":"5500001","name":"One"}])"));
}

}  // namespace usersyncd::sim
