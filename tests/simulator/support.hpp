#pragma once

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "simulator/neutral.hpp"
#include "simulator/population.hpp"
#include "simulator/simulator.hpp"

namespace usersyncd::sim {

namespace json = boost::json;

inline Instant at(double seconds) {
  return Instant{std::chrono::seconds(1'800'000'000)} + Micros{static_cast<std::int64_t>(seconds * 1e6)};
}

/// Two accounts and four roles, of which the credential holds one and three; Ann and Bob.
inline World small_world() {
  const World base = generate_world(PopulationOptions{});
  return read_world(R"({
    "roles": [{"id":"basicAccess","name":"Basic Access"}, {"id":"admin","name":"Admin"},
              {"id":"ordering","name":"Ordering"}, {"id":"audit","name":"Audit"}],
    "accounts": [{"id":"5500001","name":"One"}, {"id":"5500002","name":"Two"}],
    "credential": {"roles":["basicAccess","admin","ordering"], "accounts":["5500001"]},
    "users": [
      {"id":"u1","username":"Ann","firstName":"Ann","lastName":"Lee","email":"ann@example.com","phone":"0412",
       "roles":["admin","audit"],"accounts":["5500001","5500002"],"scope":"ACCOUNT_ADMIN","enabled":true,
       "extra":{"jobTitle":"CTO"}},
      {"id":"u2","username":"bob@x.example","firstName":"Bob","lastName":"Ray","email":"bob@example.com",
       "roles":["basicAccess"],"accounts":["5500001"]},
      {"id":"u3","username":"hidden","firstName":"Hid","lastName":"Den","email":"hid@example.com",
       "accounts":["5500002"]}]})",
                    base);
}

inline Draft good_draft() {
  Draft draft;
  draft.username = "new.user";
  draft.first_name = "New";
  draft.last_name = "User";
  draft.email = "new.user@example.com";
  draft.phone = "+19195551234";
  draft.scope = "ACCOUNT";
  draft.roles = {"basicAccess"};
  draft.accounts = {"5500001"};
  return draft;
}

/// A simulator with the small world, and a client of it that is logged in to both APIs.
struct Bench {
  explicit Bench(const SimulatorOptions& options = {}, World world = small_world())
      : simulator(std::move(world), options) {}

  Reply send(const std::string& method, const std::string& target, const std::string& body = "",
             Headers headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}}) {
    const Credentials credentials;
    const bool v1 = target.starts_with("/api/v1") || target.starts_with("/api/v2");
    if (header(headers, "Authorization").empty()) {
      headers.emplace_back("Authorization", v1 ? "Bearer " + token()
                                               : basic_header(credentials.username, credentials.password));
    }
    return simulator.answer(Request{method, target, headers, body}, now);
  }

  Response ask(const std::string& method, const std::string& target, const std::string& body = "") {
    return send(method, target, body).response;
  }

  const std::string& token() {
    if (token_.empty()) {
      const Headers headers{{"Content-Type", "application/x-www-form-urlencoded"},
                            {"Authorization", basic_header("sim-id", "sim-secret")}};
      const Request request{"POST", "/api/v1/oauth2/token", headers, "grant_type=client_credentials"};
      const Response response = simulator.answer(request, now).response;
      REQUIRE(response.status == 200);
      token_ = json::parse(response.body).at("access_token").as_string();
    }
    return token_;
  }

  void set_fault(const std::string& rule) {
    const Request request{"POST", "/sim/faults", {}, R"({"rules":[)" + rule + "]}"};
    REQUIRE(simulator.answer(request, now).response.status == 200);
  }

  Simulator simulator;
  Instant now = at(0);
  std::string token_;
};

/// The error code in a v1 (shape G) or dashboard (shape A) body; empty where there is none.
inline std::string code_of(const Response& response) {
  const json::value body = json::parse(response.body);
  if (const json::value* status = body.as_object().if_contains("ResponseStatus")) {
    return std::string(status->at("ErrorCode").as_string());
  }
  const json::value* errors = body.as_object().if_contains("errors");
  return errors == nullptr || errors->as_array().empty() ? ""
                                                         : std::string(errors->at(0).at("code").as_string());
}

}  // namespace usersyncd::sim
