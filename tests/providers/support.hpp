#pragma once

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "policies/judge.hpp"
#include "providers/profile.hpp"
#include "providers/rest_provider.hpp"
#include "sync/plan.hpp"
#include "tests/support/run.hpp"

/// Boost prints a failed result by printing its error, which Error cannot.
template <class T>
struct doctest::StringMaker<boost::system::result<T, usersyncd::Error>> {
  static String convert(const boost::system::result<T, usersyncd::Error>& result) {
    return result ? "a value" : ("error: " + result.error().text()).c_str();
  }
};

// A scripted provider and a clock without waiting, so that a test says only what it is about.

namespace usersyncd::test {

namespace json = boost::json;

inline Profile built_in(const std::string& name) {
  Problems problems;
  auto profile = load_profile(name, problems);
  REQUIRE_MESSAGE(profile.has_value(), problems.text());
  return *profile;
}

/// Time stands still but for sleeping.
class FakeClock final : public Clock {
 public:
  Time now() const override { return start + elapsed; }
  Duration steady() const override { return elapsed; }
  Awaitable<bool> sleep_for(Duration duration) override {
    slept.push_back(duration);
    if (stop_after && slept.size() >= *stop_after) stopped = true;
    if (stopped) co_return false;
    elapsed += duration;
    co_return true;
  }
  bool stopping() const override { return stopped; }

  Time start = *parse_time("2026-11-21T19:05:00Z");
  Duration elapsed{1'000'000};
  std::vector<Duration> slept;
  std::optional<std::size_t> stop_after;  ///< the program stops during this sleep
  bool stopped = false;
};

class FixedRandom final : public Random {
 public:
  double uniform() override { return value; }
  double value = 0.5;
};

class KeptLog final : public ExchangeLog {
 public:
  void record(const ExchangeRecord& record) override { records.push_back(record); }
  std::vector<ExchangeRecord> records;
};

using Came = boost::system::result<HttpResponse, HttpFailure>;

inline Came answer(int status, std::string body = {}, Headers headers = {}) {
  return HttpResponse{status, std::move(headers), std::move(body)};
}
inline Came failure(HttpFailure::Kind kind, bool may_have_arrived = true) {
  return HttpFailure{kind, "the wire broke", may_have_arrived};
}

/// Answers with what the test has put down, in order, and keeps what was asked.
class ScriptedHttp final : public Http {
 public:
  Awaitable<Came> send(HttpRequest request) override {
    requests.push_back(request);
    if (request.target == "/api/v1/oauth2/token" && answer_tokens) {
      ++tokens;
      co_return answer(200,
                       R"({"access_token":"token-)" + std::to_string(tokens) + R"(","expires_in":3600})");
    }
    if (by_request) co_return by_request(request);
    if (answers.empty()) throw std::logic_error("unexpected " + request.method + " " + request.target);
    Came next = std::move(answers.front());
    answers.pop_front();
    co_return next;
  }

  /// Requests but for the token call, as `GET /path`.
  std::vector<std::string> lines() const {
    std::vector<std::string> result;
    for (const auto& request : requests) {
      if (request.target != "/api/v1/oauth2/token") result.push_back(request.method + " " + request.target);
    }
    return result;
  }
  json::value last_body() const { return json::parse(requests.back().body); }

  std::deque<Came> answers;
  std::function<Came(const HttpRequest&)> by_request;
  std::vector<HttpRequest> requests;
  bool answer_tokens = true;
  int tokens = 0;
};

/// A provider with everything around it.
struct Bench {
  explicit Bench(Profile which, AuthKind kind = AuthKind::oauth2, PasswordDelivery deliver = {},
                 Duration retry_for = Duration{600'000})
      : provider(std::move(which), RestSettings{"5500001", "http://127.0.0.1:9", retry_for},
                 RestLogin{kind, Secret::copy_of("client-id"), Secret::copy_of("very-secret-value")},
                 RestPorts{http, http, clock, random, log, redactor}, std::move(deliver)) {}

  Result<Listing> list() { return run(provider.list_users(context, ListMark{})); }
  Result<std::optional<RemoteUser>> read(const std::string& username, const std::string& id = {}) {
    ExchangeContext about = context;
    about.username = username;
    return run(provider.read_user(UserKey{username, id}, about));
  }

  FakeClock clock;
  FixedRandom random;
  KeptLog log;
  Redactor redactor;
  ScriptedHttp http;
  ExchangeContext context{"run-1", "5500001", "", "", 1};
  RestProvider provider;
};

/// The built-in rule that drift is enforced, and nothing that holds anything.
inline RuleSet only_drift() {
  std::vector<Rule> rules = RuleSet::built_in().rules();
  std::erase_if(rules, [](const Rule& rule) { return rule.name != "drift"; });
  return RuleSet::only(std::move(rules));
}

/// A plan with this one action, judged by nothing else.
inline JudgedPlan judged(Action action) {
  action.account = "5500001";
  if (action.after.username.empty()) action.after.username = action.username;
  action.id = "action-1";
  Plan plan;
  plan.account = "5500001";
  plan.complete = true;
  plan.actions.push_back(std::move(action));
  JudgeFacts facts;
  facts.now = *parse_time("2026-11-21T19:05:00Z");
  JudgedPlan result = Judge::judge(std::move(plan), only_drift(), facts);
  REQUIRE_MESSAGE(result.permit(0).has_value(), result.actions().at(0).reason);
  return result;
}

inline Action action_on(Operation operation, const std::string& username, std::vector<Change> changes = {}) {
  Action action;
  action.operation = operation;
  action.username = username;
  action.changes = std::move(changes);
  if (operation != Operation::create) action.before.username = username;
  return action;
}

inline Change to(Field field, Value value) {
  return Change{field, std::nullopt, std::move(value)};
}

inline Value text(const std::string& value) {
  return Value{value};
}
inline Value items(std::vector<std::string> values) {
  return Value{make_set(std::move(values))};
}

}  // namespace usersyncd::test
