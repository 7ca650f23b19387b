#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

namespace usersyncd {

/// What went wrong, classed once. Who may act on it: `network`, `rate_limited` and `provider` are worth
/// another try in a later cycle; `auth`, `config`, `desired` and `usage` need a person; `store` stops all
/// writing.
enum class ErrorKind {
  usage,         ///< the command line
  config,        ///< config or profile file
  desired,       ///< desired-state or policy file
  network,       ///< no connection, timeout, reset, TLS
  auth,          ///< the provider does not accept our credential
  rate_limited,  ///< 429, or what the profile calls a throttle
  not_found,     ///< the provider says that the thing is not there
  conflict,      ///< the provider says that it is there already
  malformed,     ///< an answer that is not what the profile describes
  provider,      ///< any other refusal by the provider
  store,         ///< SQLite, the disk, the lock
  stopped,       ///< we are stopping or paused; nothing was sent
};

/// An expected failure. `where` is `file:line:column`, `GET /api/v1/users`, or empty.
struct Error {
  ErrorKind kind = ErrorKind::provider;
  std::string message;
  std::string where;

  /// `where: message`, for people.
  std::string text() const { return where.empty() ? message : where + ": " + message; }
};

/// Thrown for what cannot be handled where it happens (a full disk, a broken database). Caught at the cycle
/// boundary and in main, nowhere else.
struct StoreError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class T>
using Result = boost::system::result<T, Error>;

/// Required by boost::system::result: `.value()` on a failure is a bug of ours, not an expected failure.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error("unchecked result: " + error.text());
}

}  // namespace usersyncd
