#include "sync/user.hpp"

#include <algorithm>

namespace usersyncd {
namespace {

constexpr std::array<std::string_view, field_count> field_names{"firstName", "lastName", "email", "phone",
                                                                "scope",     "enabled",  "roles", "accounts"};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Portals re-format phone numbers at will; the digits and a leading plus are what counts.
std::string bare_phone(std::string_view phone) {
  std::string bare;
  for (char c : phone) {
    if (std::string_view{" -().\t"}.find(c) == std::string_view::npos) bare += c;
  }
  return bare;
}

}  // namespace

std::string_view name_of(Field field) {
  return field_names[static_cast<std::size_t>(field)];
}

std::optional<Field> field_from_name(std::string_view name) {
  for (Field field : all_fields) {
    if (name_of(field) == name) return field;
  }
  return std::nullopt;
}

StringSet make_set(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

const std::string* Fields::text(Field field) const {
  const auto& value = get(field);
  return value ? std::get_if<std::string>(&*value) : nullptr;
}

std::optional<bool> Fields::flag(Field field) const {
  const auto& value = get(field);
  if (!value || !std::holds_alternative<bool>(*value)) return std::nullopt;
  return std::get<bool>(*value);
}

const StringSet* Fields::set_of(Field field) const {
  const auto& value = get(field);
  return value ? std::get_if<StringSet>(&*value) : nullptr;
}

std::string key_of(std::string_view username) {
  std::string key{username};
  std::transform(key.begin(), key.end(), key.begin(), lower);
  return key;
}

bool same_value(Field field, const Value& left, const Value& right) {
  if (left == right) return true;
  const auto* left_set = std::get_if<StringSet>(&left);
  const auto* right_set = std::get_if<StringSet>(&right);
  if (left_set && right_set) return make_set(*left_set) == make_set(*right_set);
  const auto* left_text = std::get_if<std::string>(&left);
  const auto* right_text = std::get_if<std::string>(&right);
  if (!left_text || !right_text) return false;
  if (field == Field::email) return key_of(*left_text) == key_of(*right_text);
  if (field == Field::phone) return bare_phone(*left_text) == bare_phone(*right_text);
  return false;
}

std::string plain(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : show(value);
}

std::string show(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return '"' + *text + '"';
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  std::string shown = "[";
  for (const auto& item : std::get<StringSet>(value)) {
    if (shown.size() > 1) shown += ", ";
    shown += item;
  }
  return shown + "]";
}

}  // namespace usersyncd
