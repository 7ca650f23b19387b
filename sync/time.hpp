#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace usersyncd {

using Duration = std::chrono::milliseconds;
/// Wall-clock time, UTC. Stored as integer milliseconds.
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// `2026-11-21T19:05:00.123Z`; the fraction is left out when it is zero.
std::string format_time(Time time);

/// RFC 3339 with `Z` or an offset, or a date (`2027-01-31`), which means the start of that day, UTC.
std::optional<Time> parse_time(std::string_view text);

/// `500ms`, `30s`, `5m`, `2h`, `30d`. No sign, no fraction, no blanks; nothing above ten years.
std::optional<Duration> parse_duration(std::string_view text);

/// The shortest exact form of the same: 90000 ms is `90s`.
std::string format_duration(Duration duration);

inline Time time_from_millis(std::int64_t millis) {
  return Time{Duration{millis}};
}
inline std::int64_t millis_of(Time time) {
  return time.time_since_epoch().count();
}

}  // namespace usersyncd
