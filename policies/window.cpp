#include "policies/window.hpp"

#include <date/tz.h>

#include <algorithm>
#include <stdexcept>

namespace usersyncd {
namespace {

constexpr std::array<const char*, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr int days_ahead = 28;

bool chosen(const Window& window, date::local_days day) {
  return window.days.at(date::weekday{day}.c_encoding());
}

std::string show_hour(std::chrono::minutes minutes) {
  const auto digits = [](long number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return digits(minutes.count() / 60) + ":" + digits(minutes.count() % 60);
}

// `mon-fri`, `sat`, `mon,wed,fri`: runs of three or more days are joined.
std::string show_days(const Window& window) {
  std::string text;
  for (std::size_t i = 0; i < 7;) {
    const auto at = [&](std::size_t index) { return window.days.at((index + 1) % 7); };  // Monday first
    std::size_t end = i;
    while (end < 7 && at(end)) ++end;
    const auto add = [&](const std::string& words) { text += (text.empty() ? "" : ",") + words; };
    const auto name = [](std::size_t index) { return std::string(day_names.at((index + 1) % 7)); };
    if (end - i >= 3) add(name(i) + "-" + name(end - 1));
    for (std::size_t day = i; end - i < 3 && day < end; ++day) add(name(day));
    i = std::max(end, i + 1);
  }
  return text;
}

// The instants at which the wall clock shows `local`: none in a gap (then the end of the gap), two when it is
// put back.
void add_instants(const date::time_zone& zone, date::local_time<std::chrono::minutes> local,
                  std::vector<Time>& to) {
  const auto info = zone.get_info(local);
  const auto as_time = [&](std::chrono::seconds offset) { return Time{local.time_since_epoch() - offset}; };
  if (info.result == date::local_info::nonexistent) {
    to.push_back(info.first.end);
    return;
  }
  to.push_back(as_time(info.first.offset));
  if (info.result == date::local_info::ambiguous) to.push_back(as_time(info.second.offset));
}

}  // namespace

const date::time_zone* find_zone(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

std::vector<std::string> zone_names() {
  std::vector<std::string> names;
  for (const auto& zone : date::get_tzdb().zones) names.push_back(zone.name());
  return names;
}

bool is_open(const Window& window, Time now) {
  const auto local = window.zone->to_local(now);
  const auto day = date::floor<date::days>(local);
  const auto clock = local - day;
  if (window.from < window.until) return chosen(window, day) && window.from <= clock && clock < window.until;
  // Overnight: the morning belongs to the day before.
  return (clock >= window.from && chosen(window, day)) ||
         (clock < window.until && chosen(window, day - date::days{1}));
}

std::optional<Time> next_opening(const Window& window, Time now) {
  std::vector<Time> candidates;
  const auto today = date::floor<date::days>(window.zone->to_local(now));
  for (int ahead = -1; ahead <= days_ahead; ++ahead) {
    const auto day = today + date::days{ahead};
    if (chosen(window, day)) add_instants(*window.zone, day + window.from, candidates);
  }
  // Putting a clock back or forward can open a window in the middle of its hours.
  const auto end = now + date::days{days_ahead};
  for (auto change = window.zone->get_info(now).end; change < end; change = window.zone->get_info(change).end)
    candidates.emplace_back(change);
  std::sort(candidates.begin(), candidates.end());
  const auto opens = [&](Time time) { return time > now && is_open(window, time); };
  const auto found = std::find_if(candidates.begin(), candidates.end(), opens);
  if (found == candidates.end()) return std::nullopt;
  return *found;
}

std::string show(const Window& window) {
  return show_days(window) + " " + show_hour(window.from) + "-" + show_hour(window.until) + " " +
         window.timezone;
}

}  // namespace usersyncd
