#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>

#include "policies/judge.hpp"
#include "policies/ways.hpp"
#include "providers/codec.hpp"
#include "providers/rest_provider.hpp"
#include "providers/tree.hpp"
#include "sync/believe.hpp"
#include "tests/fuzz/parts.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/still.hpp"

// What a provider answers, from the bytes to the judged plan.

namespace usersyncd::fuzz {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

const Time now = *parse_time("2026-11-21T19:05:00Z");
const std::string account = "5500001";

// Of one read, to which one with a fresh token may come. The answer is the same each time.
constexpr int most_attempts = 2;

// A token for whoever asks, the bytes for everybody else. A write would be the end.
class OneAnswer final : public Http {
 public:
  explicit OneAnswer(std::string_view body) : body_(body) {}
  Awaitable<boost::system::result<HttpResponse, HttpFailure>> send(HttpRequest request) override {
    if (request.target.find("token") != std::string::npos)
      co_return HttpResponse{200, {}, R"({"access_token":"token","expires_in":3600})"};
    require(request.method == "GET");
    // Whoever follows pages or repeats for ever hangs.
    require(++asked_ <= most_pages * (most_attempts + 1));
    co_return HttpResponse{200, {{"Content-Type", "application/json"}}, std::string{body_}};
  }

 private:
  std::string_view body_;
  int asked_ = 0;
};

struct Bench {
  Bench(const std::shared_ptr<const Profile>& profile, std::string_view body)
      : http(body),
        provider(profile, RestSettings{account, "http://127.0.0.1:9", Duration{60'000}, most_attempts},
                 RestLogin{profile->authentication.kinds.front(), Secret::copy_of("id"),
                           Secret::copy_of("secret")},
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
  static asio::io_context io;
  std::optional<T> result;
  asio::co_spawn(io, keep(std::move(task), result), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.restart();
  io.run();
  require(result.has_value());
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

// Everybody who is known, as they are known, and `ann` as she was read.
Listing everybody_and(const User& ann) {
  Listing listing;
  for (const char* name : {"bob", "cat", "dan", "eve"}) listing.users.push_back(known_user(name));
  listing.users.push_back(ann);
  return listing;
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
  const auto profile = profile_of(bytes.front());
  Bench bench{profile, bytes.substr(1)};
  ExchangeContext context;
  context.account = account;
  context.username = "ann";
  const auto found = run(bench.provider.read_user(UserKey{"ann", "id-ann"}, context));
  if (!found || !*found) return;
  require(key_of((*found)->user.username) == "ann");
  check_plan(everybody_and((*found)->user));
  const std::vector<Change> changes{{Field::email, std::nullopt, Value{std::string{"new@example.com"}}},
                                    {Field::roles, std::nullopt, Value{StringSet{"a", "b"}}},
                                    {Field::enabled, std::nullopt, Value{false}}};
  const auto document = parse_tree("application/json", (*found)->document);
  require(document.has_value() && document->is_object());
  const auto body = body_of_update(*profile, document->as_object(), changes, Catalog{});
  if (body) body_text(*profile, *body);
}

}  // namespace usersyncd::fuzz
