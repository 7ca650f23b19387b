#include "tests/reconcile/world.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace usersyncd::test {
namespace {

namespace asio = boost::asio;

using Kind = Call::Kind;
using Outcome = WriteOutcome::Kind;

constexpr std::array<std::string_view, 6> kind_names{"catalog", "list", "read", "create", "update", "remove"};
constexpr std::array<std::string_view, 12> fault_names{
    "none",        "timeout after", "timeout before", "5xx",          "409",        "404", "refused",
    "unsupported", "429",           "ignored",        "crash before", "crash after"};

Awaitable<void> yield() {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

WriteOutcome outcome(Outcome kind, std::string message) {
  WriteOutcome made;
  made.kind = kind;
  made.message = std::move(message);
  return made;
}

// What a read comes to; empty: it is answered.
std::optional<Error> error_of(Fault fault) {
  switch (fault) {
    case Fault::timeout_after:
    case Fault::timeout_before:
      return Error{ErrorKind::network, "timed out", "GET"};
    case Fault::server_error:
      return Error{ErrorKind::provider, "answered 503", "GET"};
    case Fault::conflict:
      return Error{ErrorKind::conflict, "answered 409", "GET"};
    case Fault::missing:
      return Error{ErrorKind::not_found, "answered 404", "GET"};
    case Fault::refused:
      return Error{ErrorKind::provider, "answered 400", "GET"};
    case Fault::unsupported:
      return Error{ErrorKind::provider, "answered 405", "GET"};
    case Fault::throttled:
      return Error{ErrorKind::rate_limited, "answered 429", "GET"};
    case Fault::none:
    case Fault::ignored:
    case Fault::crash_before:
    case Fault::crash_after:
      break;
  }
  return std::nullopt;
}

// What a write comes to that is not done; empty: it is.
std::optional<WriteOutcome> refusal(Kind kind, Fault fault) {
  const bool creates = kind == Kind::create;
  switch (fault) {
    case Fault::timeout_before:
      return outcome(Outcome::unknown, "timed out");
    case Fault::server_error:
      return outcome(Outcome::unknown, "answered 503");
    case Fault::conflict:
      return outcome(creates ? Outcome::exists : Outcome::refused, "answered 409");
    case Fault::missing:
      return outcome(kind == Kind::remove ? Outcome::already_so : Outcome::refused, "answered 404");
    case Fault::refused:
      return outcome(Outcome::refused, "answered 400");
    case Fault::unsupported: {
      auto never = outcome(Outcome::unsupported, "answered 405");
      never.for_nobody = true;
      return never;
    }
    case Fault::throttled: {
      auto later = outcome(Outcome::try_later, "answered 429");
      later.wait = Duration{1000};
      return later;
    }
    case Fault::ignored:
      return outcome(Outcome::accepted, "");
    case Fault::none:
    case Fault::timeout_after:
    case Fault::crash_before:
    case Fault::crash_after:
      break;
  }
  return std::nullopt;
}

}  // namespace

bool is_write(Kind kind) {
  return kind == Kind::create || kind == Kind::update || kind == Kind::remove;
}

std::string_view name_of(Kind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(Fault fault) {
  return fault_names[static_cast<std::size_t>(fault)];
}

User& World::add(const std::string& username) {
  User user;
  user.username = username;
  user.user_id = std::to_string(next_id_++);
  user.fields.set(Field::first_name, username + "-first");
  user.fields.set(Field::last_name, "Doe");
  user.fields.set(Field::email, username + "@example.com");
  user.fields.set(Field::phone, "+19195550000");
  user.fields.set(Field::scope, "ACCOUNT");
  user.fields.set(Field::enabled, true);
  user.fields.set(Field::roles, StringSet{});
  user.fields.set(Field::accounts, StringSet{"a1"});
  return users[key_of(username)] = user;
}

User* World::find(const std::string& username) {
  const auto found = users.find(key_of(username));
  return found == users.end() ? nullptr : &found->second;
}

std::size_t World::count(Kind kind) const {
  return static_cast<std::size_t>(
      std::count_if(calls.begin(), calls.end(), [&](const Call& call) { return call.kind == kind; }));
}

std::size_t World::writes() const {
  return count(Kind::create) + count(Kind::update) + count(Kind::remove);
}

std::string World::history() const {
  std::map<std::string, std::pair<int, int>> counts;
  for (const auto& call : calls) {
    if (call.done && call.kind == Kind::create) ++counts[call.key].first;
    if (call.done && call.kind == Kind::remove) ++counts[call.key].second;
  }
  std::string text;
  for (const auto& [key, both] : counts) {
    text += key + " +" + std::to_string(both.first) + " -" + std::to_string(both.second) + "\n";
  }
  return text;
}

std::string words_of(const User& user) {
  std::string text = user.username;
  for (Field field : all_fields) {
    const auto& value = user.fields.get(field);
    if (value) text += " " + std::string{name_of(field)} + "=" + show(*value);
  }
  return text;
}

std::string World::text() const {
  std::string text;
  for (const auto& [key, user] : users) text += words_of(user) + '\n';
  return text;
}

User World::listed(const User& user) const {
  User shown = user;
  for (Field field : hidden) shown.fields.erase(field);
  return shown;
}

// Everything that a call does before its work: it is written down, and somebody else may be faster.
Awaitable<std::size_t> World::arrive(Call call) {
  if (crashed_) throw SimulatedCrash{};
  calls.push_back(call);
  const auto number = calls.size();
  co_await yield();
  if (crashed_) throw SimulatedCrash{};
  if (before_call) before_call(call);
  co_return number;
}

Fault World::fault_of(std::size_t number) {
  const auto fault = faults ? faults(calls[number - 1], number) : Fault::none;
  if (fault == Fault::crash_before) {
    crashed_ = true;
    throw SimulatedCrash{};
  }
  return fault;
}

Awaitable<Result<Catalog>> World::read_catalog(ExchangeContext context) {
  Call call;
  call.kind = Kind::catalog;
  call.context = context;
  const auto number = co_await arrive(call);
  const auto fault = fault_of(number);
  if (const auto error = error_of(fault)) co_return *error;
  co_return catalog;
}

Awaitable<Result<Listing>> World::list_users(ExchangeContext context, ListMark known) {
  Call call;
  call.kind = Kind::list;
  call.context = context;
  const auto number = co_await arrive(call);
  const auto fault = fault_of(number);
  if (const auto error = error_of(fault)) co_return *error;
  Listing listing;
  listing.faults = list_faults;
  if (stale_list) {
    listing.users = *stale_list;
  } else {
    for (const auto& [key, user] : users) {
      if (!unlisted.contains(key)) listing.users.push_back(listed(user));
    }
  }
  if (!list_faults.empty()) co_return listing;
  std::string bytes;
  for (const auto& user : listing.users) bytes += user.user_id + ' ' + words_of(user) + '\n';
  listing.mark.push_back(PageMark{"list", sha256_hex(bytes)});
  if (listing.mark != known) co_return listing;
  listing.recognised = true;
  listing.users.clear();
  co_return listing;
}

Awaitable<Result<std::optional<RemoteUser>>> World::read_user(UserKey key, ExchangeContext context) {
  Call call;
  call.kind = Kind::read;
  call.key = key_of(key.username);
  call.context = context;
  const auto number = co_await arrive(call);
  const auto fault = fault_of(number);
  if (fault == Fault::missing) co_return std::optional<RemoteUser>{};
  if (const auto error = error_of(fault)) co_return *error;
  if (by_id_only && key.user_id.empty())
    co_return Error{ErrorKind::provider, "the provider did not tell the id", ""};
  const auto found = users.find(call.key);
  const bool another = found != users.end() && by_id_only && found->second.user_id != key.user_id;
  const bool is_no_id = !told_id.empty() && key.user_id == told_id;
  if (another || is_no_id) co_return std::optional<RemoteUser>{};
  if (found == users.end() || invisible.contains(call.key)) co_return std::optional<RemoteUser>{};
  RemoteUser remote;
  remote.user = found->second;
  remote.document = "{}";
  co_return std::optional<RemoteUser>{remote};
}

Awaitable<WriteOutcome> World::write(Call call, std::function<WriteOutcome()> work) {
  if (under_way_.contains(call.key)) overlapped_on_a_user = true;
  under_way_.insert(call.key);
  most_at_once = std::max(most_at_once, under_way_.size());
  const auto number = co_await arrive(call);
  const auto fault = fault_of(number);
  auto answer = refusal(call.kind, fault);
  if (!answer) {
    answer = work();
    calls[number - 1].done = answer->kind == Outcome::accepted;
  }
  if (fault == Fault::crash_after) {
    crashed_ = true;
    throw SimulatedCrash{};
  }
  if (fault == Fault::timeout_after) answer = outcome(Outcome::unknown, "timed out");
  co_await yield();
  under_way_.erase(under_way_.find(call.key));
  co_return *answer;
}

Awaitable<WriteOutcome> World::create(const Permit& permit, ExchangeContext context) {
  const Action& action = permit.action();
  Call call;
  call.kind = Kind::create;
  call.key = key_of(action.username);
  call.context = context;
  std::function<WriteOutcome()> work = [this, &action] { return do_create(action); };
  auto answer = co_await write(call, work);
  co_return answer;
}

Awaitable<WriteOutcome> World::update(const Permit& permit, RemoteUser base, ExchangeContext context) {
  const Action& action = permit.action();
  Call call;
  call.kind = Kind::update;
  call.key = key_of(action.username);
  call.context = context;
  std::function<WriteOutcome()> work = [this, &action, base] { return do_update(action, base); };
  auto answer = co_await write(call, work);
  co_return answer;
}

Awaitable<WriteOutcome> World::remove(const Permit& permit, ExchangeContext context) {
  const Action& action = permit.action();
  Call call;
  call.kind = Kind::remove;
  call.key = key_of(action.username);
  call.context = context;
  std::function<WriteOutcome()> work = [this, &action] { return do_remove(action); };
  auto answer = co_await write(call, work);
  co_return answer;
}

WriteOutcome World::do_create(const Action& action) {
  if (find(action.username)) return outcome(Outcome::exists, "the username is taken");
  User user;
  user.username = action.username;
  user.user_id = std::to_string(next_id_++);
  user.fields.set(Field::enabled, true);
  user.fields.set(Field::scope, "ACCOUNT");
  user.fields.set(Field::roles, StringSet{});
  user.fields.set(Field::accounts, StringSet{"a1"});
  for (const auto& change : action.changes) {
    if (change.to) user.fields.set(change.field, *change.to);
  }
  if (normalize) normalize(user);
  users[key_of(user.username)] = user;
  auto answer = outcome(Outcome::accepted, "");
  if (!told_id.empty()) user.user_id = told_id;
  if (by_id_only || !told_id.empty()) answer.user = RemoteUser{user, "{}"};
  return answer;
}

// A full replacement: what the base does not have is gone afterwards (A41).
WriteOutcome World::do_update(const Action& action, const RemoteUser& base) {
  auto* user = find(action.username);
  if (!user) return outcome(Outcome::refused, "no such user");
  user->fields = base.user.fields;
  for (const auto& change : action.changes) {
    if (change.to) user->fields.set(change.field, *change.to);
  }
  if (normalize) normalize(*user);
  return outcome(Outcome::accepted, "");
}

WriteOutcome World::do_remove(const Action& action) {
  if (users.erase(key_of(action.username)) == 0) return outcome(Outcome::already_so, "no such user");
  return outcome(Outcome::accepted, "");
}

}  // namespace usersyncd::test
