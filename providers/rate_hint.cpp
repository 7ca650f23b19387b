#include "providers/rate_hint.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <limits>

namespace usersyncd {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\"");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\"") - first + 1);
}

/// A plain decimal number, fractions allowed; nothing for anything else.
std::optional<double> parse_number(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code == std::errc::result_out_of_range) return std::numeric_limits<double>::max();
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A wait in milliseconds as a Duration, if it is one at all.
std::optional<Duration> wait_of(double millis, Duration longest) {
  if (!(millis >= 1)) return std::nullopt;
  const double most = static_cast<double>(longest.count());
  return Duration{static_cast<Duration::rep>(std::min(millis, most))};
}

std::optional<Duration> until(Time then, Time now, Duration longest) {
  return wait_of(static_cast<double>((then - now).count()), longest);
}

// Beyond these a number can only be a point in time: a thousand million seconds of waiting are thirty years.
constexpr double least_epoch_seconds = 1e9;
constexpr double least_epoch_millis = 1e11;

std::optional<Duration> wait_of_number(double number, Time now, Duration longest) {
  const auto now_millis = static_cast<double>(millis_of(now));
  if (number >= least_epoch_millis) return wait_of(number - now_millis, longest);
  if (number >= least_epoch_seconds) return wait_of(number * 1000 - now_millis, longest);
  return wait_of(number * 1000, longest);
}

std::optional<Duration> wait_of_header(std::string_view text, Time now, Duration longest) {
  const std::string_view value = trimmed(text);
  if (const auto number = parse_number(value)) return wait_of_number(*number, now, longest);
  if (const auto date = parse_http_date(value)) return until(*date, now, longest);
  return std::nullopt;
}

}  // namespace

std::optional<Time> parse_http_date(std::string_view text) {
  const std::string date(trimmed(text));
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    std::tm fields{};
    const char* end = ::strptime(date.c_str(), format, &fields);
    if (!end || *end != '\0') continue;
    const std::chrono::year_month_day day{std::chrono::year{fields.tm_year + 1900},
                                          std::chrono::month{static_cast<unsigned>(fields.tm_mon + 1)},
                                          std::chrono::day{static_cast<unsigned>(fields.tm_mday)}};
    if (!day.ok()) return std::nullopt;
    return Time{std::chrono::sys_days{day}} + std::chrono::hours{fields.tm_hour} +
           std::chrono::minutes{fields.tm_min} + std::chrono::seconds{fields.tm_sec};
  }
  return std::nullopt;
}

std::optional<Duration> rate_hint(const Headers& headers, const RateRules& names, Time now) {
  const std::string* date = find_header(headers, "Date");
  const std::optional<Time> theirs = date ? parse_http_date(*date) : std::nullopt;
  std::optional<Duration> longest_wait;
  for (const auto* list : {&names.wait, &names.reset}) {
    for (const std::string& name : *list) {
      const std::string* value = find_header(headers, name);
      if (!value) continue;
      const auto wait = wait_of_header(*value, theirs.value_or(now), names.longest);
      if (wait && (!longest_wait || *wait > *longest_wait)) longest_wait = wait;
    }
    // An explicit wait is the better word; a reset time is often that of a longer window.
    if (longest_wait) return longest_wait;
  }
  return std::nullopt;
}

}  // namespace usersyncd
