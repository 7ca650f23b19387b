#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "policies/judge.hpp"
#include "policies/ways.hpp"
#include "providers/classify.hpp"
#include "providers/codec.hpp"
#include "providers/outcome.hpp"
#include "providers/rate_hint.hpp"
#include "providers/rest_provider.hpp"
#include "providers/tree.hpp"
#include "sync/believe.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/still.hpp"

// What a provider answers, from the bytes to the judged plan.

namespace usersyncd::fuzz {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

const Time now = *parse_time("2026-11-21T19:05:00Z");
const std::string account = "5500001";

// A token for whoever asks, the bytes for everybody else. A write would be the end.
class OneAnswer final : public Http {
 public:
  explicit OneAnswer(std::string_view body) : body_(body) {}
  Awaitable<boost::system::result<HttpResponse, HttpFailure>> send(HttpRequest request) override {
    if (request.target.find("token") != std::string::npos)
      co_return HttpResponse{200, {}, R"({"access_token":"token","expires_in":3600})"};
    if (request.method != "GET") std::abort();
    // Whoever follows pages for ever hangs.
    if (++asked_ > 2000) std::abort();
    co_return HttpResponse{200, {{"Content-Type", "application/json"}}, std::string{body_}};
  }

 private:
  std::string_view body_;
  int asked_ = 0;
};

const Profile& profile_of(char choice) {
  const auto load = [](const char* name) {
    Problems problems;
    return *load_profile(name, problems);
  };
  static const Profile v1 = load("bandwidth-v1");
  static const Profile dashboard = load("bandwidth-dashboard");
  return (static_cast<unsigned char>(choice) & 1U) != 0 ? dashboard : v1;
}

struct Bench {
  Bench(const Profile& profile, std::string_view body)
      : http(body),
        provider(profile, RestSettings{account, "http://127.0.0.1:9", Duration{60'000}},
                 RestLogin{profile.fields.enabled && &profile == &profile_of('0') ? AuthKind::oauth2
                                                                                  : AuthKind::basic,
                           Secret::copy_of("id"), Secret::copy_of("secret")},
                 RestPorts{http, http, clock, random, log, redactor}, {}) {}
  Duration passed{1'000'000};
  test::StillClock clock{now, passed};
  test::HalfRandom random;
  test::NoLog log;
  Redactor redactor;
  OneAnswer http;
  RestProvider provider;
};

template <class T>
Awaitable<void> keep(Awaitable<T> task, std::optional<T>& result) {
  T value = co_await std::move(task);
  result.emplace(std::move(value));
}

template <class T>
T run(Awaitable<T> task) {
  asio::io_context io;
  std::optional<T> result;
  asio::co_spawn(io, keep(std::move(task), result), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
  if (!result) std::abort();
  return std::move(*result);
}

User known_user(const std::string& name) {
  User user;
  user.username = name;
  user.user_id = "id-" + name;
  user.fields.set(Field::email, Value{name + "@example.com"});
  user.fields.set(Field::enabled, Value{true});
  return user;
}

Snapshot known_account() {
  Snapshot known;
  for (const char* name : {"ann", "bob", "cat", "dan", "eve"})
    known[name] = remember(nullptr, known_user(name), true, now);
  return known;
}

Desired wanted_account() {
  Desired desired;
  desired.account = account;
  desired.revision = "r";
  for (const char* name : {"ann", "bob", "cat", "dan", "eve"}) {
    DesiredUser user;
    user.username = name;
    user.fields.set(Field::email, Value{std::string{name} + "@example.com"});
    desired.users.push_back(std::move(user));
  }
  desired.users.back().absent = true;
  return desired;
}

void require(bool holds) {
  if (!holds) std::abort();
}

// An answer that nobody can believe plans nothing; and no answer makes more than the limits leave.
void check_plan(const Listing& listing) {
  static const Snapshot known = known_account();
  static const Desired desired = wanted_account();
  const auto shrink = shrink_rule(RuleSet::built_in(), account);
  const auto belief = believe(listing, known, Catalog{}, shrink->limit, account);
  Observation observed;
  observed.account = account;
  observed.observed_at = now;
  observed.complete = belief.complete;
  observed.reasons = belief.reasons;
  observed.users = listing.users;
  const PolicyWays ways{RuleSet::built_in(), account, Catalog{}};
  auto plan = make_plan(desired, observed, ways, PlanMemory{}, now);
  require(belief.complete || (plan.actions.empty() && !plan.complete));
  JudgeFacts facts;
  facts.now = now;
  facts.users = observed.users;
  const auto judged = Judge::judge(std::move(plan), RuleSet::built_in(), facts);
  std::size_t removals = 0;
  for (std::size_t i = 0; i < judged.actions().size(); ++i) {
    const auto permit = judged.permit(i);
    if (!permit) continue;
    const auto operation = permit->action().operation;
    require(operation != Operation::remove);
    if (operation == Operation::disable) ++removals;
  }
  require(removals <= std::max<std::size_t>(1, listing.users.size() / 20));
}

}  // namespace

void feed_list(std::string_view bytes) {
  if (bytes.empty()) return;
  Bench bench{profile_of(bytes.front()), bytes.substr(1)};
  ExchangeContext context;
  context.account = account;
  const auto listing = run(bench.provider.list_users(context, ListMark{}));
  if (listing) check_plan(*listing);
}

void feed_item(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto& profile = profile_of(bytes.front());
  Bench bench{profile, bytes.substr(1)};
  ExchangeContext context;
  context.account = account;
  context.username = "ann";
  const auto found = run(bench.provider.read_user(UserKey{"ann", "id-ann"}, context));
  if (!found || !*found) return;
  require(key_of((*found)->user.username) == "ann");
  const std::vector<Change> changes{{Field::email, std::nullopt, Value{std::string{"new@example.com"}}},
                                    {Field::roles, std::nullopt, Value{StringSet{"a", "b"}}},
                                    {Field::enabled, std::nullopt, Value{false}}};
  const auto document = parse_tree("application/json", (*found)->document);
  require(document.has_value() && document->is_object());
  const auto body = body_of_update(profile, document->as_object(), changes, Catalog{});
  if (body) body_text(profile, *body);
}

void feed_answer(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto& profile = profile_of(bytes.front());
  HttpResponse response;
  response.status = 100;
  auto rest = bytes.substr(1);
  std::from_chars(rest.data(), rest.data() + std::min<std::size_t>(rest.size(), 3), response.status);
  const auto head = rest.substr(0, rest.find("\n\n"));
  response.body = std::string{head.size() + 2 <= rest.size() ? rest.substr(head.size() + 2) : ""};
  for (std::size_t at = 0; at < head.size();) {
    const auto line = head.substr(at, head.find('\n', at) - at);
    at += line.size() + 1;
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos)
      response.headers.emplace_back(std::string{line.substr(0, colon)}, std::string{line.substr(colon + 2)});
  }
  const auto understood = classify(profile, response);
  understood.summary();
  error_kind(understood);
  for (const auto operation : {Operation::create, Operation::update, Operation::remove}) {
    const auto kind = outcome_of(operation, understood.meaning);
    // After a server error nobody knows whether it was done (A1).
    require(response.status < 500 || kind != WriteOutcome::Kind::accepted);
  }
  const auto hint = rate_hint(response.headers, profile.rate, now);
  require(!hint || (*hint > Duration{0} && *hint <= profile.rate.longest));
}

}  // namespace usersyncd::fuzz
