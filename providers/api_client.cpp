#include "providers/api_client.hpp"

#include <algorithm>

#include "providers/backoff.hpp"
#include "providers/outcome.hpp"
#include "providers/rate_hint.hpp"
#include "providers/tree.hpp"
#include "sync/base64.hpp"
#include "sync/user_agent.hpp"

namespace usersyncd {
namespace {

constexpr int most_redirects = 3;
/// How long a write may wait at the gate. Longer waits are the caller's, who then looks at the world again.
constexpr Duration write_patience{5'000};

constexpr std::uint64_t longest_token_seconds = 86'400;

std::string text_at(const Answer& answer, std::string_view path) {
  const auto* value = answer.tree ? find_path(*answer.tree, path) : nullptr;
  return value ? scalar_text(*value).value_or("") : std::string{};
}

std::string basic_header(const RestLogin& login) {
  std::string pair(login.user.reveal());
  pair += ':';
  pair += login.secret.reveal();
  std::string header = "Basic " + to_base64(pair);
  wipe(pair);
  return header;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

void set_header(Headers& headers, const std::string& name, const std::string& value) {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& header) { return header.first == name; });
  if (found == headers.end()) {
    headers.emplace_back(name, value);
  } else {
    found->second = value;
  }
}

std::string without_query(const std::string& target) {
  return target.substr(0, target.find('?'));
}

std::vector<std::string> link_headers(const Headers& headers) {
  std::vector<std::string> links;
  for (const auto& [name, value] : headers) {
    if (key_of(name) == "link") links.push_back(value);
  }
  return links;
}

// A page with the same users is another one if another page comes after it.
std::string page_digest(const HttpResponse& response) {
  const auto links = link_headers(response.headers);
  if (links.empty()) return sha256_hex(response.body);
  std::string all = sha256_hex(response.body);
  for (const std::string& link : links) all += "\n" + link;
  return sha256_hex(all);
}

bool is_definite(Meaning meaning) {
  switch (meaning) {
    case Meaning::success:
    case Meaning::already_gone:
    case Meaning::not_found:
    case Meaning::empty:
    case Meaning::unsupported:
      return true;
    case Meaning::already_so:
    case Meaning::exists:
    case Meaning::retry:
    case Meaning::throttle:
    case Meaning::unauthorized:
    case Meaning::credential:
    case Meaning::refused:
    case Meaning::redirect:
    case Meaning::unreadable:
      return false;
  }
  return false;
}

RestSettings completed(RestSettings settings, const Profile& profile) {
  settings.base_url = without_slash(settings.base_url.empty() ? profile.base_url : settings.base_url);
  return settings;
}

}  // namespace

ApiClient::ApiClient(const Profile& profile, RestSettings settings, RestLogin login, RestPorts ports)
    : profile_(profile),
      settings_(completed(std::move(settings), profile)),
      login_(std::move(login)),
      ports_(ports),
      token_call_(token_call(profile, settings_.base_url)),
      reads_(gate_for("reads", false)),
      writes_(gate_for("writes", profile.rate.writes_apart)),
      login_gate_(gate_for("login", token_call_.base_url != settings_.base_url)),
      token_(ports.clock, profile.authentication.refresh_early, [this] { return fetch_token(); }) {
  ports_.redactor.add(login_.secret.reveal());
}

ApiClient::Repeatable ApiClient::get(std::string target, const ExchangeContext& context) const {
  HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  return Repeatable{std::move(request),        ports_.http, settings_.base_url,   /*authorized=*/true,
                    !context.username.empty(), reads_,      ports_.clock.steady()};
}

// Whoever has no limit of their own shares that of the reads.
RateGate& ApiClient::gate_for(const std::string& name, bool apart) {
  const std::string holder = apart ? name : "reads";
  const auto memory = settings_.rates.find(holder);
  return gates_
      .try_emplace(holder, ports_.clock, settings_.max_in_flight,
                   memory == settings_.rates.end() ? std::string{} : memory->second)
      .first->second;
}

std::optional<RateGate::Waiting> ApiClient::waiting() const {
  std::optional<RateGate::Waiting> longest;
  for (const auto& [name, gate] : gates_) {
    auto waiting = gate.waiting();
    if (waiting && (!longest || waiting->until > longest->until)) longest = std::move(waiting);
  }
  return longest;
}

std::map<std::string, std::string> ApiClient::rates() const {
  std::map<std::string, std::string> rates;
  for (const auto& [name, gate] : gates_) rates[name] = gate.save();
  return rates;
}

std::map<std::string, std::string> ApiClient::learned_rates() const {
  std::map<std::string, std::string> learned;
  for (const auto& [name, gate] : gates_) learned[name] = gate.learned();
  return learned;
}

Awaitable<Result<Answer>> ApiClient::read(std::string target, ExchangeContext context) {
  Repeatable call = get(std::move(target), context);
  Result<Exchange> done = co_await repeat(std::move(call), std::move(context));
  if (!done) co_return done.error();
  co_return std::move(*done->answer);
}

Awaitable<Result<PageAnswer>> ApiClient::read_page(std::string target, std::string known,
                                                   ExchangeContext context) {
  Repeatable call = get(target, context);
  call.known_digest = std::move(known);
  Result<Exchange> done = co_await repeat(std::move(call), std::move(context));
  if (!done) co_return done.error();
  PageAnswer page;
  page.mark = PageMark{std::move(target), std::move(done->digest)};
  page.undecoded = std::move(done->undecoded);
  page.answer = std::move(*done->answer);
  page.links = link_headers(done->headers);
  co_return page;
}

Awaitable<Result<ApiClient::Exchange>> ApiClient::repeat(Repeatable call, ExchangeContext context) {
  while (true) {
    if (call.authorized) {
      const Result<std::string> login = co_await authorization(context);
      if (!login) co_return login.error();
      set_header(call.request.headers, "Authorization", *login);
    }
    const Duration patience_left = patience(call);
    const RateGate::Passage passage = co_await call.gate.pass(patience_left, RateGate::Kind::read);
    if (passage != RateGate::Passage::open) co_return error_of(passage, call.gate, call.request);
    ++call.attempts;
    Exchange done =
        co_await exchange(call.request, call.http, call.base_url, call.gate, call.known_digest, context);
    ++context.attempt;
    const Next next = after(call, done);
    if (next == Next::done) co_return done;
    if (next == Next::fail) co_return error_of(call, done);
    const Duration pause = pause_after(call, done);
    if (pause > patience(call)) co_return error_of(call, done);
    const bool slept = co_await ports_.clock.sleep_for(pause);
    if (!slept) co_return error_of(RateGate::Passage::stopping, call.gate, call.request);
  }
}

Duration ApiClient::patience(const Repeatable& call) const {
  return std::max(Duration{0}, call.started + settings_.retry_for - ports_.clock.steady());
}

ApiClient::Next ApiClient::after(Repeatable& call, const Exchange& done) {
  const bool tries_left = call.attempts < settings_.max_attempts;
  if (!done.answer) return tries_left && worth_repeating(done.failure) ? Next::again : Next::fail;
  switch (done.answer->meaning) {
    case Meaning::retry:
    case Meaning::throttle:
      return tries_left ? Next::again : Next::fail;
    case Meaning::redirect:
      return after_redirect(call, done);
    case Meaning::unauthorized: {
      const bool may_renew = call.authorized && login_.kind == AuthKind::oauth2 && !call.renewed;
      const std::string* refused = find_header(call.request.headers, "Authorization");
      if (!may_renew || !refused) return Next::fail;
      token_.drop(*refused);
      call.renewed = true;
      return Next::again;
    }
    case Meaning::success:
    case Meaning::already_so:
    case Meaning::already_gone:
    case Meaning::exists:
    case Meaning::not_found:
    case Meaning::empty:
    case Meaning::credential:
    case Meaning::unsupported:
    case Meaning::refused:
    case Meaning::unreadable:
      return is_definite(done.answer->meaning) ? Next::done : Next::fail;
  }
  return Next::fail;
}

ApiClient::Next ApiClient::after_redirect(Repeatable& call, const Exchange& done) {
  const std::string* location = find_header(done.headers, "Location");
  if (!location || call.request.method != "GET" || call.redirects >= most_redirects) return Next::fail;
  const Result<std::string> target = follow(call.base_url, call.request.target, *location);
  if (!target) return Next::fail;
  ++call.redirects;
  --call.attempts;  // it was answered; redirects have a limit of their own
  call.request.target = *target;
  return Next::again;
}

Duration ApiClient::pause_after(const Repeatable& call, const Exchange& done) {
  const bool elsewhere = done.answer && (done.answer->meaning == Meaning::throttle ||  // the gate is closed
                                         done.answer->meaning == Meaning::redirect ||
                                         done.answer->meaning == Meaning::unauthorized);
  if (elsewhere) return Duration{0};
  const Duration pause = backoff(call.attempts, ports_.random.uniform());
  return std::max(pause, done.hint.value_or(Duration{0}));
}

Awaitable<ApiClient::Exchange> ApiClient::exchange(HttpRequest request, Http& http, std::string base_url,
                                                   RateGate& gate, std::optional<std::string> known_digest,
                                                   ExchangeContext context) {
  set_header(request.headers, "Accept", "application/json");
  set_header(request.headers, "User-Agent", user_agent);
  const std::string url = base_url + request.target;
  const std::string what = request.method + " " + without_query(request.target);
  const Duration sent_at = ports_.clock.steady();
  gate.sent(sent_at);
  boost::system::result<HttpResponse, HttpFailure> came_back = HttpFailure{};
  try {
    auto answer = co_await http.send(request);
    came_back = std::move(answer);
    record(request, url, context, came_back, ports_.clock.steady() - sent_at);
  } catch (...) {
    gate.lost(sent_at);  // others wait there for an answer
    throw;
  }
  Exchange done;
  if (!came_back) {
    done.failure = came_back.error();
    gate.lost(sent_at);
    co_return done;
  }
  done.hint = rate_hint(came_back->headers, profile_.rate, ports_.clock.now());
  done.headers = came_back->headers;
  understand_answer(std::move(*came_back), known_digest, done);
  tell_gate(gate, done, sent_at, what);
  co_return done;
}

void ApiClient::understand_answer(HttpResponse response, const std::optional<std::string>& known_digest,
                                  Exchange& done) const {
  if (known_digest && response.status == 200) done.digest = page_digest(response);
  if (done.digest.empty() || done.digest != *known_digest) {
    done.answer = understand(response);
    if (done.answer->meaning != Meaning::success) done.digest.clear();
    return;
  }
  done.answer.emplace();
  done.answer->status = response.status;
  done.answer->meaning = Meaning::success;
  done.undecoded = std::move(response);
}

void ApiClient::tell_gate(RateGate& gate, const Exchange& done, Duration sent_at, const std::string& what) {
  const Answer& answer = *done.answer;
  const std::string reason = what + " was answered with " + std::to_string(answer.status);
  if (answer.meaning == Meaning::throttle) {
    gate.refused(sent_at, done.hint, reason);
  } else {
    gate.accepted(sent_at);
    if (answer.meaning == Meaning::retry && done.hint) gate.hold(*done.hint, reason);
  }
}

void ApiClient::record(const HttpRequest& request, const std::string& url, const ExchangeContext& context,
                       const boost::system::result<HttpResponse, HttpFailure>& came_back, Duration duration) {
  ExchangeRecord record;
  record.context = context;
  record.method = request.method;
  record.url = url;
  record.request_headers = request.headers;
  record.request_body = request.body;
  if (came_back) {
    record.status = came_back->status;
    record.response_headers = came_back->headers;
    record.response_body = came_back->body;
  } else {
    record.error = came_back.error().message;
  }
  record.duration = duration;
  ports_.redactor.redact(record);
  ports_.log.record(record);
}

Awaitable<Result<std::string>> ApiClient::authorization(ExchangeContext context) {
  if (login_.kind == AuthKind::basic) co_return basic_header(login_);
  token_context_ = std::move(context);
  co_return co_await token_.authorization();
}

Awaitable<Result<Token>> ApiClient::fetch_token() {
  ExchangeContext context = token_context_;
  context.attempt = 1;
  HttpRequest request;
  request.method = "POST";
  request.target = token_call_.target;
  request.body = "grant_type=client_credentials";
  set_header(request.headers, "Authorization", basic_header(login_));
  set_header(request.headers, "Content-Type", "application/x-www-form-urlencoded");
  Repeatable call{std::move(request),   ports_.token_http,    token_call_.base_url,
                  /*authorized=*/false, /*about_user=*/false, login_gate_,          ports_.clock.steady()};
  const Result<Exchange> done = co_await repeat(std::move(call), std::move(context));
  if (!done) co_return done.error();
  co_return token_of(*done->answer);
}

Result<Token> ApiClient::token_of(const Answer& answer) {
  std::string value = text_at(answer, "access_token");
  const bool printable =
      std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (value.empty() || !printable) {
    return Error{ErrorKind::auth, "the token call was answered without a usable access_token",
                 "POST " + token_call_.target};
  }
  const auto* written = find_path(*answer.tree, "expires_in");
  const auto seconds = written ? whole_number(*written) : std::nullopt;
  Duration lifetime = profile_.authentication.token_lifetime;
  if (seconds) lifetime = std::chrono::seconds{std::clamp<std::uint64_t>(*seconds, 1, longest_token_seconds)};
  ports_.redactor.rotate("token of " + settings_.account, value);
  return Token{Secret(std::move(value)), lifetime};
}

Awaitable<SentWrite> ApiClient::write(HttpRequest request, Operation operation, ExchangeContext context) {
  SentWrite sent;
  const Result<std::string> login = co_await authorization(context);
  if (!login) {
    const bool refused = login.error().kind == ErrorKind::auth;
    sent.outcome.kind = refused ? WriteOutcome::Kind::credential : WriteOutcome::Kind::not_sent;
    sent.outcome.message = login.error().text();
    co_return sent;
  }
  set_header(request.headers, "Authorization", *login);
  if (!request.body.empty()) set_header(request.headers, "Content-Type", "application/json");
  const RateGate::Passage passage = co_await writes_.pass(write_patience, RateGate::Kind::write);
  if (passage != RateGate::Passage::open) {
    const bool later = passage == RateGate::Passage::too_long;
    sent.outcome.kind = later ? WriteOutcome::Kind::try_later : WriteOutcome::Kind::not_sent;
    sent.outcome.message = error_of(passage, writes_, request).text();
    sent.outcome.wait = writes_.delay();
    co_return sent;
  }
  if (ports_.may_write && !ports_.may_write()) {
    sent.outcome.kind = WriteOutcome::Kind::not_sent;
    sent.outcome.message = "writes were stopped while it waited for its turn; nothing was sent";
    co_return sent;
  }
  Exchange done =
      co_await exchange(request, ports_.http, settings_.base_url, writes_, std::nullopt, std::move(context));
  sent.outcome = outcome(operation, done, *login);
  const std::string* location = find_header(done.headers, "Location");
  if (location) sent.location = *location;
  sent.answer = std::move(done.answer);
  co_return sent;
}

WriteOutcome ApiClient::outcome(Operation operation, const Exchange& done, const std::string& authorization) {
  WriteOutcome outcome;
  if (!done.answer) {
    outcome.kind = outcome_of(done.failure);
    outcome.message = ports_.redactor.redact(done.failure.message);
    return outcome;
  }
  const Answer& answer = *done.answer;
  outcome.kind = outcome_of(operation, answer.meaning);
  // Of a write of another kind one user may be the exception (the owner of an account, say).
  outcome.for_nobody = operation == Operation::remove && answer.meaning == Meaning::unsupported &&
                       (answer.status == 405 || answer.status == 501);
  outcome.message = ports_.redactor.redact(answer.summary());
  outcome.code = answer.code;
  const bool unauthorized = answer.meaning == Meaning::unauthorized && login_.kind == AuthKind::oauth2;
  if (unauthorized) {
    // A token may have run out early, for all writes that are under way with it; a second fresh one that is
    // refused means the credential.
    const bool unexpected = token_.drop(authorization);
    if (!unexpected || !fresh_token_refused_) outcome.kind = WriteOutcome::Kind::try_later;
    fresh_token_refused_ = fresh_token_refused_ || unexpected;
  } else {
    fresh_token_refused_ = false;
  }
  if (answer.meaning == Meaning::throttle) outcome.wait = writes_.delay();
  return outcome;
}

Error ApiClient::error(ErrorKind kind, const std::string& message, const HttpRequest& request) const {
  return Error{kind, ports_.redactor.redact(message),
               ports_.redactor.redact(request.method + " " + without_query(request.target))};
}

Error ApiClient::error_of(const Repeatable& call, const Exchange& done) const {
  const std::string tries =
      call.attempts > 1 ? " (after " + std::to_string(call.attempts) + " attempts)" : "";
  if (!done.answer) return error(error_kind(done.failure), done.failure.message + tries, call.request);
  const Answer& answer = *done.answer;
  ErrorKind kind = error_kind(answer);
  // The token call is nothing but our credential; and what forbids a read as a whole forbids it to our
  // credential.
  const bool about_login = !call.authorized && answer.status < 500 && kind == ErrorKind::provider;
  const bool forbidden = !call.about_user && answer.status == 403 && answer.meaning == Meaning::refused;
  if (about_login || forbidden) kind = ErrorKind::auth;
  return error(kind, "the provider answered " + answer.summary() + tries, call.request);
}

Error ApiClient::error_of(RateGate::Passage passage, const RateGate& gate, const HttpRequest& request) const {
  if (passage == RateGate::Passage::stopping)
    return error(ErrorKind::stopped, "stopping; nothing was sent", request);
  const auto waiting = gate.waiting();
  const std::string until =
      waiting ? " until " + format_time(waiting->until) + " (" + waiting->reason + ")" : "";
  return error(ErrorKind::rate_limited, "waiting for the rate limit" + until + "; nothing was sent", request);
}

}  // namespace usersyncd
