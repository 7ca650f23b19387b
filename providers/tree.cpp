#include "providers/tree.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <pugixml.hpp>
#include <set>

#include "config/utf8.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

constexpr std::size_t max_depth = 32;

/// Stands in front of a number that is kept as it was written. No text of an answer can begin with it,
/// because what is not UTF-8 is refused before.
constexpr char number_mark = '\xFF';

/// The digits of such a number; empty for everything else.
std::string_view digits_of(const json::value& value) {
  const json::string* text = value.if_string();
  const bool number = text && text->starts_with(number_mark);
  return number ? std::string_view(text->data(), text->size()).substr(1) : std::string_view{};
}

Error malformed(std::string message) {
  return Error{ErrorKind::malformed, std::move(message), {}};
}

/// Builds the tree while parsing, because the ready-made parser forgets what matters here: it lets the last
/// of two equal members win, rounds integers that do not fit, and does not know how a number was written.
class TreeBuilder {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  std::string complaint;  ///< set where the handler itself refused the document

  json::value release() { return stack_.release(); }

  bool on_document_begin(json::error_code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    members_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t size, json::error_code&) {
    members_.pop_back();
    stack_.push_object(size);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t size, json::error_code&) {
    stack_.push_array(size);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key_.append(part.data(), part.size());
    stack_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& failure) {
    key_.append(part.data(), part.size());
    const std::string key = std::exchange(key_, {});
    if (!members_.back().insert(key).second)
      return refuse("the member \"" + key + "\" is there twice", failure);
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view part, json::error_code&) {
    number_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t number, json::string_view part, json::error_code&) {
    const json::string_view start = number_.empty() ? part : json::string_view(number_);
    const bool negative_zero = number == 0 && start.starts_with('-');
    number_.clear();
    if (negative_zero)
      push_written("-0");
    else
      stack_.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    number_.clear();
    stack_.push_uint64(number);
    return true;
  }
  bool on_double(double, json::string_view part, json::error_code& failure) {
    number_.append(part.data(), part.size());
    const std::string digits = std::exchange(number_, {});
    if (digits.find_first_of(".eE") == std::string::npos) {
      return refuse("the integer " + digits + " is too large to be kept exactly", failure);
    }
    double number = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (code != std::errc{} || end != digits.data() + digits.size()) {
      return refuse("the number " + digits + " is out of range", failure);
    }
    push_written(digits);
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  void push_written(const std::string& digits) {
    const char mark = number_mark;
    stack_.push_chars(json::string_view(&mark, 1));
    stack_.push_string(digits);
  }
  bool refuse(std::string message, json::error_code& failure) {
    complaint = std::move(message);
    failure = json::error::exception;
    return false;
  }

  json::value_stack stack_;
  std::vector<std::set<std::string>> members_;
  std::string key_;
  std::string number_;
};

Result<json::value> parse_json(std::string_view body) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<TreeBuilder> parser(options);
  json::error_code failure;
  const std::size_t used = parser.write_some(false, body.data(), body.size(), failure);
  if (!failure && used < body.size() && body.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
    failure = json::error::extra_data;
  }
  if (failure) {
    const std::string& complaint = parser.handler().complaint;
    const std::string what = complaint.empty() ? failure.message() : complaint;
    return malformed("the answer is not valid JSON at byte " + std::to_string(used) + ": " + what);
  }
  return parser.handler().release();
}

std::string_view local_name(std::string_view name) {
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

bool is_nil(const pugi::xml_node& element) {
  return std::any_of(element.attributes_begin(), element.attributes_end(), [](const pugi::xml_attribute& it) {
    return local_name(it.name()) == "nil" && it.as_bool();
  });
}

/// Adds a child; the second of its name turns the member into an array.
void add_member(json::object& object, std::string_view name, json::value value) {
  const auto found = object.find(name);
  if (found == object.end()) {
    object.emplace(name, std::move(value));
  } else if (found->value().is_array()) {
    found->value().as_array().push_back(std::move(value));
  } else {
    json::array both;
    both.push_back(std::move(found->value()));
    both.push_back(std::move(value));
    found->value() = std::move(both);
  }
}

Result<json::value> tree_of(const pugi::xml_node& element, std::size_t depth) {
  if (depth > max_depth) return malformed("the answer is nested deeper than 32 elements");
  if (is_nil(element)) return json::value(nullptr);
  json::object object;
  std::string text;
  for (const pugi::xml_node& child : element.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) text += child.value();
    if (child.type() != pugi::node_element) continue;
    auto value = tree_of(child, depth + 1);
    if (!value) return value.error();
    add_member(object, local_name(child.name()), std::move(*value));
  }
  if (object.empty()) return json::value(text);
  return json::value(std::move(object));
}

bool contains_ignoring_case(std::string_view text, std::string_view lower_case_part) {
  const auto same = [](char left, char right) {
    return (left >= 'A' && left <= 'Z' ? static_cast<char>(left - 'A' + 'a') : left) == right;
  };
  return std::search(text.begin(), text.end(), lower_case_part.begin(), lower_case_part.end(), same) !=
         text.end();
}

Result<json::value> parse_xml(std::string_view body) {
  // Entities are the way to make a small document huge, or to read files; no API needs them.
  if (contains_ignoring_case(body, "<!doctype") || contains_ignoring_case(body, "<!entity")) {
    return malformed("the XML answer declares a document type, which is refused");
  }
  pugi::xml_document document;
  const auto outcome =
      document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!outcome) {
    return malformed("the answer is not valid XML at byte " + std::to_string(outcome.offset) + ": " +
                     outcome.description());
  }
  const pugi::xml_node root = document.document_element();
  if (!root || root.next_sibling()) return malformed("the XML answer does not have exactly one root element");
  auto content = tree_of(root, 1);
  if (!content) return content.error();
  json::object tree;
  tree.emplace(local_name(root.name()), std::move(*content));
  return json::value(std::move(tree));
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto point = code_point_at(text, at);
    if (!point) return false;
    at += point->length;
  }
  return true;
}

std::string_view without_mark_and_blanks(std::string_view body) {
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  const auto first = body.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view{} : body.substr(first);
}

}  // namespace

bool looks_like_html(std::string_view content_type, std::string_view body) {
  const std::string_view text = without_mark_and_blanks(body);
  if (!text.starts_with('<')) return false;
  const std::string_view start = text.substr(0, 200);
  return contains_ignoring_case(content_type, "text/html") || contains_ignoring_case(start, "<html") ||
         contains_ignoring_case(start, "<!doctype html");
}

Result<json::value> parse_tree(std::string_view content_type, std::string_view body) {
  const std::string_view text = without_mark_and_blanks(body);
  if (text.empty()) return malformed("the answer is empty");
  if (looks_like_html(content_type, text)) return malformed("the answer is a web page (HTML), not data");
  if (!is_utf8(text)) return malformed("the answer is not valid UTF-8");
  return text.front() == '<' ? parse_xml(text) : parse_json(text);
}

std::vector<const json::value*> as_list(const json::value& value) {
  std::vector<const json::value*> list;
  if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) list.push_back(&element);
    return list;
  }
  const bool empty = value.is_null() || (value.is_string() && value.get_string().empty()) ||
                     (value.is_object() && value.get_object().empty());
  if (!empty) list.push_back(&value);
  return list;
}

std::optional<std::string> scalar_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string:
      if (!digits_of(value).empty()) return std::nullopt;
      return std::string(value.get_string());
    case json::kind::int64:
      return std::to_string(value.get_int64());
    case json::kind::uint64:
      return std::to_string(value.get_uint64());
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::double_:
    case json::kind::null:
    case json::kind::array:
    case json::kind::object:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> whole_number(const json::value& value) {
  const std::string digits = scalar_text(value).value_or("");
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || code != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

namespace {

void write(const json::value& value, std::string& text) {
  if (const json::object* object = value.if_object()) {
    text += '{';
    for (const auto& member : *object) {
      if (text.back() != '{') text += ',';
      text += json::serialize(json::value(member.key())) + ":";
      write(member.value(), text);
    }
    text += '}';
  } else if (const json::array* array = value.if_array()) {
    text += '[';
    for (const json::value& element : *array) {
      if (text.back() != '[') text += ',';
      write(element, text);
    }
    text += ']';
  } else if (const auto digits = digits_of(value); !digits.empty()) {
    text += digits;
  } else {
    text += json::serialize(value);
  }
}

}  // namespace

std::string tree_text(const json::value& tree) {
  std::string text;
  write(tree, text);
  return text;
}

json::value as_number(const std::string& text) {
  const char* end = text.data() + text.size();
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const bool whole = error == std::errc{} && stop == end && std::to_string(number) == text;
  return whole ? json::value(number) : json::value(text);
}

const json::value* member_at(const json::object& object, std::string_view path) {
  if (const json::value* whole = object.if_contains(path)) return whole;
  const auto dot = path.find('.');
  if (dot == std::string_view::npos) return nullptr;
  const json::value* part = object.if_contains(path.substr(0, dot));
  const json::object* inner = part ? part->if_object() : nullptr;
  return inner ? member_at(*inner, path.substr(dot + 1)) : nullptr;
}

bool put_at(json::object& object, std::string_view path, json::value value) {
  const auto dot = path.find('.');
  if (dot == std::string_view::npos || object.contains(path)) {
    object[path] = std::move(value);
    return true;
  }
  const std::string_view first = path.substr(0, dot);
  json::value* part = object.if_contains(first);
  if (part && !part->is_null() && !part->is_object()) return false;
  if (!part || part->is_null()) object[first].emplace_object();
  return put_at(object[first].as_object(), path.substr(dot + 1), std::move(value));
}

const json::value* find_path(const json::value& tree, std::string_view path) {
  const json::value* here = &tree;
  while (here && !path.empty()) {
    const auto dot = path.find('.');
    const json::object* object = here->if_object();
    here = object ? object->if_contains(path.substr(0, dot)) : nullptr;
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  return here;
}

}  // namespace usersyncd
