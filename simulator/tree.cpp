#include "simulator/tree.hpp"

#include <boost/json/serialize.hpp>
#include <pugixml.hpp>
#include <sstream>

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

constexpr int max_depth = 16;

std::string singular_of(std::string_view plural) {
  return std::string(plural.ends_with('s') ? plural.substr(0, plural.size() - 1) : plural);
}

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

void append(pugi::xml_node parent, const std::string& name, const json::value& value) {
  pugi::xml_node node = parent.append_child(name.c_str());
  if (value.is_object()) {
    for (const auto& [key, child] : value.get_object()) {
      append(node, std::string(key), child);
    }
  } else if (value.is_array()) {
    for (const json::value& entry : value.get_array()) {
      append(node, singular_of(name), entry);
    }
  } else if (!value.is_null()) {
    node.text().set(text_of(value).c_str());
  }
}

void add_sibling(json::object& object, std::string_view name, json::value value) {
  json::value* existing = object.if_contains(name);
  if (existing == nullptr) {
    object.emplace(name, std::move(value));
  } else if (existing->is_array()) {
    existing->get_array().push_back(std::move(value));
  } else {
    *existing = json::array{*existing, std::move(value)};
  }
}

std::optional<json::value> read_node(const pugi::xml_node& node, int depth) {
  if (depth > max_depth) {
    return std::nullopt;
  }
  json::object fields;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_element) {
      auto value = read_node(child, depth + 1);
      if (!value) {
        return std::nullopt;
      }
      add_sibling(fields, child.name(), std::move(*value));
    }
  }
  if (fields.empty()) {
    return json::value(node.text().get());
  }
  return json::value(std::move(fields));
}

}  // namespace

std::string to_xml(std::string_view root, const json::object& tree) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  append(document, std::string(root), tree);
  std::ostringstream out;
  document.save(out, "", pugi::format_raw);
  return out.str();
}

std::optional<json::value> from_xml(const std::string& text) {
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size()) || !document.document_element()) {
    return std::nullopt;
  }
  return read_node(document.document_element(), 0);
}

json::value collapse_lists(const json::value& tree) {
  if (!tree.is_object()) {
    return tree;
  }
  json::object result;
  for (const auto& [key, value] : tree.get_object()) {
    if (!value.is_array()) {
      result.emplace(key, collapse_lists(value));
      continue;
    }
    json::array entries;
    for (const json::value& entry : value.get_array()) {
      entries.push_back(collapse_lists(entry));
    }
    json::object list;
    if (!entries.empty()) {
      list.emplace(singular_of(key), entries.size() == 1 ? entries.front() : json::value(entries));
    }
    result.emplace(key, std::move(list));
  }
  return result;
}

std::vector<json::value> entries_of(const json::value& list, std::string_view singular) {
  if (list.is_array()) {
    return {list.get_array().begin(), list.get_array().end()};
  }
  if (list.is_null() || (list.is_string() && list.get_string().empty())) {
    return {};
  }
  if (list.is_object()) {
    if (const json::value* inner = list.get_object().if_contains(singular)) {
      return entries_of(*inner, singular);
    }
    if (list.get_object().empty()) {
      return {};
    }
  }
  return {list};
}

std::optional<json::value> BodyFields::take(std::string_view name) {
  const auto found = fields_.find(name);
  if (found == fields_.end()) {
    return std::nullopt;
  }
  json::value value = found->value();
  fields_.erase(found);
  return value.is_null() ? std::nullopt : std::optional(value);
}

void BodyFields::refuse(std::string_view name, std::string_view wanted) {
  refusal_ = Refusal{400, "1019",
                     "Bad request encountered. " + std::string(name) + " must be " + std::string(wanted)};
}

std::optional<std::string> BodyFields::text(std::string_view name) {
  const auto value = take(name);
  if (value && !value->is_string()) {
    refuse(name, "a string");
    return std::nullopt;
  }
  return value ? std::optional(std::string(value->get_string())) : std::nullopt;
}

std::optional<bool> BodyFields::flag(std::string_view name) {
  const auto value = take(name);
  if (!value) {
    return std::nullopt;
  }
  if (*value == json::value(true) || *value == json::value("true")) {
    return true;
  }
  if (*value != json::value(false) && *value != json::value("false")) {
    refuse(name, "true or false");
    return std::nullopt;
  }
  return false;
}

std::optional<std::vector<std::string>> BodyFields::ids(std::string_view name, std::string_view singular,
                                                        std::initializer_list<std::string_view> keys) {
  const auto value = take(name);
  if (!value) {
    return std::nullopt;
  }
  std::vector<std::string> result;
  for (const json::value& entry : entries_of(*value, singular)) {
    const json::value* id = entry.is_string() ? &entry : nullptr;
    for (const std::string_view key : keys) {
      if (id == nullptr && entry.is_object()) {
        id = entry.get_object().if_contains(key);
      }
    }
    if (id == nullptr || !id->is_string()) {
      refuse(name, "a list of strings or of objects with an id");
      return std::nullopt;
    }
    result.emplace_back(id->get_string());
  }
  return result;
}

}  // namespace usersyncd::sim
