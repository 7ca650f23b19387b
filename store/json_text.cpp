#include "store/json_text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstring>
#include <utility>

#include "sync/error.hpp"
#include "sync/plan_json.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

// A body that was recorded may itself be nested; what it contains is a string here, so this is generous.
constexpr std::size_t max_depth = 64;

[[noreturn]] void fail(const std::string& what) {
  throw StoreError("the store holds " + what +
                   " that this usersyncd did not write: restore a backup, or move the store away");
}

std::string text_of(const json::value& value) {
  const json::string* text = value.if_string();
  if (text == nullptr) fail("a text");
  return std::string(std::string_view(*text));
}

const json::object& object_of(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) fail("an object");
  return *object;
}

const json::value& member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) fail("an object without `" + std::string(name) + "`");
  return *value;
}

json::array to_array(const StringSet& set) {
  json::array array;
  array.reserve(set.size());
  for (const std::string& item : set) array.emplace_back(item);
  return array;
}

StringSet to_set(const json::value& value) {
  if (!value.is_array()) fail("a set");
  std::vector<std::string> items;
  items.reserve(value.get_array().size());
  for (const json::value& item : value.get_array()) items.push_back(text_of(item));
  return make_set(std::move(items));
}

/// Values from outside may hold any bytes; those that are not UTF-8 could not be read back.
std::string to_text(const json::value& value) {
  return valid_utf8(json::serialize(value));
}

/// How many bytes of ASCII begin the text, which is most of it, so eight are looked at at a time.
std::size_t ascii_length(std::string_view text) {
  constexpr std::uint64_t high_bits = 0x8080'8080'8080'8080U;
  std::size_t length = 0;
  for (std::uint64_t eight = 0; text.size() - length >= sizeof eight; length += sizeof eight) {
    std::memcpy(&eight, text.data() + length, sizeof eight);
    if ((eight & high_bits) != 0) break;
  }
  while (length < text.size() && static_cast<unsigned char>(text[length]) < 0x80U) ++length;
  return length;
}

/// How many bytes of well-formed UTF-8 begin the text, which is not empty; 0: none (RFC 3629, so no
/// surrogates and no overlong forms).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t index) -> unsigned {
    return index < text.size() ? static_cast<unsigned char>(text[index]) : 0U;
  };
  const auto follows = [byte](std::size_t index) { return (byte(index) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first >= 0xC2U && first <= 0xDFU) return follows(1) ? 2 : 0;
  if (first >= 0xE0U && first <= 0xEFU) {
    const bool overlong = first == 0xE0U && second < 0xA0U;
    const bool surrogate = first == 0xEDU && second >= 0xA0U;
    return !overlong && !surrogate && follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0U && first <= 0xF4U) {
    const bool overlong = first == 0xF0U && second < 0x90U;
    const bool too_large = first == 0xF4U && second >= 0x90U;
    return !overlong && !too_large && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string fields_to_text(const Fields& fields) {
  return to_text(to_json(fields));
}

Fields fields_from_text(std::string_view text) {
  ShortMemory memory;
  auto fields = fields_from_json(parse_stored(text, &memory.resource));
  if (!fields) fail("a user");
  return *std::move(fields);
}

std::string value_to_text(const Value& value) {
  return to_text(to_json(value));
}

Value value_from_text(Field field, std::string_view text) {
  auto value = value_from_json(field, parse_stored(text));
  if (!value) fail("a value of " + std::string(name_of(field)));
  return *std::move(value);
}

std::string user_to_text(const std::optional<User>& user) {
  if (!user) return "null";
  return to_text(to_json(*user));
}

std::optional<User> user_from_text(std::string_view text) {
  ShortMemory memory;
  const json::value document = parse_stored(text, &memory.resource);
  if (document.is_null()) return std::nullopt;
  auto user = user_from_json(document);
  if (!user) fail("a user");
  return user;
}

std::string catalog_to_text(const Catalog& catalog) {
  json::object object;
  if (catalog.roles) {
    json::array& roles = object["roles"].emplace_array();
    for (const Role& role : *catalog.roles) {
      json::object& item = roles.emplace_back(json::object_kind).get_object();
      item.emplace("id", role.id);
      item.emplace("name", role.name);
    }
  }
  if (catalog.accounts) object.emplace("accounts", to_array(*catalog.accounts));
  return to_text(object);
}

Catalog catalog_from_text(std::string_view text) {
  const json::value document = parse_stored(text);
  const json::object& object = object_of(document);
  Catalog catalog;
  if (const json::value* roles = object.if_contains("roles")) {
    if (!roles->is_array()) fail("a catalogue");
    catalog.roles.emplace();
    for (const json::value& item : roles->get_array()) {
      const json::object& role = object_of(item);
      catalog.roles->push_back(Role{text_of(member(role, "id")), text_of(member(role, "name"))});
    }
  }
  if (const json::value* accounts = object.if_contains("accounts")) catalog.accounts = to_set(*accounts);
  return catalog;
}

json::value parse_stored(std::string_view text, json::storage_ptr memory) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::error_code error;
  json::value value = json::parse(text, error, std::move(memory), options);
  if (error) fail("a document");
  return value;
}

std::string valid_utf8(std::string_view text) {
  auto mended = mended_utf8(text);
  return mended ? *std::move(mended) : std::string(text);
}

std::optional<std::string> mended_utf8(std::string_view text) {
  std::string clean;
  std::size_t copied = 0;
  std::size_t position = 0;
  while (position < text.size()) {
    position += ascii_length(text.substr(position));
    if (position == text.size()) break;
    if (const std::size_t length = sequence_length(text.substr(position)); length > 0) {
      position += length;
      continue;
    }
    clean.append(text, copied, position - copied).append("\uFFFD");
    copied = ++position;
  }
  if (copied == 0) return std::nullopt;
  return clean.append(text, copied);
}

}  // namespace usersyncd
