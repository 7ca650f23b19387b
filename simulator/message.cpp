#include "simulator/message.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <ctime>
#include <iomanip>
#include <sstream>

namespace usersyncd::sim {
namespace {

std::string format_utc(Instant instant, const char* pattern) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(instant));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::ostringstream text;
  text << std::put_time(&parts, pattern);
  return text.str();
}

}  // namespace

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result) {
    if (letter >= 'A' && letter <= 'Z') {
      letter = static_cast<char>(letter - 'A' + 'a');
    }
  }
  return result;
}

std::string_view header(const Headers& headers, std::string_view name) {
  const std::string wanted = lower(name);
  for (const auto& [key, value] : headers) {
    if (lower(key) == wanted) {
      return value;
    }
  }
  return {};
}

std::optional<Target> parse_target(std::string_view target) {
  const auto parsed = boost::urls::parse_origin_form(target);
  if (!parsed) {
    return std::nullopt;
  }
  Target result;
  for (const auto segment : parsed->segments()) {
    result.segments.push_back(segment);
  }
  for (const auto parameter : parsed->params()) {
    result.query.insert_or_assign(parameter.key, parameter.value);
  }
  return result;
}

Micros parse_micros(std::string_view text, std::string_view what) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  static const std::map<std::string_view, std::int64_t> units{
      {"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}};
  const auto found = units.find(unit);
  if (error != std::errc{} || number < 0 || number > 1'000'000'000 || found == units.end()) {
    throw InputError(std::string(what) + ": '" + std::string(text) +
                     "' is no duration; write 20ms, 5s or 2m");
  }
  return Micros{number * found->second};
}

std::string format_instant(Instant instant) {
  const auto fraction = (instant - std::chrono::floor<std::chrono::seconds>(instant)).count();
  std::string digits = std::to_string(fraction);
  digits.insert(0, 6 - digits.size(), '0');
  return format_utc(instant, "%Y-%m-%dT%H:%M:%S.") + digits + "Z";
}

std::string http_date(Instant instant) {
  return format_utc(instant, "%a, %d %b %Y %H:%M:%S GMT");
}

}  // namespace usersyncd::sim
