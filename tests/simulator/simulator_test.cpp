#include <array>

#include "tests/simulator/support.hpp"

namespace usersyncd::sim {
namespace {

const std::string users = "/api/v1/users";

constexpr const char* new_user =
    R"({"username":"cleo","firstName":"Cleo","lastName":"Day","email":"cleo@example.com",
        "accountScope":"ACCOUNT","roles":[],"accounts":[]})";

std::vector<std::string> listed(const Response& response) {
  std::vector<std::string> names;
  const json::value body = json::parse(response.body);
  for (const json::value& user : body.at("data").at("items").as_array()) {
    names.emplace_back(user.at("username").as_string());
  }
  return names;
}

json::value control(Bench& bench, const std::string& method, const std::string& target,
                    const std::string& body = "") {
  return json::parse(bench.simulator.answer(Request{method, target, {}, body}, bench.now).response.body);
}

}  // namespace

TEST_CASE("tokens come for the right secret and a form, and expire") {
  SimulatorOptions options;
  options.token_ttl = std::chrono::seconds(60);
  Bench bench(options);
  CHECK(bench.ask("GET", users).status == 200);
  bench.now = at(59);
  CHECK(bench.ask("GET", users).status == 200);
  bench.now = at(60);
  const Response expired = bench.ask("GET", users);
  CHECK(expired.status == 401);
  CHECK(header(expired.headers, "WWW-Authenticate") == "Bearer");

  const auto token = [&](const std::string& secret, const std::string& type, const std::string& body) {
    const Headers headers{{"Content-Type", type}, {"Authorization", basic_header("sim-id", secret)}};
    return bench.send("POST", "/api/v1/oauth2/token", body, headers).response.status;
  };
  const std::string form = "application/x-www-form-urlencoded";
  CHECK(token("sim-secret", form, "scope=x&grant_type=client_credentials") == 200);
  CHECK(token("wrong", form, "grant_type=client_credentials") == 401);
  CHECK(token("sim-secret", form, "grant_type=password") == 400);
  CHECK(token("sim-secret", "application/json", "{}") == 415);
}

TEST_CASE("v1 takes only tokens, the dashboard takes both, and locks out its own disabled user") {
  Bench bench;
  const auto status = [&](const std::string& target, const std::string& authorization) {
    return bench.send("GET", target, "", {{"Authorization", authorization}, {"Accept", "application/json"}})
        .response.status;
  };
  const std::string basic = basic_header("sim-api-user", "sim-password");
  const std::string dashboard = "/api/accounts/5500001/users";
  CHECK(status(users, basic) == 401);
  CHECK(status(dashboard, basic) == 200);
  CHECK(status(dashboard, "Bearer " + bench.token()) == 200);
  CHECK(status(dashboard, basic_header("SIM-API-USER", "sim-password")) == 401);
  CHECK(status(dashboard, "Bearer nothing") == 401);
  control(bench, "PUT", "/sim/users/sim-api-user", R"({"enabled":false})");
  const Response locked = bench.ask("GET", dashboard);
  CHECK(locked.status == 403);
  CHECK(code_of(locked) == "12093");
}

TEST_CASE("only the API that was chosen answers") {
  SimulatorOptions options;
  options.dialect.apis = Apis::dashboard;
  const Headers basic{{"Authorization", basic_header("sim-api-user", "sim-password")}};
  CHECK(Bench(options).send("GET", users, "", basic).response.status == 404);
  options.dialect.apis = Apis::v1;
  CHECK(Bench(options).send("GET", "/accounts/5500001/users", "", basic).response.status == 404);
  CHECK(Bench(options).send("GET", "not a path", "", basic).response.status == 400);
}

TEST_CASE("the limiter refuses before anything is done, and never the control API") {
  SimulatorOptions options;
  options.limiter = "fixed-window:limit=3,window=10s";
  options.hint = "seconds,body=json";
  Bench bench(options);
  CHECK(bench.ask("GET", users).status == 200);
  CHECK(bench.ask("POST", users, new_user).status == 201);
  const Response refused = bench.ask("PUT", users + "/cleo", "{}");
  CHECK(refused.status == 429);
  CHECK(header(refused.headers, "Retry-After") == "10");
  CHECK(control(bench, "GET", "/sim/stats").at("requests").at("byMethod").at("PUT").at("429") == 1);
  bench.now = at(10);
  CHECK(bench.ask("GET", users).status == 200);
  control(bench, "POST", "/sim/limiter", R"({"limiter":"none"})");
  for (int i = 0; i < 10; ++i) {
    CHECK(bench.ask("GET", users).status == 200);
  }
}

TEST_CASE("A29: a fault before the work leaves the world alone, one after it does not") {
  struct Row {
    const char* fault;
    bool done;
    bool reset;
    int status;
  };
  for (const Row& row :
       {Row{R"({"resetBefore":true})", false, true, 0}, Row{R"({"resetAfter":true})", true, true, 0},
        Row{R"({"status":503,"body":"no"})", false, false, 503},
        Row{R"({"status":502,"after":true})", true, false, 502}, Row{R"({"html":true})", false, false, 200},
        Row{R"({"ignoreWrite":true})", false, false, 201}, Row{R"({"revokeTokens":true})", false, false, 401},
        Row{R"({"errorInside200":"12073"})", false, false, 200}, Row{R"({"truncate":0.5})", true, false, 201},
        Row{R"({"slow":"5s"})", true, false, 201}}) {
    CAPTURE(row.fault);
    Bench bench;
    bench.token();
    bench.set_fault(std::string(R"({"method":"POST","fault":)") + row.fault + "}");
    const Reply reply = bench.send("POST", users, new_user);
    CHECK((bench.simulator.world().find("cleo") != nullptr) == row.done);
    CHECK(reply.delivery.reset == row.reset);
    const json::value entry = control(bench, "GET", "/sim/journal?since=1").at("entries").at(0);
    CHECK(entry.at("status") == row.status);
    CHECK(entry.at("worked") == row.done);
    CHECK(entry.at("faulty") == true);
  }
}

TEST_CASE("A2, A7, A6, A9: lists lie on request") {
  Bench bench;
  bench.set_fault(R"({"nth":1,"fault":{"emptyList":true}},{"nth":2,"fault":{"shrinkList":0.5}},
                     {"nth":3,"fault":{"foreignList":true}},{"nth":4,"fault":{"wrongTotal":5}})");
  bench.now = at(1);
  const Headers headers{{"Accept", "application/json"},
                        {"Authorization", basic_header("sim-api-user", "sim-password")}};
  const auto dashboard = [&] { return bench.send("GET", "/accounts/5500001/users", "", headers).response; };
  CHECK(dashboard().body == R"({"Users":[]})");
  CHECK(json::parse(dashboard().body).at("Users").as_array().size() == 1);
  CHECK(json::parse(dashboard().body).at("Users").at(0).at("AccountId") == "9900001");
  bench.set_fault(
      R"({"method":"GET","nth":1,"fault":{"wrongTotal":5}},
         {"method":"GET","nth":2,"fault":{"foreignList":true}})");
  CHECK(json::parse(bench.ask("GET", users).body).at("data").at("totalCount") == 7);
  CHECK(json::parse(bench.ask("GET", users).body).at("data").at("items").at(0).at("accounts") ==
        json::array{"9900001"});
  CHECK(listed(bench.ask("GET", users)) == std::vector<std::string>{"Ann", "bob@x.example"});
}

TEST_CASE("an error inside a 200 has the shape of its API") {
  Bench bench;
  bench.token();
  bench.set_fault(R"({"fault":{"errorInside200":"12073"}})");
  for (const char* target : {"/api/v1/users", "/api/accounts/5500001/users"}) {
    const Response response = bench.ask("GET", target);
    CHECK(response.status == 200);
    CHECK(code_of(response) == "12073");
  }
}

TEST_CASE("stale reads show the world from before the request, for as long as was asked") {
  Bench bench;
  bench.token();
  bench.set_fault(R"({"method":"POST","fault":{"staleReads":2}})");
  CHECK(bench.ask("POST", users, new_user).status == 201);
  CHECK(bench.ask("GET", users + "/cleo").status == 404);
  CHECK(listed(bench.ask("GET", users)).size() == 2);
  CHECK(bench.ask("GET", users + "/cleo").status == 200);
}

TEST_CASE("a cached list is never older than the world") {
  Bench bench;
  CHECK(listed(bench.ask("GET", users)).size() == 2);
  CHECK(listed(bench.ask("GET", users)).size() == 2);
  bench.ask("POST", users, new_user);
  CHECK(listed(bench.ask("GET", users)).size() == 3);
  control(bench, "DELETE", "/sim/users/cleo");
  CHECK(listed(bench.ask("GET", users)).size() == 2);
}

TEST_CASE("latency and its jitter, a leaky bucket and slowness add up") {
  SimulatorOptions options;
  options.latency = std::chrono::milliseconds(20);
  options.limiter = "leaky-bucket:rate=10,queue=5";
  Bench bench(options);
  bench.token();
  bench.set_fault(R"({"fault":{"slow":"1s","slowBytes":"5ms","unframed":true,"truncate":0.5}})");
  const Delivery delivery = bench.send("GET", users).delivery;
  CHECK(delivery.delay == std::chrono::milliseconds(1120));
  CHECK(delivery.per_byte == std::chrono::milliseconds(5));
  CHECK(delivery.unframed);
  CHECK(delivery.truncate == 0.5);
  options.jitter = std::chrono::milliseconds(5);
  options.limiter = "none";
  Bench jittery(options);
  for (int i = 0; i < 50; ++i) {
    const Micros delay = jittery.send("GET", users).delivery.delay;
    CHECK(delay >= std::chrono::milliseconds(15));
    CHECK(delay <= std::chrono::milliseconds(25));
  }
}

TEST_CASE("the control API changes the world behind everybody's back and counts nothing") {
  Bench bench;
  const json::value created = control(bench, "PUT", "/sim/users/dora%40x",
                                      R"({"firstName":"Dora","roles":["admin"],"enabled":false})");
  CHECK(created.at("username") == "dora@x");
  CHECK(created.at("accounts") == json::array{"5500001"});
  control(bench, "PUT", "/sim/users/ANN", R"({"phone":"1"})");
  CHECK(bench.simulator.world().find("ann")->username == "Ann");
  CHECK(bench.simulator.world().find("ann")->phone == "1");
  CHECK(bench.simulator.world().find("ann")->id == "u1");
  CHECK(control(bench, "GET", "/sim/state").at("users").as_array().size() == 4);
  control(bench, "DELETE", "/sim/users/ann");
  CHECK(bench.simulator.world().find("ann") == nullptr);
  const json::value stats = control(bench, "GET", "/sim/stats");
  CHECK(stats.at("requests").at("total") == 0);
  CHECK(stats.at("users").as_object().empty());
}

TEST_CASE("the control API refuses what it does not understand and changes nothing") {
  Bench bench;
  const std::uint64_t before = bench.simulator.world().revision();
  const std::vector<std::array<std::string, 3>> calls{{"PUT", "/sim/users/ann", R"({"colour":"red"})"},
                                                      {"PUT", "/sim/users/ann", R"({"username":"bob"})"},
                                                      {"PUT", "/sim/users/ann", "x"},
                                                      {"DELETE", "/sim/users/nobody", ""},
                                                      {"POST", "/sim/faults", "{"},
                                                      {"POST", "/sim/limiter", R"({"limiter":"x"})"},
                                                      {"POST", "/sim/limiter", R"({"limiter":5})"},
                                                      {"GET", "/sim/journal?since=x", ""},
                                                      {"GET", "/sim", ""},
                                                      {"PATCH", "/sim/users/ann", ""}};
  for (const auto& [method, target, body] : calls) {
    const std::string shown = target;
    CAPTURE(shown);
    const Response response = bench.simulator.answer(Request{method, target, {}, body}, bench.now).response;
    CHECK(response.status >= 400);
    CHECK_FALSE(json::parse(response.body).at("error").as_string().empty());
  }
  CHECK(bench.simulator.world().revision() == before);
}

TEST_CASE("statistics count requests by method and status, and what was done to whom") {
  Bench bench;
  bench.ask("POST", users, new_user);
  bench.ask("POST", users, new_user);
  bench.ask("DELETE", "/api/accounts/5500001/users/u2");
  const json::value stats = control(bench, "GET", "/sim/stats");
  CHECK(stats.at("requests") == json::parse(R"({"total":4,"changed":2,"faulty":0,
    "byMethod":{"DELETE":{"200":1},"POST":{"200":1,"201":1,"409":1}}})"));
  CHECK(stats.at("users") == json::parse(R"({"bob@x.example":{"created":0,"updated":0,"deleted":1},
                                             "cleo":{"created":1,"updated":0,"deleted":0}})"));
}

}  // namespace usersyncd::sim
