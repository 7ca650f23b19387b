#include <boost/json/serialize.hpp>
#include <charconv>

#include "simulator/neutral.hpp"
#include "simulator/simulator.hpp"

// The control API: what a test or a demonstration does behind the daemon's back. Never limited, never
// journaled.

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

Response answer_json(int status, const json::object& body) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/json");
  response.body = json::serialize(body) + "\n";
  return response;
}

Response problem(int status, const std::string& message) {
  return answer_json(status, json::object{{"error", message}});
}

Response unknown_call() {
  return problem(404,
                 "known: GET /sim/state /sim/journal[?since=N] /sim/stats; PUT, DELETE /sim/users/NAME; "
                 "POST /sim/faults /sim/limiter /sim/stop");
}

std::uint64_t since_of(const Target& target) {
  const auto found = target.query.find("since");
  if (found == target.query.end()) {
    return 0;
  }
  const std::string& text = found->second;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw InputError("since must be a number");
  }
  return number;
}

std::string text_member(const json::object& object, std::string_view name, const std::string& otherwise) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) {
    return otherwise;
  }
  if (!value->is_string()) {
    throw InputError(std::string(name) + " must be a string");
  }
  return std::string(value->get_string());
}

}  // namespace

Response Simulator::control(const Request& request, const Target& target) {
  const auto& path = target.segments;
  try {
    if (path.size() == 3 && path[1] == "users") {
      return control_user(request, path[2]);
    }
    if (path.size() != 2) {
      return unknown_call();
    }
    if (request.method == "POST") {
      return control_post(request, path[1]);
    }
    if (request.method == "GET" && path[1] == "state") {
      return answer_json(200, neutral_world(world_));
    }
    if (request.method == "GET" && path[1] == "journal") {
      return answer_json(200, journal_.entries(since_of(target)));
    }
    return request.method == "GET" && path[1] == "stats" ? stats() : unknown_call();
  } catch (const InputError& error) {
    return problem(400, error.what());
  }
}

Response Simulator::control_user(const Request& request, const std::string& username) {
  if (request.method == "DELETE") {
    return world_.erase(username) ? answer_json(200, json::object{}) : problem(404, "there is no such user");
  }
  if (request.method != "PUT") {
    return unknown_call();
  }
  const User* found = world_.find(username);
  User user;
  if (found != nullptr) {
    user = *found;
  } else {
    user.username = username;
    user.accounts = {world_.accounts().front().id};
  }
  apply_neutral(parse_json(request.body, "the body"), user);
  if (lower(user.username) != lower(username)) {
    throw InputError("username in the body must be the one in the path");
  }
  world_.put(user);
  return answer_json(found == nullptr ? 201 : 200, neutral_user(*world_.find(username)));
}

Response Simulator::control_post(const Request& request, const std::string& what) {
  if (what == "stop") {
    stop_requested_ = true;
    return answer_json(200, json::object{});
  }
  if (what == "faults") {
    faults_ = FaultScript::parse(request.body);
    stale_reads_left_ = 0;
    return answer_json(200, json::object{});
  }
  if (what == "limiter") {
    const json::value body = parse_json(request.body, "the body");
    if (!body.is_object()) {
      throw InputError("the body must be {\"limiter\":\"…\",\"hint\":\"…\"}");
    }
    const Hint hint = parse_hint(text_member(body.get_object(), "hint", "none"));
    limiter_ = make_limiter(text_member(body.get_object(), "limiter", "none"));
    hint_ = hint;
    return answer_json(200, json::object{});
  }
  return unknown_call();
}

Response Simulator::stats() const {
  json::object users;
  for (const auto& [key, tally] : world_.tallies()) {
    users[key] =
        json::object{{"created", tally.created}, {"updated", tally.updated}, {"deleted", tally.deleted}};
  }
  return answer_json(200, json::object{{"requests", journal_.counts()}, {"users", std::move(users)}});
}

}  // namespace usersyncd::sim
