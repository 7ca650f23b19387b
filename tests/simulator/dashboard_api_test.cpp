#include "simulator/tree.hpp"
#include "tests/simulator/support.hpp"

namespace usersyncd::sim {
namespace {

const std::string users = "/api/accounts/5500001/users";

constexpr const char* new_user =
    R"({"Username":"cleo","FirstName":"Cleo","LastName":"Day","Email":"cleo@example.com",
        "Password":"Wide-Open-4-ever",
        "Roles":[{"RoleId":"ordering"}],"Enabled":true})";

SimulatorOptions with(const Dialect& dialect) {
  SimulatorOptions options;
  options.dialect = dialect;
  return options;
}

json::value get(Bench& bench, const std::string& target) {
  return json::parse(bench.ask("GET", target).body);
}

}  // namespace

TEST_CASE("dashboard: the list carries no accounts, the thin one also no roles and no enabled flag") {
  Bench bench;
  const json::value list = get(bench, users).at("Users");
  REQUIRE(list.as_array().size() == 2);
  CHECK(list.at(0) == json::parse(R"({"UserId":"u1","Username":"Ann","FirstName":"Ann","LastName":"Lee",
    "Email":"ann@example.com","TelephoneNumber":"0412","Roles":[{"RoleId":"admin","RoleName":"Admin"}],
    "AccountId":"5500001","Enabled":true})"));
  Dialect dialect;
  dialect.thin_list = true;
  dialect.no_user_ids = true;
  Bench thin(with(dialect));
  CHECK(get(thin, "/accounts/5500001/users").at("Users").at(0) ==
        json::parse(R"({"Username":"Ann","FirstName":"Ann","LastName":"Lee","Email":"ann@example.com",
                        "TelephoneNumber":"0412"})"));
  CHECK(get(thin, users + "/ann").at("Enabled") == true);
}

TEST_CASE("dashboard: an item is found by id in the account and by name without one") {
  Bench bench;
  const json::value by_id = get(bench, users + "/u1");
  CHECK(by_id == get(bench, "/users/ANN"));
  CHECK(by_id.at("Accounts") == json::parse(R"({"Account":[{"AccountId":"5500001","CompanyName":"One"}]})"));
  CHECK(by_id.at("JobTitle") == "CTO");
  CHECK(bench.ask("GET", users + "/ann").status == 404);
  CHECK(bench.ask("GET", users + "/u3").status == 404);
  CHECK(code_of(bench.ask("GET", "/api/accounts/5500002/users")) == "5051");
  CHECK(code_of(bench.ask("GET", "/api/users/nobody")) == "12000");
}

TEST_CASE("dashboard: roles come in three shapes, and each is understood when it is sent back") {
  const std::vector<std::pair<RoleShape, const char*>> rows{
      {RoleShape::ids, R"(["admin"])"},
      {RoleShape::objects, R"([{"RoleId":"admin","RoleName":"Admin"}])"},
      {RoleShape::permissions,
       R"({"Role":{"RoleName":"Admin",
                   "Permissions":{"Permission":[{"PermissionName":"UPDATE"},{"PermissionName":"VIEW"}]}}})"}};
  for (const auto& [shape, text] : rows) {
    const std::string shown = text;
    CAPTURE(shown);
    Dialect dialect;
    dialect.role_shape = shape;
    Bench bench(with(dialect));
    const json::value item = get(bench, users + "/u1");
    CHECK(item.at("Roles") == json::parse(text));
    const std::string before = json::serialize(neutral_world(bench.simulator.world()));
    CHECK(bench.ask("PUT", users + "/u1", json::serialize(item)).status == 200);
    CHECK(json::serialize(neutral_world(bench.simulator.world())) == before);
  }
}

TEST_CASE("A11: without Accept the dashboard answers XML, and takes it back unchanged") {
  Bench bench;
  const Headers no_accept{{"Content-Type", "application/xml"}};
  const Response item = bench.send("GET", users + "/u1", "", no_accept).response;
  CHECK(header(item.headers, "Content-Type") == "application/xml");
  CHECK(item.body.find("<UserResponse><User><UserId>u1</UserId>") != std::string::npos);
  CHECK(item.body.find("<EmailAddress>ann@example.com</EmailAddress>") != std::string::npos);
  const std::string before = json::serialize(neutral_world(bench.simulator.world()));
  CHECK(bench.send("PUT", users + "/u1", item.body, no_accept).response.status == 200);
  CHECK(json::serialize(neutral_world(bench.simulator.world())) == before);
  const Response missing = bench.send("GET", users + "/u9", "", no_accept).response;
  CHECK(missing.body.find("<ResponseStatus><ErrorCode>12000</ErrorCode>") != std::string::npos);
  Dialect dialect;
  dialect.xml = true;
  CHECK(Bench(with(dialect)).ask("GET", users).body.find("<UsersResponse><Users><User>") !=
        std::string::npos);
}

TEST_CASE("A70: JSON made from XML shows one entry as an object and none as an empty one") {
  Dialect dialect;
  dialect.collapse = true;
  Bench bench(with(dialect));
  CHECK(get(bench, users).at("Users").at("User").is_array());
  CHECK(bench.ask("DELETE", users + "/u1").status == 200);
  CHECK(get(bench, users).at("Users").at("User").at("Username") == "bob@x.example");
  CHECK(get(bench, users).at("Users").at("User").at("Roles").at("Role").at("RoleId") == "basicAccess");
  CHECK(bench.ask("DELETE", users + "/u2").status == 200);
  CHECK(get(bench, users) == json::parse(R"({"Users":{}})"));
}

TEST_CASE("dashboard: create wants a good password and shows it never") {
  Bench bench;
  const Response created = bench.ask("POST", users, new_user);
  CHECK(created.status == 201);
  CHECK(created.body.find("Wide-Open") == std::string::npos);
  const User& cleo = *bench.simulator.world().find("cleo");
  CHECK(header(created.headers, "Location") == users + "/" + cleo.id);
  CHECK(cleo.accounts == StringSet{"5500001"});
  CHECK(cleo.roles == StringSet{"ordering"});
  CHECK(code_of(bench.ask("POST", users,
                          R"({"Username":"d","FirstName":"d","LastName":"d","Email":"d@x.example"})")) ==
        "12503");
  CHECK(code_of(bench.ask("PUT", users + "/u2", R"({"Password":"Wide-Open-4-ever"})")) == "13086");
}

TEST_CASE("dashboard: ids in the body must be those in the path") {
  Bench bench;
  CHECK(code_of(bench.ask("PUT", users + "/u2", R"({"UserId":"u1"})")) == "12688");
  CHECK(code_of(bench.ask("PUT", users + "/u2", R"({"AccountId":"5500002"})")) == "12520");
}

TEST_CASE("dashboard: update resets what is missing but knows no scope; some accounts ignore Enabled") {
  Bench bench;
  CHECK(bench.ask("PUT", users + "/u1", R"({"FirstName":"Anna","Enabled":false})").status == 200);
  const User& ann = *bench.simulator.world().find("ann");
  CHECK(ann.scope == "ACCOUNT_ADMIN");
  CHECK(ann.last_name.empty());
  CHECK_FALSE(ann.enabled);
  Dialect dialect;
  dialect.ignore_enabled = true;
  Bench deaf(with(dialect));
  CHECK(json::parse(deaf.ask("PUT", users + "/u1", R"({"Enabled":false})").body).at("Enabled") == true);
}

TEST_CASE("dashboard: delete removes, or is not allowed") {
  Bench bench;
  CHECK(bench.ask("DELETE", users + "/u1").body == "{}");
  CHECK(bench.ask("DELETE", users + "/u1").status == 404);
  Dialect dialect;
  dialect.no_delete = true;
  Bench firm(with(dialect));
  CHECK(firm.ask("DELETE", users + "/u1").status == 405);
  CHECK(firm.simulator.world().find("ann") != nullptr);
}

TEST_CASE("dashboard: roles are listed with ids and names; other languages are refused") {
  Bench bench;
  CHECK(get(bench, "/accounts/5500001/roles").at("Roles").at(2) ==
        json::parse(R"({"RoleId":"ordering","RoleName":"Ordering"})"));
  CHECK(bench.send("GET", users, "", {{"Accept", "text/csv"}}).response.status == 406);
  CHECK(bench.send("POST", users, "a=b", {{"Content-Type", "text/plain"}}).response.status == 415);
  CHECK(bench.send("POST", users, "<a>", {{"Content-Type", "text/xml"}}).response.status == 400);
}

TEST_CASE("a list is read in every shape that XML and its converters give it") {
  const auto count = [](const char* text) { return entries_of(json::parse(text), "Role").size(); };
  CHECK(count("[]") == 0);
  CHECK(count("\"\"") == 0);
  CHECK(count("null") == 0);
  CHECK(count("{}") == 0);
  CHECK(count(R"(["a","b"])") == 2);
  CHECK(count(R"({"Role":"a"})") == 1);
  CHECK(count(R"({"Role":[{"RoleId":"a"},{"RoleId":"b"}]})") == 2);
  CHECK(count(R"({"RoleId":"a"})") == 1);
  CHECK_FALSE(from_xml("<a><b></a>").has_value());
  CHECK_FALSE(from_xml("").has_value());
  std::string deep;
  for (int i = 0; i < 40; ++i) {
    deep += "<a>";
  }
  for (int i = 0; i < 40; ++i) {
    deep += "</a>";
  }
  CHECK_FALSE(from_xml(deep).has_value());
}

}  // namespace usersyncd::sim
