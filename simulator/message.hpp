#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Plain data that every part of the simulator speaks: no network, no JSON.

namespace usersyncd::sim {

using Micros = std::chrono::microseconds;
/// Wall-clock time, UTC. Always passed in, so that tests have a clock of their own.
using Instant = std::chrono::sys_time<Micros>;

/// What the person who runs the simulator gave it cannot be used: an option, a file, a control request.
/// Caught in main and in the control API, nowhere else.
struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string target;  ///< path and query, as sent
  Headers headers;
  std::string body;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

/// The value of a header, whatever its case; empty where there is none.
std::string_view header(const Headers& headers, std::string_view name);

/// A request target taken apart and percent-decoded.
struct Target {
  std::vector<std::string> segments;
  std::map<std::string, std::string> query;
};

/// Nothing when the target is not in origin form or badly encoded.
std::optional<Target> parse_target(std::string_view target);

/// ASCII lower case: usernames and e-mail addresses are compared without regard to case.
std::string lower(std::string_view text);

/// `20ms`, `5s`, `2m`, `250us`; throws InputError with `what` in the message.
Micros parse_micros(std::string_view text, std::string_view what);

/// `2026-11-21T19:05:00.123456Z`.
std::string format_instant(Instant instant);

/// The form of the `Date` and `Retry-After` headers: `Sat, 21 Nov 2026 19:05:00 GMT`.
std::string http_date(Instant instant);

}  // namespace usersyncd::sim
