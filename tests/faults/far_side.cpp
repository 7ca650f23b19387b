#include "tests/faults/far_side.hpp"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>

#include "simulator/api.hpp"

namespace usersyncd::faults {
namespace {

namespace asio = boost::asio;

using Reply = boost::system::result<HttpResponse, HttpFailure>;

sim::Credentials credentials() {
  sim::Credentials made;
  made.client_id = own_username;
  made.client_secret = secret;
  made.username = own_username;
  made.password = secret;
  return made;
}

std::string name_in_body(const std::string& body) {
  const auto tree = boost::json::parse(body);
  for (const auto* member : {"username", "Username"}) {
    const auto* object = tree.if_object();
    const auto* value = object ? object->if_contains(member) : nullptr;
    if (value && value->is_string()) return std::string{value->as_string()};
  }
  return {};
}

HttpFailure failure(HttpFailure::Kind kind) {
  HttpFailure made;
  made.kind = kind;
  made.message = "injected";
  made.may_have_arrived = true;
  return made;
}

}  // namespace

FarSide::FarSide(Api api, Effects& effects, Duration& passed)
    : api_(api), effects_(effects), passed_(passed), gate_(credentials(), std::chrono::seconds{3600}) {
  const std::vector<sim::Role> roles{{"basicAccess", "Basic Access"}, {"reporting", "Reporting"}};
  sim::Holdings holdings;
  holdings.username = own_username;
  for (const auto& role : roles) holdings.roles.insert(role.id);
  holdings.accounts = {account_id};
  world = sim::World(roles, {{account_id, "Example Company"}}, holdings);
}

std::string FarSide::username_of(const sim::Request& request) const {
  if (request.method == "POST") return name_in_body(request.body);
  const auto target = sim::parse_target(request.target);
  if (!target || target->segments.empty()) return {};
  const auto* user = world.find_by_id(target->segments.back());
  return user ? user->username : target->segments.back();
}

sim::Response FarSide::answer(const sim::Request& request) {
  const auto target = sim::parse_target(request.target);
  const sim::Instant now{std::chrono::milliseconds{1'795'000'000'000} + passed_};
  if (target->segments.back() == "token") return gate_.token(request, now);
  sim::Dialect dialect;
  if (const auto no = gate_.refuse(request, api_ == Api::dashboard, world, now))
    return api_ == Api::v1 ? sim::v1_error(*no) : sim::dashboard_error(*no, request, dialect);
  const sim::ApiCall call{request, *target, world, dialect, {}};
  return api_ == Api::v1 ? sim::answer_v1(call) : sim::answer_dashboard(call);
}

// By the truth itself: who loses access, and whether anybody wanted that.
sim::Response FarSide::do_write(const sim::Request& request) {
  const auto before = world.users();
  auto response = answer(request);
  for (const auto& [key, user] : before) {
    const auto* now = world.find(user.username);
    const bool lost = (!now && user.enabled) || (now && user.enabled && !now->enabled) || !now;
    if (lost && !may_lose.contains(user.username))
      complaints.push_back(user.username + " lost access, and nobody wanted that");
  }
  return response;
}

Awaitable<Reply> FarSide::send(HttpRequest request) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  const sim::Request asked{request.method, request.target, request.headers, request.body};
  const bool token = request.target.find("/token") != std::string::npos;
  const bool is_write = request.method != "GET" && !token;
  if (is_write) {
    const Effects::Aside aside{effects_};
    write_on = username_of(asked);
    if (const auto why = intent(); !why.empty()) complaints.push_back(request.method + " on " + why);
    if (request.method == "POST" && world.find(write_on))
      complaints.push_back(write_on + " is there already, and was asked for once more");
    ++writes;
  }
  // Each time in another way: it does not arrive, nobody hears of it, it is not done.
  const bool fails = effects_.fails(Effect::request);
  const auto way = fails ? (effects_.fault_number() + static_cast<std::size_t>(failures_++)) % 3 : 3;
  ++answered;
  if (way == 0) co_return failure(HttpFailure::Kind::reset);
  if (asked.method == "GET" && !hidden_.empty()) {
    const bool item = asked.target.find("/users/" + hidden_) != std::string::npos;
    if (item) co_return HttpResponse{503, {{"Content-Type", "text/plain"}}, "busy"};
    hidden_.clear();
  }
  if (way == 2) co_return HttpResponse{503, {{"Content-Type", "text/plain"}}, "busy"};
  auto response = is_write ? do_write(asked) : answer(asked);
  const bool loses = is_write && request.method == "POST" && write_on == lose_answer_for;
  if (loses) {
    lose_answer_for.clear();
    hidden_ = write_on;
  }
  passed_ += Duration{20};
  co_await asio::post(executor, asio::use_awaitable);
  if (effects_.dead) throw Death{};
  if (way == 1 || loses) co_return failure(HttpFailure::Kind::timeout);
  co_return HttpResponse{response.status, response.headers, response.body};
}

}  // namespace usersyncd::faults
