#pragma once

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <regex>
#include <string>
#include <vector>

#include "config/yaml.hpp"

// What an editor does with our JSON Schemas: as much of the specification as they use.

namespace usersyncd::test {

namespace json = boost::json;

/// A YAML file as an editor sees it: an unquoted number is a number, and `true` is no text.
inline json::value seen_by_editor(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return nullptr;
    case YamlNode::Kind::sequence: {
      json::array items;
      for (const YamlNode& item : node.items) items.push_back(seen_by_editor(item));
      return items;
    }
    case YamlNode::Kind::map: {
      json::object members;
      for (const YamlEntry& entry : node.entries) members[entry.key] = seen_by_editor(entry.value);
      return members;
    }
    case YamlNode::Kind::scalar:
      break;
  }
  static const std::regex number("-?(0|[1-9][0-9]*)([.][0-9]+)?");
  const bool typed =
      !node.quoted && (node.text == "true" || node.text == "false" || std::regex_match(node.text, number));
  return typed ? json::parse(node.text) : json::value(node.text);
}

inline bool has_type(const json::value& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_bool();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return false;
}

/// What of `value`, which stands at `path`, the schema does not allow.
inline std::vector<std::string> violations(const json::value& value, const json::object& schema,
                                           const std::string& path = "") {
  std::vector<std::string> found;
  const auto add = [&](std::vector<std::string> more) {
    found.insert(found.end(), more.begin(), more.end());
  };
  if (const auto* type = schema.if_contains("type")) {
    const json::array types = type->is_array() ? type->as_array() : json::array{*type};
    const bool fits = std::any_of(types.begin(), types.end(), [&](const json::value& one) {
      return has_type(value, std::string_view(one.as_string().data(), one.as_string().size()));
    });
    if (!fits) found.push_back(path + ": " + json::serialize(value) + " is not " + json::serialize(*type));
  }
  if (const auto* names = schema.if_contains("enum")) {
    const json::array& all = names->as_array();
    if (std::find(all.begin(), all.end(), value) == all.end()) found.push_back(path + ": not in the enum");
  }
  if (const auto* pattern = schema.if_contains("pattern"); pattern && value.is_string()) {
    if (!std::regex_search(value.as_string().c_str(), std::regex(pattern->as_string().c_str())))
      found.push_back(path + ": " + json::serialize(value) + " does not match " + json::serialize(*pattern));
  }
  if (const auto* forms = schema.if_contains("anyOf")) {
    const bool fits = std::any_of(forms->as_array().begin(), forms->as_array().end(), [&](const auto& form) {
      return violations(value, form.as_object(), path).empty();
    });
    if (!fits) found.push_back(path + ": fits none of the forms");
  }
  if (const auto* items = schema.if_contains("items"); items && value.is_array()) {
    for (const json::value& item : value.as_array()) add(violations(item, items->as_object(), path + "[]"));
  }
  if (!value.is_object()) return found;
  if (const auto* required = schema.if_contains("required")) {
    for (const json::value& key : required->as_array()) {
      if (!value.as_object().contains(key.as_string()))
        found.push_back(path + ": misses " + json::serialize(key));
    }
  }
  const auto* properties = schema.if_contains("properties");
  const auto* others = schema.if_contains("additionalProperties");
  for (const auto& [key, member] : value.as_object()) {
    const std::string below = path + "." + std::string(key);
    const auto* known = properties ? properties->as_object().if_contains(key) : nullptr;
    if (known)
      add(violations(member, known->as_object(), below));
    else if (others && others->is_object())
      add(violations(member, others->as_object(), below));
    else if (others && *others == json::value(false))
      found.push_back(below + ": unknown");
  }
  return found;
}

}  // namespace usersyncd::test
