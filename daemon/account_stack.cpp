#include "daemon/account_stack.hpp"

#include "daemon/base_url.hpp"
#include "daemon/http_client.hpp"
#include "daemon/passwords.hpp"
#include "daemon/secrets.hpp"

namespace usersyncd {
namespace {

AccountContext make_context(const AccountSettings& settings, const std::string& actor) {
  AccountContext context;
  context.id = settings.config.id;
  context.enforce = settings.config.mode == Mode::enforce;
  context.max_in_flight = static_cast<std::size_t>(settings.config.limits.max_in_flight);
  context.request_timeout = settings.config.limits.request_timeout;
  context.retry_for = settings.config.limits.retry_for;
  context.visibility_grace = settings.profile->visibility_grace;
  context.capabilities = settings.profile->capabilities;
  context.actor = actor;
  return context;
}

Result<std::unique_ptr<Http>> connect_to(boost::asio::io_context& io, const std::string& base_url,
                                         const AccountConfig& config) {
  auto origin = parse_base_url(base_url);
  if (!origin) return origin.error();
  HttpOptions options;
  options.origin = std::move(*origin);
  options.ca_file = config.ca_file;
  options.timeout = config.limits.request_timeout;
  options.max_response_bytes = config.limits.max_response_bytes;
  options.idle_connections = static_cast<std::size_t>(config.limits.max_in_flight);
  return make_http_client(io.get_executor(), std::move(options));
}

}  // namespace

AccountStack::AccountStack(AccountSettings settings, Process process)
    : settings_(std::move(settings)),
      process_(process),
      context_(make_context(settings_, process.actor)),
      redactor_(&process.redactor),
      exchanges_(*this, process.store.audit(), process.clock, process.actor) {}

Result<std::unique_ptr<AccountStack>> AccountStack::make(const AccountSettings& settings, Process process) {
  std::unique_ptr<AccountStack> stack{new AccountStack{settings, process}};
  auto connected = stack->connect();
  if (!connected) return connected.error();
  return stack;
}

Result<bool> AccountStack::connect() {
  const auto& config = settings_.config;
  auto user = read_secret(config.credentials.user);
  if (!user) return user.error();
  auto secret = read_secret(config.credentials.secret);
  if (!secret) return secret.error();
  context_.own_logins = make_set({key_of(user->reveal())});
  redactor_.add(secret->reveal());
  redactor_.add(std::string{user->reveal()} + ":" + std::string{secret->reveal()});

  auto http = connect_to(process_.io, config.base_url.empty() ? settings_.profile->base_url : config.base_url,
                         config);
  if (!http) return http.error();
  http_ = std::move(*http);
  const auto base_url = config.base_url.empty() ? settings_.profile->base_url : config.base_url;
  const auto token = token_call(*settings_.profile, config.base_url);
  if (token.base_url != base_url && config.credentials.type == CredentialsConfig::Type::oauth2) {
    auto token_http = connect_to(process_.io, token.base_url, config);
    if (!token_http) return token_http.error();
    token_http_ = std::move(*token_http);
  }

  RestSettings settings;
  settings.account = config.id;
  settings.base_url = config.base_url;
  settings.retry_for = config.limits.retry_for;
  settings.max_in_flight = context_.max_in_flight;
  settings.rates = process_.store.load_rates(config.id);
  RestLogin login;
  login.kind = config.credentials.type == CredentialsConfig::Type::basic ? AuthKind::basic : AuthKind::oauth2;
  login.user = std::move(*user);
  login.secret = std::move(*secret);
  RestPorts ports{*http_,   token_http_ ? *token_http_ : *http_, process_.clock, process_.random, exchanges_,
                  redactor_};
  ports.may_write = [this] { return context_.enforce && !process_.store.paused(context_.id); };
  provider_ = std::make_unique<RestProvider>(settings_.profile, std::move(settings), std::move(login), ports,
                                             make_password_delivery(config.passwords));
  return true;
}

// What is believed changes with every answer; it is worth a write where the belief itself has, or where much
// was sent: a limit by the hour counts that after a restart, too.
void AccountStack::save_rates(bool acted) {
  std::string words;
  for (const auto& [name, learned] : provider_->learned_rates())
    words += (words.empty() ? "" : "; ") + name + ": " + learned;
  if (words == saved_rates_ && !acted && !provider_->waiting()) return;
  process_.store.save_rates(context_.id, provider_->rates(), words);
  saved_rates_ = std::move(words);
}

void AccountStack::note_waiting() {
  const auto waiting = provider_->waiting();
  if (!waiting) return;
  auto together = process_.store.begin();
  auto state = process_.store.load_state(context_.id);
  state.waiting_until = waiting->until;
  state.waiting_reason = waiting->reason;
  process_.store.save_state(context_.id, state);
  together.commit();
}

void AccountStack::rest() {
  http_->rest();
  if (token_http_) token_http_->rest();
}

void AccountStack::Exchanges::tell_failure(const ExchangeRecord& record) {
  Event failed;
  failed.name = "exchange.failed";
  failed.level = Event::Level::debug;
  failed.account = record.context.account;
  failed.run = record.context.run;
  failed.reason = record.method + " " + record.url + ": " +
                  (record.status == 0 ? record.error : "status " + std::to_string(record.status)) +
                  "; tried again for at most " + format_duration(stack_.context_.retry_for);
  stack_.process_.events.emit(failed);
}

void AccountStack::Exchanges::record(const ExchangeRecord& record) {
  audit_.record(record);
  stack_.process_.keeper.recorded();
  const auto& account = record.context.account;
  stack_.process_.metrics.count_request(account, record.method, record.status, record.duration);
  // Reads of the whole account are tried again for long; whoever waits for one should know what for.
  if (record.context.username.empty() && (record.status == 0 || record.status >= 500)) tell_failure(record);
  if (record.status != 429) return;
  stack_.process_.metrics.count_rate_limited(account);
  Event limited;
  limited.name = "rate.limited";
  limited.level = Event::Level::warning;
  limited.account = account;
  limited.username = record.context.username;
  limited.run = record.context.run;
  const auto* hint = find_header(record.response_headers, "Retry-After");
  limited.reason =
      record.method + " was refused with 429" + (hint ? ", Retry-After: " + *hint : std::string{});
  if (stack_.provider_) {
    for (const auto& [name, learned] : stack_.provider_->learned_rates())
      limited.reason += "; limit of the " + name + ": " + learned;
  }
  stack_.process_.events.emit(limited);
}

}  // namespace usersyncd
