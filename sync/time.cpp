#include "sync/time.hpp"

#include <date/date.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace usersyncd {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::int64_t longest = 3653LL * 86'400'000;

// RFC 3339 has fixed widths, which date::parse does not insist on.
std::optional<int> number_at(std::string_view text, std::size_t at, std::size_t width) {
  if (text.size() < at + width) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

std::optional<Time> parse_date(std::string_view text) {
  const auto year = number_at(text, 0, 4), month = number_at(text, 5, 2), day = number_at(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto date = date::year{*year} / *month / *day;
  if (!date.ok()) return std::nullopt;
  return Time{date::sys_days{date}};
}

// At least so many digits.
void append_number(std::string& text, std::int64_t number, std::size_t width) {
  if (number < 0) text += '-';
  const auto digits = std::to_string(std::abs(number));
  text.append(width - std::min(width, digits.size()), '0') += digits;
}

// `HH:MM` with an hour and a minute that exist.
std::optional<Duration> parse_hours(std::string_view text) {
  const auto hour = number_at(text, 0, 2), minute = number_at(text, 3, 2);
  if (!hour || !minute || text[2] != ':' || *hour > 23 || *minute > 59) return std::nullopt;
  return std::chrono::hours{*hour} + std::chrono::minutes{*minute};
}

// `Z`, or how far the clock that was read is ahead of UTC.
std::optional<Duration> parse_offset(std::string_view text) {
  if (text == "Z") return Duration{0};
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto ahead = parse_hours(text.substr(1));
  if (!ahead) return std::nullopt;
  return text[0] == '+' ? *ahead : -*ahead;
}

// `.` and any number of digits at the front of `text`, which loses them; what is finer than a millisecond is
// dropped.
std::optional<Duration> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return Duration{0};
  const auto length = std::min(text.find_first_not_of("0123456789", 1), text.size());
  if (length == 1) return std::nullopt;
  const auto millis =
      number_at(std::string{text.substr(1, std::min<std::size_t>(length - 1, 3))} + "00", 0, 3);
  text.remove_prefix(length);
  return Duration{*millis};
}

}  // namespace

std::string format_time(Time time) {
  const auto day = std::chrono::floor<date::days>(time);
  const date::year_month_day calendar{day};
  const auto of_day = (time - day).count();
  std::string text;
  text.reserve(std::string_view{"2026-01-31T12:34:56.789Z"}.size());
  append_number(text, int{calendar.year()}, 4);
  append_number(text += '-', static_cast<int>(unsigned{calendar.month()}), 2);
  append_number(text += '-', static_cast<int>(unsigned{calendar.day()}), 2);
  append_number(text += 'T', of_day / 3'600'000, 2);
  append_number(text += ':', of_day / 60'000 % 60, 2);
  append_number(text += ':', of_day / 1'000 % 60, 2);
  if (of_day % 1'000 != 0) append_number(text += '.', of_day % 1'000, 3);
  return text += 'Z';
}

std::optional<Time> parse_time(std::string_view text) {
  const auto day = parse_date(text);
  if (!day || text.size() == 10) return day;
  if (text.size() < 20 || text[10] != 'T' || text[16] != ':') return std::nullopt;
  const auto hours = parse_hours(text.substr(11));
  const auto second = number_at(text, 17, 2);
  auto rest = text.substr(19);
  const auto fraction = take_fraction(rest);
  const auto offset = parse_offset(rest);
  if (!hours || !second || *second > 59 || !fraction || !offset) return std::nullopt;
  return *day + *hours + std::chrono::seconds{*second} + *fraction - *offset;
}

std::optional<Duration> parse_duration(std::string_view text) {
  const auto digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, count);
  if (error != std::errc{} || end != text.data() + digits) return std::nullopt;
  for (const auto& [unit, millis] : units) {
    if (text.substr(digits) != unit) continue;
    if (count > longest / millis) return std::nullopt;
    return Duration{count * millis};
  }
  return std::nullopt;
}

std::string format_duration(Duration duration) {
  const auto count = duration.count();
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
    if (count != 0 && count % unit->second == 0)
      return std::to_string(count / unit->second) + std::string{unit->first};
  }
  return std::to_string(count) + "ms";
}

}  // namespace usersyncd
