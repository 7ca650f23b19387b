#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sync/capabilities.hpp"
#include "sync/error.hpp"
#include "sync/judged.hpp"
#include "sync/observed.hpp"
#include "sync/time.hpp"

// The narrow ports behind which all effects live. Tests fail the N-th call of any of them.

namespace usersyncd {

template <class T>
using Awaitable = boost::asio::awaitable<T>;

/// Time. Every wait in the program goes through here, outside any request, so that stopping is instant.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  /// Monotonic; for intervals and backoff. Never jumps with the wall clock.
  virtual Duration steady() const = 0;
  /// False: woken early because the program is stopping.
  virtual Awaitable<bool> sleep_for(Duration duration) = 0;
  virtual bool stopping() const = 0;
};

/// Randomness for jitter. Passwords do not come from here.
class Random {
 public:
  virtual ~Random() = default;
  /// Uniform in [0, 1).
  virtual double uniform() = 0;
};

using Headers = std::vector<std::pair<std::string, std::string>>;
const std::string* find_header(const Headers& headers, std::string_view name);  ///< case-insensitive

struct HttpRequest {
  std::string method;
  std::string target;  ///< path and query, percent-encoded, relative to the origin
  Headers headers;
  std::string body;
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

struct HttpFailure {
  enum class Kind { resolve, connect, tls, timeout, reset, truncated, too_large, bad_framing, stopped };
  Kind kind = Kind::connect;
  std::string message;
  /// False only if not one byte of the request can have been processed. True means "unknown", never "done".
  bool may_have_arrived = true;
};

/// One exchange with one origin: no retry, no redirect, one deadline, everything bounded.
class Http {
 public:
  virtual ~Http() = default;
  virtual Awaitable<boost::system::result<HttpResponse, HttpFailure>> send(HttpRequest request) = 0;
  /// Nothing will be sent for a while: what is kept for the next request may be given up.
  virtual void rest() {}
};
[[noreturn]] inline void throw_exception_from_error(const HttpFailure& failure,
                                                    const boost::source_location&) {
  throw std::logic_error("unchecked http result: " + failure.message);
}

/// What an exchange belongs to, for the audit log.
struct ExchangeContext {
  std::string run;
  std::string account;
  std::string username;  ///< empty for lists
  std::string action;    ///< id; empty for reads that belong to no action
  int attempt = 1;
};

/// One HTTP request and what came back. Everything in it is redacted already.
struct ExchangeRecord {
  ExchangeContext context;
  std::string method, url;
  Headers request_headers;
  std::string request_body;
  int status = 0;  ///< 0: no answer
  Headers response_headers;
  std::string response_body;
  std::string error;
  Duration duration{};
};

/// Where the REST provider leaves a record of each exchange. Throws StoreError when it cannot: then nothing
/// more may be sent.
class ExchangeLog {
 public:
  virtual ~ExchangeLog() = default;
  virtual void record(const ExchangeRecord& record) = 0;
};

/// What became of one write that was sent, or tried.
struct WriteOutcome {
  enum class Kind {
    accepted,     ///< a success answer; not yet verified
    already_so,   ///< the provider says that it was so before (or already gone)
    exists,       ///< create: the username or e-mail is taken: look it up
    refused,      ///< definite no; nothing was done; do not repeat unchanged
    try_later,    ///< definite "not done": throttled, token expired; may be sent again after `wait`
    unknown,      ///< may or may not have been done: look before anything else
    unsupported,  ///< the provider cannot do this (405, or the profile says so): a person must
    credential,   ///< our own credential is locked out or refused: stop writing to the account
    not_sent,     ///< pause, stop or connection refused before the first byte
  };
  Kind kind = Kind::unknown;
  std::string message;
  std::string code;                ///< the provider's error code, if any
  std::optional<RemoteUser> user;  ///< what the answer carried
  Duration wait{};
  bool for_nobody = false;  ///< with `unsupported`: so it answered, whoever the user is
};

/// How a user is found again: by the provider's key where there is one, else by username.
struct UserKey {
  std::string username;
  std::string user_id;
};

/// One account at one provider. Reads retry by themselves what is safe to retry; a write is one request, sent
/// once.
class Provider {
 public:
  virtual ~Provider() = default;
  /// Also an Error, of kind auth or config, if the credential does not really see the account.
  virtual Awaitable<Result<Catalog>> read_catalog(ExchangeContext context) = 0;
  /// A list whose pages are all as in `known` is recognised instead of decoded; an empty mark is like none.
  virtual Awaitable<Result<Listing>> list_users(ExchangeContext context, ListMark known) = 0;
  /// Empty optional: the provider says clearly that there is no such user. Anything unclear is an Error.
  virtual Awaitable<Result<std::optional<RemoteUser>>> read_user(UserKey key, ExchangeContext context) = 0;

  /// Where the provider wants a password, one is made, handed to whoever delivers it, and never kept.
  virtual Awaitable<WriteOutcome> create(const Permit& permit, ExchangeContext context) = 0;
  /// Sends `base` (just read) changed only in the permitted action's fields. Also enables and disables.
  virtual Awaitable<WriteOutcome> update(const Permit& permit, RemoteUser base, ExchangeContext context) = 0;
  virtual Awaitable<WriteOutcome> remove(const Permit& permit, ExchangeContext context) = 0;
};

}  // namespace usersyncd
