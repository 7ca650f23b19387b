#include "config/describe.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <charconv>

namespace usersyncd {
namespace {

constexpr std::size_t longest_found = 40;

std::string quoted_keys(const std::vector<std::string>& keys, std::string_view last_separator) {
  std::string result;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) result += i + 1 == keys.size() ? last_separator : ", ";
    result += "`" + keys[i] + "`";
  }
  return result;
}

/// `True` is text in YAML 1.2 and a boolean in 1.1.
bool is_boolean_word(std::string_view text) {
  return text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
         text == "FALSE";
}

// `as_numbers`: what stands there without quotes is a number to whoever reads the schema.
boost::json::object text_schema(std::string_view pattern, bool as_numbers = false) {
  boost::json::object schema{{"type", "string"}};
  if (as_numbers) schema["type"] = boost::json::array{"string", "number"};
  if (!pattern.empty()) schema["pattern"] = pattern;
  return schema;
}

}  // namespace

std::string found_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing (null)";
    case YamlNode::Kind::sequence:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      break;
  }
  std::string shown = printable(node.text.substr(0, longest_found));
  if (node.text.size() > longest_found) shown += "…";
  return node.quoted ? "the text \"" + shown + "\"" : "`" + shown + "`";
}

bool expect_text(Reading& reading, const YamlNode& node, std::string_view expected) {
  const bool scalar = node.kind == YamlNode::Kind::scalar;
  const bool boolean = scalar && !node.quoted && is_boolean_word(node.text);
  if (scalar && !boolean) return true;
  std::string message = "expected " + std::string(expected) + ", found " + found_text(node);
  if (boolean) message += "; if the word is meant, put it in quotes";
  reading.error(node, std::move(message));
  return false;
}

Shape::Shape(Reading& reading, const YamlNode& node) : reading_(&reading), node_(&node) {}
Shape::Shape() = default;

void Shape::about(std::string_view sentence) {
  about_ = sentence;
}

void Shape::place(Place& place) const {
  if (reading_) place = reading_->document.place_of(*node_);
}

bool Shape::written(std::string_view key) const {
  return reading_ && node_->find(key);
}

void Shape::refuse(std::string_view key, std::string message) {
  if (!reading_) return;
  failed_ = true;
  const YamlNode* value = node_->find(key);
  reading_->error(value ? *value : *node_, std::move(message));
}

const YamlNode* Shape::take(std::string_view key, Need need) {
  known_.emplace_back(key);
  if (need == Need::alternative) alternatives_.emplace_back(key);
  if (!is_map()) return nullptr;
  const YamlNode* value = node_->find(key);
  if (!value && need == Need::required) {
    reading_->error(*node_, "the key `" + std::string(key) + "` is missing here");
    reading_->misshapen = true;
    failed_ = true;
  }
  return value;
}

bool Shape::finish() {
  if (!reading_) return true;
  if (is_map()) {
    report_unknown_keys();
    report_alternatives();
  } else if (!shorthand_known_) {
    report_not_a_map();
  }
  return !failed_;
}

void Shape::report_unknown_keys() {
  for (const YamlEntry& entry : node_->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    const Place place = reading_->document.place_of(entry);
    if (!confidential_advice_.empty()) {
      reading_->problems.hide_line(place);
      reading_->problems.hide_line(reading_->document.place_of(entry.value));
    }
    std::string shown = printable(entry.key.substr(0, longest_found));
    reading_->problems.add(place, "unknown key `" + shown + "`; " + suggestion(entry.key, known_));
    reading_->misshapen = true;
    failed_ = true;
  }
}

void Shape::report_alternatives() {
  if (alternatives_.empty()) return;
  std::vector<std::string> present;
  for (const std::string& key : alternatives_)
    if (node_->find(key)) present.push_back(key);
  if (present.size() == 1) return;
  // After an unknown key, which may well be a misspelt alternative, a second complaint would only confuse.
  if (present.empty() && !failed_)
    reading_->error(*node_, "one of " + quoted_keys(alternatives_, " or ") + " is missing here");
  if (present.size() > 1)
    refuse(present[1], quoted_keys(present, " and ") + " exclude each other: write one of them");
  failed_ = true;
}

void Shape::report_not_a_map() {
  reading_->misshapen = true;
  failed_ = true;
  if (confidential_advice_.empty()) {
    reading_->error(*node_, "expected a map with keys such as " + quoted_keys(known_, ", ") + ", found " +
                                found_text(*node_));
    return;
  }
  reading_->problems.hide_line(reading_->document.place_of(*node_));
  reading_->error(*node_, confidential_advice_);
}

void Shape::declare(std::string_view key, Need need, boost::json::object schema, std::string_view sentence) {
  schema["description"] = sentence;
  properties_[key] = std::move(schema);
  if (need == Need::required) required_.emplace_back(key);
  if (need == Need::alternative) alternatives_.emplace_back(key);
}

void Shape::declare_shorthand(boost::json::object schema, std::string_view sentence) {
  schema["description"] = sentence;
  shorthand_ = std::move(schema);
}

boost::json::object Shape::take_schema() {
  boost::json::object schema{{"type", "object"}};
  if (!about_.empty()) schema["description"] = about_;
  schema["properties"] = std::move(properties_);
  if (!required_.empty()) schema["required"] = boost::json::array(required_.begin(), required_.end());
  schema["additionalProperties"] = false;
  if (!alternatives_.empty()) {
    boost::json::array choices;
    for (const std::string& key : alternatives_)
      choices.push_back(boost::json::object{{"required", boost::json::array{key}}});
    schema["oneOf"] = std::move(choices);
  }
  if (!shorthand_) return schema;
  boost::json::array forms;
  forms.push_back(std::move(*shorthand_));
  forms.push_back(std::move(schema));
  return boost::json::object{{"anyOf", std::move(forms)}};
}

bool Codec<std::string>::read(Reading& reading, const YamlNode& node, std::string& value) const {
  if (!expect_text(reading, node, "a text")) return false;
  value = node.text;
  return true;
}

boost::json::object Codec<std::string>::schema() const {
  return text_schema({}, true);
}

bool Codec<bool>::read(Reading& reading, const YamlNode& node, bool& value) const {
  const bool plain = node.kind == YamlNode::Kind::scalar && !node.quoted;
  if (!plain || (node.text != "true" && node.text != "false")) {
    reading.error(node, "expected true or false (without quotes), found " + found_text(node));
    return false;
  }
  value = node.text == "true";
  return true;
}

boost::json::object Codec<bool>::schema() const {
  return {{"type", "boolean"}};
}

template <class T>
bool IntegerCodec<T>::read(Reading& reading, const YamlNode& node, T& value) const {
  const std::string expected =
      "expected a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ", found ";
  const bool plain = node.kind == YamlNode::Kind::scalar && !node.quoted;
  const std::string_view text = node.text;
  // `010` is eight to some readers of YAML and ten to others.
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  const bool unclear = digits.size() > 1 && digits.starts_with('0');
  T parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!plain || unclear || !whole || parsed < least || parsed > most) {
    reading.error(node, expected + found_text(node));
    return false;
  }
  value = parsed;
  return true;
}

template <class T>
boost::json::object IntegerCodec<T>::schema() const {
  boost::json::object schema{{"type", "integer"}};
  if (least != std::numeric_limits<T>::min() || least == T{}) schema["minimum"] = least;
  if (most != std::numeric_limits<T>::max()) schema["maximum"] = most;
  return schema;
}

template struct IntegerCodec<int>;
template struct IntegerCodec<std::int64_t>;
template struct IntegerCodec<std::uint64_t>;

bool DurationCodec::read(Reading& reading, const YamlNode& node, Duration& value) const {
  if (!expect_text(reading, node, "a duration such as 30s or 5m")) return false;
  const std::optional<Duration> parsed = parse_duration(node.text);
  if (!parsed) {
    reading.error(node, "expected a duration such as 500ms, 30s, 5m, 2h or 30d, found " + found_text(node));
    return false;
  }
  if (*parsed < least || *parsed > most) {
    std::string bounds = "at least " + format_duration(least);
    if (most != Duration::max()) bounds += " and at most " + format_duration(most);
    reading.error(node, "expected a duration of " + bounds + ", found " + found_text(node));
    return false;
  }
  value = *parsed;
  return true;
}

boost::json::object DurationCodec::schema() const {
  return text_schema("^[0-9]+(ms|s|m|h|d)$");
}

bool Codec<Time>::read(Reading& reading, const YamlNode& node, Time& value) const {
  constexpr std::string_view expected = "a date such as 2027-01-31 or a time such as 2027-01-31T08:00:00Z";
  if (!expect_text(reading, node, expected)) return false;
  const std::optional<Time> parsed = parse_time(node.text);
  if (!parsed) {
    reading.error(node, "expected " + std::string(expected) + ", found " + found_text(node));
    return false;
  }
  value = *parsed;
  return true;
}

boost::json::object Codec<Time>::schema() const {
  return text_schema("^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].+)?$");
}

bool SizeCodec::read(Reading& reading, const YamlNode& node, std::uint64_t& value) const {
  constexpr std::array<std::pair<std::string_view, unsigned>, 4> units{
      {{"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
  if (!expect_text(reading, node, "a size such as 64MiB")) return false;
  const std::string_view text = node.text;
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto known = std::find_if(units.begin(), units.end(), [&](const auto& u) { return u.first == unit; });
  if (error != std::errc{} || known == units.end() || count > (UINT64_MAX >> known->second)) {
    reading.error(node, "expected a size such as 64MiB (B, KiB, MiB, GiB), found " + found_text(node));
    return false;
  }
  const std::uint64_t size = count << known->second;
  if (size < least || size > most) {
    reading.error(node, "expected a size from " + std::to_string(least) + " to " + std::to_string(most) +
                            " bytes, found " + found_text(node));
    return false;
  }
  value = size;
  return true;
}

boost::json::object SizeCodec::schema() const {
  return text_schema("^[0-9]+(B|KiB|MiB|GiB)$");
}

bool VersionCodec::read(Reading& reading, const YamlNode& node, int& value) const {
  value = 1;
  if (node.kind == YamlNode::Kind::scalar && !node.quoted && node.text == "1") return true;
  reading.error(node, "this program reads version 1 of such files, found " + found_text(node));
  return false;
}

boost::json::object VersionCodec::schema() const {
  return {{"type", "integer"}, {"const", 1}};
}

bool TextCodec::read(Reading& reading, const YamlNode& node, std::string& value) const {
  if (!Codec<std::string>{}.read(reading, node, value)) return false;
  const std::optional<std::string> fault = check(value);
  if (fault) reading.error(node, *fault);
  return !fault;
}

boost::json::object TextCodec::schema() const {
  boost::json::object schema = text_schema(pattern, true);
  if (longest > 0) schema["maxLength"] = longest;
  return schema;
}

TextCodec filled_text() {
  return {[](const std::string& text) -> std::optional<std::string> {
            if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "this may not be empty";
            return std::nullopt;
          },
          "\\S", 0};
}

std::optional<std::size_t> read_name(Reading& reading, const YamlNode& node,
                                     const std::vector<std::string>& names) {
  const std::string expected = (names.size() == 1 ? "" : "one of ") + quoted_keys(names, " or ");
  if (!expect_text(reading, node, expected)) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), node.text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string message = "expected " + expected + ", found " + found_text(node);
  const std::string hint = suggestion(node.text, names);
  if (hint.starts_with("did you mean")) message += "; " + hint;
  reading.error(node, std::move(message));
  return std::nullopt;
}

boost::json::object names_schema(const std::vector<std::string>& names) {
  return {{"enum", boost::json::array(names.begin(), names.end())}};
}

bool expect_list(Reading& reading, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::sequence) return true;
  reading.error(node, "expected a list, found " + found_text(node) + "; an empty list is written []");
  return false;
}

bool expect_map(Reading& reading, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) return true;
  reading.error(node, "expected a map, found " + found_text(node) + "; an empty map is written {}");
  return false;
}

boost::json::object list_schema(boost::json::object item) {
  return {{"type", "array"}, {"items", std::move(item)}};
}

boost::json::object map_schema(boost::json::object value) {
  return {{"type", "object"}, {"additionalProperties", std::move(value)}};
}

}  // namespace usersyncd
