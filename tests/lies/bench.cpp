#include "tests/lies/bench.hpp"

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "tests/support/run.hpp"
#include "tests/support/still.hpp"

namespace usersyncd::lies {
namespace {

using Came = boost::system::result<HttpResponse, HttpFailure>;

constexpr std::size_t most_requests = 2000;

HttpResponse answer(int status, std::string body, const std::string& type = "application/json") {
  HttpResponse response;
  response.status = status;
  if (!type.empty()) response.headers.emplace_back("Content-Type", type);
  response.body = std::move(body);
  return response;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    out += escape ? static_cast<char>(std::stoi(std::string{text.substr(i + 1, 2)}, nullptr, 16)) : text[i];
    if (escape) i += 2;
  }
  return out;
}

Rule rule(const std::string& name, Effect effect) {
  Rule made;
  made.name = name;
  made.effect = std::move(effect);
  return made;
}

RuleSet rules_of(Rules rules) {
  if (rules == Rules::built_in) return RuleSet::built_in();
  std::vector<Rule> harsh{rule("unmanaged", UnmanagedWay::deprovision)};
  for (const auto* name :
       {"blast-radius", "leaver-budget", "deletes-need-a-person", "believable-list", "last-admin"})
    harsh.push_back(rule(name, Allow{}));
  if (rules == Rules::deleting) harsh.push_back(rule("leavers", DeprovisionWay::remove));
  return RuleSet::with_built_in(std::move(harsh));
}

// Whoever left is disabled in the truth, so where leavers are deleted there must be nobody left to delete.
Desired wanted(const Truth& truth, Api api, Rules rules) {
  auto desired = truth.desired(api);
  if (rules != Rules::deleting) return desired;
  for (auto& entry : desired.users) {
    if (entry.username == "jeanluc_mller") entry.absent = false;
  }
  return desired;
}

std::string describe(const HttpRequest& request) {
  return request.method + " " + request.target + " " + request.body;
}

}  // namespace

Call LyingHttp::call_of(const std::string& target) const {
  const auto path = target.substr(0, target.find('?'));
  if (path.ends_with("/roles")) return Call::roles;
  if (path == "/api/v2/accounts") return Call::accounts;
  if (path != "/api/v1/users" && path != "/accounts/" + account_id + "/users") return Call::item;
  const bool first = target.find("offset=") == std::string::npos || target.ends_with("offset=0");
  return first ? Call::list : Call::second_page;
}

const User* LyingHttp::asked_for(const std::string& target) const {
  const auto key = decoded(target.substr(target.rfind('/') + 1));
  return target.starts_with("/accounts/") ? truth_.find_id(key) : truth_.find(key);
}

HttpResponse LyingHttp::truth_of(const std::string& target) const {
  const auto call = call_of(target);
  if (const auto captured = honest.find(call); captured != honest.end())
    return answer(200, captured->second.body, captured->second.content_type);
  switch (call) {
    case Call::list:
      return answer(200, truth_.full_list(api_));
    case Call::second_page:
      return answer(200, R"({"data":[]})");
    case Call::item:
      if (const auto* user = asked_for(target))
        return answer(200, boost::json::serialize(truth_.item(api_, *user)));
      return answer(404, R"({"errors":[{"code":12000,"description":"user does not exist"}]})");
    case Call::roles:
      return answer(200, read_body(api_ == Api::v1 ? "bodies/v1-roles.json" : "bodies/dashboard-roles.json"));
    case Call::accounts:
      return answer(200, read_body("bodies/v1-accounts.json"));
  }
  return answer(404, "");
}

Awaitable<Came> LyingHttp::send(HttpRequest request) {
  if (request.target.find("/oauth2/token") != std::string::npos)
    co_return answer(200, R"({"access_token":"token","expires_in":3600000})");
  if (request.method != "GET") {
    writes.push_back(request);
    co_return answer(503, "");
  }
  // Whoever follows pages for ever hangs.
  if (++requests > most_requests) throw std::runtime_error("more requests than any list needs");
  const auto call = call_of(request.target);
  const auto lie = lies.find(call);
  const auto* user = call == Call::item ? asked_for(request.target) : nullptr;
  const bool other = call == Call::item && !about.empty() && (!user || user->username != about);
  if (lie == lies.end() || lies_left == 0 || other) co_return truth_of(request.target);
  --lies_left;
  if (lie->second.cut_off) co_return HttpFailure{HttpFailure::Kind::truncated, "cut off", true};
  co_return answer(lie->second.status, lie->second.body, lie->second.content_type);
}

Bench::Bench(Api api, Rules rules, Memory memory)
    : api_(api), memory_(memory), rules_(rules_of(rules)), desired_(wanted(truth_, api, rules)) {
  const auto& profile = profile_for(api);
  account_.id = account_id;
  account_.enforce = true;
  account_.own_logins = {own_login};
  account_.capabilities = profile.capabilities;
  account_.actor = "daemon";
  settle();
}

void Bench::open_store() {
  store_.reset();
  for (const auto* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file_.path() + suffix);
  std::filesystem::copy_file(seed_.path(), file_.path());
  store_ = std::make_unique<Store>(file_.path(), Access::read_write);
  in_doubt_ = std::make_unique<InDoubt>(account_, *store_, clock_);
}

void Bench::settle() {
  store_.reset();
  for (const auto* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(seed_.path() + suffix);
  store_ = std::make_unique<Store>(seed_.path(), Access::read_write);
  in_doubt_ = std::make_unique<InDoubt>(account_, *store_, clock_);
  if (memory_ == Memory::everybody) {
    LyingHttp http{truth_, api_};
    http.honest = honest_;
    const auto outcome = cycle(http, true);
    if (!outcome.believed || !http.writes.empty())
      throw std::runtime_error("the truth is not believed, or not what is wanted: " + outcome.told);
  }
  store_->tidy_up();
  open_store();
}

// One cycle, the way the daemon does it.
struct Bench::Still {
  Still(Bench& bench, LyingHttp& http)
      : provider(profile_for(bench.api_), RestSettings{account_id, "http://127.0.0.1:9", Duration{1000}, 2},
                 RestLogin{bench.api_ == Api::v1 ? AuthKind::oauth2 : AuthKind::basic, Secret::copy_of("id"),
                           Secret::copy_of("secret")},
                 RestPorts{http, http, bench.clock_, random, log, redactor}, {}),
        cycle(bench.account_, Ports{provider, *bench.store_, bench.clock_, random, events, *bench.in_doubt_},
              "run " + std::to_string(++bench.runs_), Purpose::poll, "settings") {}

  Awaitable<void> run(const Desired& desired, const RuleSet& rules, bool save) {
    auto glanced = co_await cycle.glance(desired.revision);
    if (glanced) {
      look = std::move(*glanced);
    } else {
      auto looked = co_await cycle.look(desired, rules, true, false);
      look = std::move(looked);
    }
    if (save) cycle.save(look, desired, std::nullopt);
    if (look.judged && look.observed.observation.complete) {
      auto done = co_await cycle.act(look, desired);
      acted = std::move(done);
    }
    if (save) cycle.finish(look, acted);
  }

  test::HalfRandom random;
  test::NoLog log;
  test::NoEvents events;
  Redactor redactor;
  RestProvider provider;
  Cycle cycle;
  Look look;
  Acted acted;
};

Outcome Bench::cycle(LyingHttp& http, bool save) {
  in_doubt_->recover();
  Still still{*this, http};
  test::run(still.run(desired_, rules_, save));
  Outcome outcome;
  outcome.glanced = still.look.glanced;
  outcome.believed = still.look.judged && still.look.observed.observation.complete;
  for (const auto& problem : still.look.problems) outcome.told += problem.text() + "; ";
  for (const auto& reason : still.look.observed.observation.reasons) outcome.told += reason + "; ";
  for (const auto& step : still.acted.steps) {
    const auto& action = step.judged->action;
    outcome.told += std::string{name_of(action.operation)} + " " + action.username + " (" + action.reason +
                    "): " + step.result.message + "; ";
  }
  if (still.look.judged) outcome.planned = still.look.judged->plan().actions;
  outcome.permitted = still.acted.steps.size();
  outcome.writes = http.writes;
  for (const auto& write : http.writes) outcome.told += "sent " + describe(write) + "; ";
  return outcome;
}

Outcome Bench::hear(const std::map<Call, Reply>& lies, const std::string& about, std::size_t times) {
  LyingHttp http{truth_, api_};
  http.honest = honest_;
  http.lies = lies;
  http.about = about;
  http.lies_left = times;
  auto outcome = cycle(http, false);
  // What an action leaves in the store must not change the next one.
  if (outcome.permitted > 0) open_store();
  return outcome;
}

Outcome Bench::hear_again_and_again(const std::map<Call, Reply>& lies, int cycles, bool& content) {
  LyingHttp http{truth_, api_};
  http.honest = honest_;
  http.lies = lies;
  Outcome last;
  std::string told;
  for (int i = 0; i < cycles; ++i) {
    http.requests = 0;
    last = cycle(http, true);
    told += "cycle " + std::to_string(i) + ": " + last.told + "\n";
    passed_ += Duration{60'000};
  }
  http.lies.clear();
  http.requests = 0;
  const auto honest = cycle(http, true);
  content = honest.believed && honest.permitted == 0;
  last.writes = http.writes;
  last.told = told + "then: " + honest.told;
  open_store();
  return last;
}

}  // namespace usersyncd::lies
