#include "bench/rate/limiters_file.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

namespace usersyncd::bench {
namespace {

namespace json = boost::json;

/// `tokenBucket`, `token_bucket` and `Token Bucket` are one word: small letters only.
std::string plain(std::string_view word) {
  std::string letters;
  for (const char c : word) {
    if (c >= 'A' && c <= 'Z') letters += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) letters += c;
  }
  return letters;
}

struct Kind {
  Family family = Family::token_bucket;
  bool strict = false;
  bool shared = false;
};

const std::map<std::string, Kind, std::less<>>& kinds() {
  using enum Family;
  static const std::map<std::string, Kind, std::less<>> all{
      {"token", {token_bucket}},
      {"tokenbucket", {token_bucket}},
      {"bucket", {token_bucket}},
      {"gcra", {token_bucket}},
      {"leaky", {leaky_queue}},
      {"leakybucket", {leaky_queue}},
      {"leakyqueue", {leaky_queue}},
      {"queue", {leaky_queue}},
      {"fixed", {fixed_clock}},
      {"fixedwindow", {fixed_clock}},
      {"fixedclock", {fixed_clock}},
      {"fixedwindowclock", {fixed_clock}},
      {"fixedwindowontheclock", {fixed_clock}},
      {"clockwindow", {fixed_clock}},
      {"windowclock", {fixed_clock}},
      {"fixedwindowaligned", {fixed_clock}},
      {"fixedwindowepoch", {fixed_clock}},
      {"anchor", {fixed_first}},
      {"anchored", {fixed_first}},
      {"anchoredwindow", {fixed_first}},
      {"fixedfirst", {fixed_first}},
      {"fixedwindowfirst", {fixed_first}},
      {"fixedwindowfirstrequest", {fixed_first}},
      {"fixedwindowonthefirstrequest", {fixed_first}},
      {"fixedwindowonfirst", {fixed_first}},
      {"fixedwindowanchored", {fixed_first}},
      {"firstrequest", {fixed_first}},
      {"firstrequestwindow", {fixed_first}},
      {"windowfirst", {fixed_first}},
      {"slidinglog", {sliding_log}},
      {"slog", {sliding_log}},
      {"sliding", {sliding_log}},
      {"slidingwindow", {sliding_log}},
      {"slidingwindowlog", {sliding_log}},
      {"slidingcounter", {sliding_counter}},
      {"scount", {sliding_counter}},
      {"slidingwindowcounter", {sliding_counter}},
      {"strict", {sliding_log, true, false}},
      {"strictslidinglog", {sliding_log, true, false}},
      {"strictsliding", {sliding_log, true, false}},
      {"strictlog", {sliding_log, true, false}},
      {"slidinglogstrict", {sliding_log, true, false}},
      {"slidingcounterstrict", {sliding_counter, true, false}},
      {"strictslidingcounter", {sliding_counter, true, false}},
      {"strictcounter", {sliding_counter, true, false}},
      {"tokenbucketstrict", {token_bucket, true, false}},
      {"stricttokenbucket", {token_bucket, true, false}},
      {"stricttoken", {token_bucket, true, false}},
      {"strictfixedwindow", {fixed_clock, true, false}},
      {"strictfixed", {fixed_clock, true, false}},
      {"shared", {token_bucket, false, true}},
      {"sharedbucket", {token_bucket, false, true}},
      {"sharedtokenbucket", {token_bucket, false, true}},
      {"neighbour", {token_bucket, false, true}},
      {"changing", {token_bucket}},
      {"changingtokenbucket", {token_bucket}},
  };
  return all;
}

const std::set<std::string, std::less<>>& known_keys() {
  static const std::set<std::string, std::less<>> keys{
      "name",          "family",    "kind",         "type",      "rate",     "burst",    "capacity",
      "limit",         "window",    "windows",      "jitter",    "jitterms", "latency",  "rtt",
      "rttms",         "latencyms", "strict",       "neighbour", "skew",     "neighbor", "neighbours",
      "changes",       "queue",     "countrefused", "seed",      "comment",  "note",     "neighbourshare",
      "neighborshare", "changeat",  "share",        "waythere"};
  return keys;
}

/// One object of the file, whose keys may be written in any of the usual ways.
class Fields {
 public:
  Fields(const json::object& object, std::string where, const std::set<std::string, std::less<>>& known)
      : where_(std::move(where)) {
    for (const auto& [key, value] : object) {
      const auto name = plain(key);
      if (known.contains(name)) values_[name] = &value;  // others may be there for somebody else
    }
  }

  [[noreturn]] void fail(const std::string& what) const { throw BadLimiters(where_ + " " + what); }

  const json::value* find(std::initializer_list<std::string_view> names) const {
    for (const auto name : names) {
      const auto found = values_.find(name);
      if (found != values_.end() && !found->second->is_null()) return found->second;
    }
    return nullptr;
  }

  std::optional<double> number(std::initializer_list<std::string_view> names, double unit, double least,
                               double most) const {
    const auto* value = find(names);
    if (value == nullptr) return std::nullopt;
    const auto parsed = parse(*value, unit);
    const std::string name{*names.begin()};
    if (!parsed) fail("has `" + name + "`: " + json::serialize(*value) + ", which is no number or \"17s\"");
    if (!(*parsed >= least && *parsed <= most)) {
      fail("has `" + name + "`: " + json::serialize(*value) + ", which must be from " +
           json::serialize(json::value(least)) + " to " + json::serialize(json::value(most)));
    }
    return parsed;
  }

  bool flag(std::string_view name) const {
    const auto* value = find({name});
    if (value == nullptr) return false;
    if (!value->is_bool()) fail("has `" + std::string{name} + "`, which must be true or false");
    return value->as_bool();
  }

  std::string text(std::initializer_list<std::string_view> names) const {
    const auto* value = find(names);
    if (value == nullptr) return {};
    if (!value->is_string()) fail("has `" + std::string{*names.begin()} + "`, which must be a text");
    return std::string{value->as_string()};
  }

  const std::string& where() const { return where_; }

 private:
  /// A number in `unit` seconds, or a text with its own unit.
  static std::optional<double> parse(const json::value& value, double unit) {
    if (value.is_number()) return value.to_number<double>() * unit;
    if (!value.is_string()) return std::nullopt;
    const std::string_view text{value.as_string()};
    double number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc{}) return std::nullopt;
    static const std::map<std::string, double, std::less<>> units{{"ms", 0.001}, {"s", 1},    {"m", 60},
                                                                  {"min", 60},   {"h", 3600}, {"%", 0.01}};
    std::string_view rest{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (rest.empty()) return number * unit;
    const auto found = units.find(rest);
    if (found == units.end()) return std::nullopt;
    return number * found->second;
  }

  std::string where_;
  std::map<std::string, const json::value*, std::less<>> values_;
};

constexpr double least_rate = 1e-4, most_rate = 1e5, most_count = 1e6, least_window = 1e-3,
                 most_window = 864e3;

bool has_window(Family family) {
  return family != Family::token_bucket && family != Family::leaky_queue;
}

/// What a limiter or a change says of its numbers; what it does not say stays.
Numbers read_numbers(const Fields& fields, Family family, std::optional<Numbers> before) {
  const auto rate = fields.number({"rate"}, 1, least_rate, most_rate);
  const auto burst = fields.number({"burst", "capacity", "queue"}, 1, 0, most_count);
  const auto limit = fields.number({"limit"}, 1, 1, most_count);
  const auto window = fields.number({"window"}, 1, least_window, most_window);
  Numbers numbers = before.value_or(Numbers{});
  if (window) numbers.window = *window;
  if (has_window(family)) {
    if (!window && !before) fields.fail("needs a `window` in seconds, such as 60");
    if (limit) {
      numbers.limit = *limit;
    } else if (rate) {
      numbers.limit = std::max(1.0, std::round(*rate * numbers.window));
    } else if (burst) {
      numbers.limit = std::max(1.0, std::round(*burst));
    } else if (!before) {
      fields.fail("needs a `limit` (requests per window) or a `rate` (requests per second)");
    }
    return numbers;
  }
  if (rate) {
    numbers.rate = *rate;
  } else if (limit && window) {
    numbers.rate = *limit / *window;
  } else if (!before) {
    fields.fail("needs a `rate` in requests per second");
  }
  const double least_burst = family == Family::token_bucket ? 1 : 0;
  if (burst) {
    numbers.burst = std::max(least_burst, *burst);
  } else if (limit) {
    numbers.burst = *limit;
  } else if (!before) {
    numbers.burst = least_burst;
  }
  return numbers;
}

std::vector<Change> read_changes(const Fields& fields, const Spec& spec) {
  static const std::set<std::string, std::less<>> keys{
      "at", "time", "rate", "burst", "capacity", "limit", "window", "factor", "queue", "comment", "note"};
  std::vector<Change> changes;
  const auto* list = fields.find({"changes"});
  if (list == nullptr) return changes;
  if (!list->is_array()) fields.fail("has `changes`, which must be a list");
  Numbers now = spec.numbers;
  for (const auto& item : list->as_array()) {
    const auto where = fields.where() + ", change " + std::to_string(changes.size() + 1);
    if (!item.is_object()) throw BadLimiters(where + " must be an object with `at`");
    const Fields change{item.as_object(), where, keys};
    const auto at = change.number({"at", "time"}, 1, 0, 1e7);
    if (!at) change.fail("needs `at`, the seconds from the start of the run");
    if (!changes.empty() && *at < changes.back().at) change.fail("comes before the one above it; sort them");
    if (const auto factor = change.number({"factor"}, 1, 1e-4, 1e4)) {
      now.rate *= *factor;
      now.limit = std::max(1.0, std::round(now.limit * *factor));
    }
    now = read_numbers(change, spec.family, now);
    changes.push_back({*at, now});
  }
  return changes;
}

Kind read_kind(const Fields& fields) {
  const auto family = fields.text({"family", "kind", "type"});
  if (family.empty()) fields.fail("needs a `family`, such as \"token-bucket\"");
  const auto found = kinds().find(plain(family));
  if (found == kinds().end()) {
    fields.fail("has the family `" + family +
                "`; known are token-bucket, leaky-bucket, fixed-window, fixed-window-first, sliding-log and "
                "sliding-counter");
  }
  return found->second;
}

Spec read_spec(const json::value& value, std::size_t index) {
  const auto where = "limiter " + std::to_string(index + 1);
  if (!value.is_object()) throw BadLimiters(where + " must be an object");
  const Fields unnamed{value.as_object(), where, known_keys()};
  Spec spec;
  spec.name = unnamed.text({"name"});
  if (spec.name.empty()) spec.name = where;
  const Fields fields{value.as_object(), where + " (" + spec.name + ")", known_keys()};
  const auto kind = read_kind(fields);
  spec.family = kind.family;
  spec.numbers = read_numbers(fields, spec.family, std::nullopt);
  spec.strict = kind.strict || fields.flag("strict") || fields.flag("countrefused");
  const auto neighbour = fields.number(
      {"neighbour", "neighbor", "neighbours", "neighbourshare", "neighborshare", "share"}, 1, 0, 0.95);
  spec.neighbour = neighbour.value_or(kind.shared ? 0.6 : 0);
  // A jitter below 1 with no unit in its name can only be seconds.
  spec.jitter = fields.number({"jitterms"}, 0.001, 0, 10).value_or(spec.jitter);
  if (const auto jitter = fields.number({"jitter"}, 1, 0, 10000))
    spec.jitter = *jitter < 1 ? *jitter : *jitter / 1000;
  spec.round_trip = fields.number({"rttms", "latencyms"}, 0.001, 0.0001, 60).value_or(spec.round_trip);
  if (const auto trip = fields.number({"rtt", "latency"}, 1, 0.0001, 60)) spec.round_trip = *trip;
  spec.way_there = fields.number({"waythere"}, 1, 0, 1).value_or(spec.way_there);
  spec.skew = fields.number({"skew"}, 1, -864e3, 864e3).value_or(0);
  spec.changes = read_changes(fields, spec);
  return spec;
}

}  // namespace

std::vector<Spec> parse_limiters(std::string_view text) {
  json::error_code error;
  const auto document = json::parse(text, error);
  if (error) throw BadLimiters("is no JSON: " + error.message());
  const json::value* list = &document;
  if (document.is_object()) list = document.as_object().if_contains("limiters");
  if (list == nullptr || !list->is_array()) {
    throw BadLimiters("must be a list of limiters, or an object with one under `limiters`");
  }
  std::vector<Spec> specs;
  for (const auto& value : list->as_array()) specs.push_back(read_spec(value, specs.size()));
  if (specs.empty()) throw BadLimiters("has no limiters");
  return specs;
}

}  // namespace usersyncd::bench
