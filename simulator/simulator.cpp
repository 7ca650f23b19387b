#include "simulator/simulator.hpp"

#include <algorithm>

namespace usersyncd::sim {
namespace {

constexpr std::size_t max_cached = 4096;

bool is_token_call(const Target& target) {
  return target.segments == std::vector<std::string>{"api", "v1", "oauth2", "token"};
}

Response plain(int status, std::string type, std::string body) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", std::move(type));
  response.body = std::move(body);
  return response;
}

Delivery delivery_of(const Fault& fault, Micros latency) {
  Delivery delivery;
  delivery.delay = latency + fault.slow;
  delivery.per_byte = fault.per_byte;
  delivery.reset = fault.reset_before || fault.reset_after;
  delivery.truncate = fault.truncate;
  delivery.unframed = fault.unframed;
  return delivery;
}

}  // namespace

Simulator::Simulator(World world, SimulatorOptions options)
    : world_(std::move(world)),
      options_(std::move(options)),
      gate_(options_.credentials, options_.token_ttl),
      journal_(options_.journal),
      limiter_(make_limiter(options_.limiter)),
      hint_(parse_hint(options_.hint)),
      faults_(std::move(options_.faults)) {}

Reply Simulator::answer(const Request& request, Instant now) {
  const auto target = parse_target(request.target);
  if (target && !target->segments.empty() && target->segments.front() == "sim") {
    return Reply{control(request, *target), Delivery{}};
  }
  JournalEntry entry{++requests_, now, request.method, request.target, request.body, 0, false, false};
  Reply reply;
  if (target) {
    const std::uint64_t before = world_.revision();
    reply = answer_api(request, *target, now, entry);
    entry.worked = world_.revision() != before;
  } else {
    reply.response = plain(400, "text/plain", "The request target is not a path.\n");
  }
  entry.status = reply.delivery.reset ? 0 : reply.response.status;
  journal_.record(std::move(entry));
  return reply;
}

Reply Simulator::answer_api(const Request& request, const Target& target, Instant now, JournalEntry& entry) {
  const Micros latency = next_latency();
  const Admission admission = limiter_ ? limiter_->hit(now) : Admission{};
  if (!admission.admitted) {
    return Reply{too_many(hint_, admission, now), delivery_of(Fault{}, latency)};
  }
  // Faults are for requests that got past the limiter: a rule's n-th request is one that would have been
  // served.
  const Fault* fault = faults_.match(request.method, request.target);
  entry.faulty = fault != nullptr;
  const Fault none;
  Reply reply{faulty_response(fault == nullptr ? none : *fault, request, target, now), {}};
  reply.delivery = delivery_of(fault == nullptr ? none : *fault, latency + admission.wait);
  return reply;
}

Response Simulator::faulty_response(const Fault& fault, const Request& request, const Target& target,
                                    Instant now) {
  if (fault.revoke_tokens) {
    gate_.revoke_tokens();
  }
  if (fault.reset_before) {
    return {};
  }
  if (fault.html) {
    return plain(200, "text/html", "<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>");
  }
  if (!fault.error_inside.empty()) {
    Refusal inside{200, fault.error_inside, "Something did not work out"};
    return refusal_for(inside, request, target);
  }
  if (fault.status && !fault.after) {
    return Response{*fault.status, fault.headers, fault.body};
  }
  Response response = work(request, target, fault, now);
  return fault.status ? Response{*fault.status, fault.headers, fault.body} : response;
}

Response Simulator::work(const Request& request, const Target& target, const Fault& fault, Instant now) {
  const bool reading = request.method == "GET";
  if (reading && stale_reads_left_ > 0) {
    --stale_reads_left_;
    return ask(request, target, stale_world_, fault.list, now);
  }
  if (fault.stale_reads > 0) {
    stale_world_ = world_;
    stale_reads_left_ = fault.stale_reads;
  }
  if (fault.ignore_write) {
    World unchanged = world_;
    return ask(request, target, unchanged, fault.list, now);
  }
  return reading && !fault.list.any() ? ask_cached(request, target, now)
                                      : ask(request, target, world_, fault.list, now);
}

Response Simulator::ask_cached(const Request& request, const Target& target, Instant now) {
  if (cached_revision_ != world_.revision() || cache_.size() > max_cached) {
    cache_.clear();
    cached_revision_ = world_.revision();
  }
  const std::string key = request.target + '\n' + std::string(header(request.headers, "Accept")) + '\n' +
                          std::string(header(request.headers, "Authorization"));
  const auto found = cache_.find(key);
  // The login is part of the key, but a token may have expired since.
  const bool token_may_expire = header(request.headers, "Authorization").starts_with("Bearer");
  if (found != cache_.end() && !(token_may_expire && gate_.refuse(request, false, world_, now))) {
    return found->second;
  }
  Response response = ask(request, target, world_, ListFault{}, now);
  if (response.status == 200) {
    cache_.insert_or_assign(key, response);
  }
  return response;
}

Response Simulator::ask(const Request& request, const Target& target, World& world, const ListFault& fault,
                        Instant now) {
  const Apis apis = options_.dialect.apis;
  if (is_token_call(target)) {
    return gate_.token(request, now);
  }
  const bool v1 = is_v1(target) && apis != Apis::dashboard;
  const bool dashboard = !v1 && is_dashboard(target) && apis != Apis::v1;
  if (!v1 && !dashboard) {
    return plain(404, "text/html", "<html><body><h1>404 Not Found</h1></body></html>");
  }
  if (const auto refusal = gate_.refuse(request, dashboard, world, now)) {
    return refusal_for(*refusal, request, target);
  }
  const ApiCall call{request, target, world, options_.dialect, fault};
  return v1 ? answer_v1(call) : answer_dashboard(call);
}

Response Simulator::refusal_for(const Refusal& refusal, const Request& request, const Target& target) const {
  const bool v1 = is_v1(target) && options_.dialect.apis != Apis::dashboard;
  Response response = v1 ? v1_error(refusal) : dashboard_error(refusal, request, options_.dialect);
  if (refusal.status == 401) {
    response.headers.emplace_back("WWW-Authenticate", v1 ? "Bearer" : "Basic realm=\"simulator\"");
  }
  return response;
}

Micros Simulator::next_latency() {
  if (options_.jitter.count() == 0) {
    return options_.latency;
  }
  std::uniform_int_distribution<std::int64_t> spread(-options_.jitter.count(), options_.jitter.count());
  return std::max(Micros{0}, options_.latency + Micros{spread(jitter_source_)});
}

}  // namespace usersyncd::sim
