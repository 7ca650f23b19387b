#include "simulator/tenants.hpp"

#include "tests/simulator/support.hpp"

namespace usersyncd::sim {
namespace {

struct TenantBench {
  explicit TenantBench(const SimulatorOptions& options = {})
      : tenants(PopulationOptions{3, 7, {"5500001"}, "sim-api-user"}, options, 2) {}

  Response ask(const std::string& method, const std::string& target, const std::string& body = "") {
    const Headers headers{{"Accept", "application/json"},
                          {"Content-Type", "application/json"},
                          {"Authorization", basic_header("sim-api-user", "sim-password")}};
    return tenants.answer(Request{method, target, headers, body}, now).response;
  }
  json::value overview(std::size_t number) {
    return json::parse(ask("GET", "/sim/tenants").body).at("tenants").at(number - 1);
  }

  Tenants tenants;
  Instant now = at(0);
};

const std::string users_of_one = "/tenant/1/api/accounts/5500001-1/users";
const std::string users_of_two = "/tenant/2/api/accounts/5500001-2/users";

}  // namespace

TEST_CASE("each tenant has an account and users of its own") {
  TenantBench bench;
  CHECK(bench.tenants.count() == 2);
  CHECK(bench.tenants.account(2) == "5500001-2");
  CHECK(bench.tenants.world(1).users().size() == 4);  // and the login's own
  const Response one = bench.ask("GET", users_of_one);
  const Response two = bench.ask("GET", users_of_two);
  CHECK(one.status == 200);
  CHECK(two.status == 200);
  CHECK(one.body != two.body);
}

TEST_CASE("what is done to one tenant leaves the others alone") {
  TenantBench bench;
  REQUIRE(bench.ask("POST", "/tenant/1/sim/faults", R"({"rules":[{"path":"/users","fault":{"status":503}}]})")
              .status == 200);
  CHECK(bench.ask("GET", users_of_one).status == 503);
  CHECK(bench.ask("GET", users_of_two).status == 200);
  REQUIRE(bench.ask("PUT", "/tenant/2/sim/users/new", R"({"lastName":"Lee"})").status == 201);
  CHECK(bench.tenants.world(1).find("new") == nullptr);
  CHECK(bench.tenants.world(2).find("new") != nullptr);
}

TEST_CASE("the overview counts what was asked of the API, and when users were listed") {
  SimulatorOptions options;
  options.limiter = "fixed-window:limit=2,window=10s";
  TenantBench bench(options);
  bench.ask("GET", users_of_one);
  bench.ask("GET", users_of_one + "/nobody");
  bench.ask("GET", "/tenant/1/sim/stats");
  bench.now = at(1);
  CHECK(bench.ask("GET", users_of_one).status == 429);
  const json::value one = bench.overview(1);
  CHECK(one.at("account") == "5500001-1");
  CHECK(one.at("requests") == 3);
  CHECK(one.at("refused") == 1);
  CHECK(one.at("lists") == json::array{at(0).time_since_epoch().count(), at(1).time_since_epoch().count()});
  CHECK(bench.overview(2).at("requests") == 0);
}

TEST_CASE("what is no tenant's is not found, and /sim/stop ends all") {
  TenantBench bench;
  for (const char* target : {"/tenant/0/api/v1/users", "/tenant/3/api/v1/users", "/tenant/x/sim/stats",
                             "/tenant/1", "/tenant/", "/api/v1/users", "/tenant/99999999999999999999/x"}) {
    CAPTURE(target);
    CHECK(bench.ask("GET", target).status == 404);
  }
  CHECK_FALSE(bench.tenants.stop_requested());
  CHECK(bench.ask("POST", "/sim/stop").status == 200);
  CHECK(bench.tenants.stop_requested());
}

}  // namespace usersyncd::sim
