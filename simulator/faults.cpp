#include "simulator/faults.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <functional>
#include <map>

#include "simulator/neutral.hpp"

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

/// SplitMix64: spreads neighbouring inputs over all 64 bits.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

double chance(std::uint64_t seed, std::uint64_t rule, std::uint64_t number) {
  return static_cast<double>(mix(mix(mix(seed) ^ rule) ^ number) >> 11) / static_cast<double>(1ULL << 53);
}

[[noreturn]] void fail(std::string_view name, std::string_view wanted) {
  throw InputError("'" + std::string(name) + "' must be " + std::string(wanted));
}

bool as_bool(const json::value& value, std::string_view name) {
  if (!value.is_bool()) {
    fail(name, "true or false");
  }
  return value.get_bool();
}

std::string as_text(const json::value& value, std::string_view name) {
  if (!value.is_string()) {
    fail(name, "a string");
  }
  return std::string(value.get_string());
}

double as_share(const json::value& value, std::string_view name) {
  boost::system::error_code error;
  const auto share = value.to_number<double>(error);
  if (error || !(share >= 0) || share > 1) {
    fail(name, "a number from 0 to 1");
  }
  return share;
}

std::int64_t as_whole(const json::value& value, std::string_view name, std::int64_t least) {
  boost::system::error_code error;
  const auto number = value.to_number<std::int64_t>(error);
  if (error || number < least) {
    fail(name, "a whole number of at least " + std::to_string(least));
  }
  return number;
}

/// 5, -5 and, because JSON numbers have no plus sign, "+5".
std::int64_t as_offset(const json::value& value, std::string_view name) {
  constexpr std::int64_t least = -1'000'000;
  if (!value.is_string()) {
    return as_whole(value, name, least);
  }
  std::string_view text(value.get_string().data(), value.get_string().size());
  text.remove_prefix(text.starts_with('+') ? 1 : 0);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    fail(name, "a whole number");
  }
  return number;
}

Headers as_headers(const json::value& value) {
  if (!value.is_object()) {
    fail("headers", "an object of strings");
  }
  Headers headers;
  for (const auto& [name, content] : value.get_object()) {
    headers.emplace_back(name, as_text(content, "headers"));
  }
  return headers;
}

using Reader = std::function<void(const json::value&, Fault&)>;

const std::map<std::string_view, Reader>& fault_readers() {
  static const std::map<std::string_view, Reader> readers{
      {"status", [](const auto& value,
                    Fault& fault) { fault.status = static_cast<int>(as_whole(value, "status", 200)); }},
      {"body", [](const auto& value, Fault& fault) { fault.body = as_text(value, "body"); }},
      {"headers", [](const auto& value, Fault& fault) { fault.headers = as_headers(value); }},
      {"after", [](const auto& value, Fault& fault) { fault.after = as_bool(value, "after"); }},
      {"resetBefore",
       [](const auto& value, Fault& fault) { fault.reset_before = as_bool(value, "resetBefore"); }},
      {"resetAfter",
       [](const auto& value, Fault& fault) { fault.reset_after = as_bool(value, "resetAfter"); }},
      {"truncate", [](const auto& value, Fault& fault) { fault.truncate = as_share(value, "truncate"); }},
      {"html", [](const auto& value, Fault& fault) { fault.html = as_bool(value, "html"); }},
      {"emptyList", [](const auto& value, Fault& fault) { fault.list.empty = as_bool(value, "emptyList"); }},
      {"shrinkList",
       [](const auto& value, Fault& fault) { fault.list.keep = as_share(value, "shrinkList"); }},
      {"foreignList",
       [](const auto& value, Fault& fault) { fault.list.foreign = as_bool(value, "foreignList"); }},
      {"wrongTotal",
       [](const auto& value, Fault& fault) { fault.list.total_offset = as_offset(value, "wrongTotal"); }},
      {"slow",
       [](const auto& value, Fault& fault) { fault.slow = parse_micros(as_text(value, "slow"), "slow"); }},
      {"slowBytes",
       [](const auto& value, Fault& fault) {
         fault.per_byte = parse_micros(as_text(value, "slowBytes"), "slowBytes");
       }},
      {"ignoreWrite",
       [](const auto& value, Fault& fault) { fault.ignore_write = as_bool(value, "ignoreWrite"); }},
      {"revokeTokens",
       [](const auto& value, Fault& fault) { fault.revoke_tokens = as_bool(value, "revokeTokens"); }},
      {"errorInside200",
       [](const auto& value, Fault& fault) { fault.error_inside = as_text(value, "errorInside200"); }},
      {"staleReads",
       [](const auto& value, Fault& fault) {
         fault.stale_reads = static_cast<int>(as_whole(value, "staleReads", 1));
       }},
      {"unframed", [](const auto& value, Fault& fault) { fault.unframed = as_bool(value, "unframed"); }}};
  return readers;
}

Fault parse_fault(const json::value& value) {
  if (!value.is_object() || value.get_object().empty()) {
    fail("fault", "an object with at least one fault");
  }
  Fault fault;
  for (const auto& [name, content] : value.get_object()) {
    const auto reader = fault_readers().find(std::string_view(name.data(), name.size()));
    if (reader == fault_readers().end()) {
      throw InputError("there is no fault '" + std::string(name) + "'");
    }
    reader->second(content, fault);
  }
  return fault;
}

}  // namespace

FaultScript::Rule FaultScript::parse_rule(const json::object& entry) {
  Rule rule;
  std::optional<std::uint64_t> count;
  for (const auto& [name, value] : entry) {
    if (name == "method") {
      rule.method = as_text(value, name);
    } else if (name == "path") {
      try {
        rule.path.emplace(as_text(value, name), std::regex::ECMAScript | std::regex::optimize);
      } catch (const std::regex_error& error) {
        throw InputError(std::string("'path' is no regular expression: ") + error.what());
      }
    } else if (name == "nth") {
      rule.first = static_cast<std::uint64_t>(as_whole(value, name, 1));
      count = count.value_or(1);
    } else if (name == "count") {
      count = static_cast<std::uint64_t>(as_whole(value, name, 1));
    } else if (name == "probability") {
      rule.probability = as_share(value, name);
    } else if (name == "fault") {
      rule.fault = parse_fault(value);
    } else {
      throw InputError("'" + std::string(name) +
                       "' is unknown; known: method path nth count probability fault");
    }
  }
  if (!entry.contains("fault")) {
    throw InputError("'fault' is missing");
  }
  if (count) {
    rule.last = rule.first + *count - 1;
  }
  return rule;
}

FaultScript FaultScript::parse(std::string_view text) {
  const json::value parsed = parse_json(text, "fault script");
  if (!parsed.is_object()) {
    throw InputError("fault script: it must be an object with 'rules'");
  }
  FaultScript script;
  for (const auto& [name, value] : parsed.get_object()) {
    if (name == "seed") {
      script.seed_ = static_cast<std::uint64_t>(as_whole(value, name, 0));
    } else if (name != "rules" || !value.is_array()) {
      throw InputError("fault script: '" + std::string(name) + "' is unknown or of the wrong type");
    }
  }
  if (const json::value* rules = parsed.get_object().if_contains("rules")) {
    for (const json::value& entry : rules->get_array()) {
      const std::string where = "fault script: rule " + std::to_string(script.rules_.size() + 1) + ": ";
      if (!entry.is_object()) {
        throw InputError(where + "it must be an object");
      }
      try {
        script.rules_.push_back(parse_rule(entry.get_object()));
      } catch (const InputError& error) {
        throw InputError(where + error.what());
      }
    }
  }
  return script;
}

const Fault* FaultScript::match(std::string_view method, const std::string& target) {
  const Fault* fired = nullptr;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    Rule& rule = rules_[i];
    if ((!rule.method.empty() && rule.method != method) ||
        (rule.path && !std::regex_search(target, *rule.path))) {
      continue;
    }
    ++rule.matched;
    const bool in_range = rule.matched >= rule.first && rule.matched <= rule.last;
    if (fired == nullptr && in_range && chance(seed_, i, rule.matched) < rule.probability) {
      fired = &rule.fault;
    }
  }
  return fired;
}

}  // namespace usersyncd::sim
