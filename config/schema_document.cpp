#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "config/describe.hpp"

namespace usersyncd {
namespace {

bool is_flat(const boost::json::value& value) {
  if (const auto* array = value.if_array()) {
    for (const auto& item : *array)
      if (item.is_structured()) return false;
    return true;
  }
  return !value.is_object() || value.get_object().empty();
}

/// Boost.JSON has no indented output; a schema is read by people too.
void print(const boost::json::value& value, std::size_t depth, std::string& out) {
  if (is_flat(value)) {
    out += boost::json::serialize(value);
    return;
  }
  const std::string indentation(2 * (depth + 1), ' ');
  const bool is_object = value.is_object();
  out += is_object ? "{" : "[";
  bool first = true;
  const auto begin_item = [&] {
    out += first ? "\n" : ",\n";
    out += indentation;
    first = false;
  };
  if (is_object) {
    for (const auto& [key, member] : value.get_object()) {
      begin_item();
      out += boost::json::serialize(boost::json::string(key)) + ": ";
      print(member, depth + 1, out);
    }
  } else {
    for (const auto& item : value.get_array()) {
      begin_item();
      print(item, depth + 1, out);
    }
  }
  out += "\n" + std::string(2 * depth, ' ') + (is_object ? "}" : "]");
}

}  // namespace

std::string schema_document(std::string_view title, boost::json::object schema) {
  boost::json::object document{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", title}};
  for (auto& [key, value] : schema) document[key] = std::move(value);
  std::string out;
  print(document, 0, out);
  return out + "\n";
}

}  // namespace usersyncd
