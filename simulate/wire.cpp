#include "simulate/wire.hpp"

#include <boost/json/parse.hpp>

namespace usersyncd::simulate {
namespace {

constexpr int unavailable = 503;

HttpResponse response_of(sim::Response response) {
  HttpResponse made;
  made.status = response.status;
  made.headers = std::move(response.headers);
  made.body = std::move(response.body);
  return made;
}

sim::Response page_for_people(int status) {
  sim::Response page;
  page.status = status;
  page.headers.emplace_back("Content-Type", "text/html");
  page.body = "<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>";
  return page;
}

std::string key_in_body(const std::string& body) {
  boost::system::error_code bad;
  const auto document = boost::json::parse(body, bad);
  if (bad || !document.is_object()) return {};
  for (const auto* name : {"username", "Username"}) {
    const auto* found = document.get_object().if_contains(name);
    if (found && found->is_string()) return key_of(std::string_view(found->get_string()));
  }
  return {};
}

// What a read is shown in place of the truth.
Mischief mischief_of(std::optional<Trouble> trouble, Dice& dice) {
  Mischief mischief;
  if (trouble == Trouble::stale) mischief.age = Duration{dice.between(1'000, 110'000)};
  if (trouble == Trouble::short_list) {
    mischief.list.keep = dice.uniform();
    if (dice.chance(50)) mischief.list.total_offset = dice.between(0, 3);
  }
  if (trouble == Trouble::reordered_list) mischief.list.shuffle = 1 + dice.below(1000);
  if (trouble == Trouble::foreign_list) mischief.list.foreign = true;
  return mischief;
}

}  // namespace

bool is_disturbance(Trouble trouble) {
  return trouble >= Trouble::disk_full;
}

Awaitable<Wire::Reply> Wire::send(HttpRequest request) {
  life_.check();
  auto call = begin(std::move(request));
  auto reply = co_await deliver(call);
  ++stage_.ledger.answered;
  tell(call, reply);
  co_return reply;
}

void Wire::tell(const Call& call, const Reply& reply) {
  if (!stage_.trace.on()) return;
  std::string what =
      call.request.method + " " + call.request.target + " [" + std::string{name_of(call.step)} + "]";
  for (const auto& trouble : {call.before, call.after}) {
    if (trouble) what += " " + std::string{name_of(*trouble)};
  }
  what += reply ? " -> " + std::to_string(reply->status) : " -> " + reply.error().message;
  stage_.trace.say(stage_.timeline.now(), what);
}

Wire::Call Wire::begin(HttpRequest request) {
  Call call;
  call.request.method = std::move(request.method);
  call.request.target = std::move(request.target);
  call.request.headers = std::move(request.headers);
  call.request.body = std::move(request.body);
  classify(call);
  auto& dice = stage_.chaos.dice();
  call.there = Duration{dice.between(5, 150)};
  call.back = Duration{dice.between(5, 250)};
  call.before = draw(call, call.step);
  if (call.writes) {
    ++stage_.ledger.writes;
    check_intent(call);
    phase_.written.insert(call.write.key);
    if (!call.before || is_disturbance(*call.before)) call.after = draw(call, Step::answer);
  } else if (call.before && !is_disturbance(*call.before)) {
    std::swap(call.before, call.after);
  }
  return call;
}

void Wire::classify(Call& call) const {
  const auto path = call.request.target.substr(0, call.request.target.find('?'));
  call.write.method = call.request.method;
  call.write.cycle = phase_.cycle;
  call.write.planned_at = phase_.began;
  call.write.sent_at = stage_.timeline.now();
  call.lists = path.ends_with("/users") && call.request.method == "GET";
  call.write.key = stage_.portal.key_in_path(path);
  call.reads_users = call.request.method == "GET" && (call.lists || !call.write.key.empty());
  call.writes = call.request.method != "GET" && !path.ends_with("/token");
  if (call.writes) {
    if (call.request.method == "POST") call.write.key = key_in_body(call.request.body);
    call.write.paused = stage_.witness.is_paused();
    call.write.based = stage_.witness.last_shown(call.write.key);
    call.step = Step::request;
  } else if (call.reads_users && phase_.acting) {
    call.step = call.lists || phase_.written.contains(call.write.key) ? Step::read_back : Step::look;
  } else if (call.reads_users) {
    const bool recovers =
        call.lists ? !phase_.unresolved.empty() : phase_.unresolved.contains(call.write.key);
    call.step = recovers ? Step::recovery : Step::elsewhere;
  }
}

// Nothing may leave of which a power cut would take the announcement.
void Wire::check_intent(const Call& call) {
  IntentFilter filter;
  filter.account = account_id;
  filter.username = call.write.key;
  filter.unresolved_only = true;
  const auto intents = store_.list_intents(filter);
  if (intents.size() != 1 || intents.front().state != IntentState::open) {
    stage_.witness.complain(call.request.method + " on " + call.write.key + " left without an open intent");
  }
  if (!stage_.disk_failed && !stage_.intents_durable) {
    stage_.witness.complain(call.request.method + " on " + call.write.key +
                            " left before its intent was durable");
  }
}

std::optional<Trouble> Wire::draw(const Call& call, Step step) const {
  const auto fits = [&](Trouble trouble) {
    switch (trouble) {
      case Trouble::short_list:
      case Trouble::reordered_list:
      case Trouble::foreign_list:
        return call.lists;
      case Trouble::stale:
        return call.reads_users;
      default:
        return true;
    }
  };
  return stage_.chaos.draw(step, fits);
}

Awaitable<Wire::Reply> Wire::deliver(Call& call) {
  if (call.before && is_disturbance(*call.before)) stage_.disturb(*call.before, call.write.key);
  co_await life_.wait(call.there, false);
  if (call.before == Trouble::late) {
    arrive_later(call);
    co_await life_.wait(timeout - call.there, false);
    co_return failed(HttpFailure::Kind::timeout, true);
  }
  if (auto nothing = stopped_on_the_way(call)) co_return std::move(*nothing);
  auto response = ask(call);
  if (call.after && is_disturbance(*call.after)) stage_.disturb(*call.after, call.write.key);
  if (call.after == Trouble::timeout) {
    co_await life_.wait(timeout - call.there, false);
    co_return failed(HttpFailure::Kind::timeout, true);
  }
  co_await life_.wait(call.back, false);
  co_return shape(call, std::move(response));
}

// Troubles of a write come before it arrives or with its answer; those of a read are all the same to the
// provider.
std::optional<Wire::Reply> Wire::stopped_on_the_way(Call& call) {
  const auto trouble = call.writes ? call.before : call.after;
  if (!trouble) return std::nullopt;
  switch (*trouble) {
    case Trouble::refused:
      return failed(HttpFailure::Kind::connect, false);
    case Trouble::lost_request:
      return failed(HttpFailure::Kind::reset, true);
    case Trouble::error_before:
      return Reply{response_of(page_for_people(unavailable))};
    case Trouble::throttled: {
      const Duration wait{stage_.chaos.dice().between(500, 90'000)};
      auto limited = stage_.portal.limited(wait, true);
      return Reply{response_of(std::move(*limited))};
    }
    default:
      return std::nullopt;
  }
}

sim::Response Wire::ask(Call& call) {
  auto& dice = stage_.chaos.dice();
  if (call.after == Trouble::html) return page_for_people(200);
  if (call.after == Trouble::error_inside) return stage_.portal.refusal(call.request, 200, "1000");
  if (call.after == Trouble::slow) call.back = Duration{dice.between(3'000, 28'000)};
  if (auto limited = stage_.portal.limited(Duration{0}, false)) return *limited;
  const auto mischief = mischief_of(call.after, dice);
  if (stage_.sabotage == Sabotage::repeats_creates && call.request.method == "POST") arrive(call, mischief);
  auto response = arrive(call, mischief);
  if (call.after == Trouble::error_after) return page_for_people(dice.chance(50) ? 500 : 502);
  return response;
}

sim::Response Wire::arrive(const Call& call, const Mischief& mischief) {
  std::optional<sim::User> before;
  if (call.writes) {
    if (const auto* user = stage_.portal.truth().find(call.write.key)) before = *user;
  }
  auto response = stage_.portal.answer(call.request, mischief);
  if (call.writes) {
    const auto* after = stage_.portal.truth().find(call.write.key);
    stage_.witness.wrote(call.write, before ? &*before : nullptr, after);
  }
  return response;
}

// The network holds the request back: it arrives when nobody waits for its answer any more, whatever has
// become of the process meanwhile.
void Wire::arrive_later(const Call& call) {
  auto& stage = stage_;
  const auto when = stage.timeline.now() + timeout + Duration{stage.chaos.dice().between(0, 20'000)};
  stage.timeline.at(when, [&stage, request = call.request, write = call.write] {
    std::optional<sim::User> before;
    if (const auto* user = stage.portal.truth().find(write.key)) before = *user;
    const auto response = stage.portal.answer(request, Mischief{});
    stage.trace.say(stage.timeline.now(), "late arrival of " + request.method + " on " + write.key + " -> " +
                                              std::to_string(response.status));
    stage.witness.wrote(write, before ? &*before : nullptr, stage.portal.truth().find(write.key));
  });
}

Wire::Reply Wire::shape(const Call& call, sim::Response response) {
  auto& dice = stage_.chaos.dice();
  if (call.after == Trouble::lost_answer) return failed(HttpFailure::Kind::reset, true);
  if (call.after == Trouble::truncated) {
    // A length tells that something is missing; without one only the body does.
    if (dice.chance(50) || response.body.size() < 2) return failed(HttpFailure::Kind::truncated, true);
    response.body.resize(1 + dice.below(response.body.size() - 1));
  }
  return Reply{response_of(std::move(response))};
}

Wire::Reply Wire::failed(HttpFailure::Kind kind, bool may_have_arrived) const {
  HttpFailure failure;
  failure.kind = kind;
  failure.may_have_arrived = may_have_arrived;
  switch (kind) {
    case HttpFailure::Kind::connect:
      failure.message = "connection refused";
      break;
    case HttpFailure::Kind::timeout:
      failure.message = "no answer within 30s";
      break;
    case HttpFailure::Kind::truncated:
      failure.message = "the answer was cut off";
      break;
    default:
      failure.message = "connection reset by peer";
      break;
  }
  return failure;
}

}  // namespace usersyncd::simulate
