#include "config/user_rules.hpp"

#include <algorithm>

#include "config/nearest.hpp"
#include "config/utf8.hpp"

namespace usersyncd {
namespace {

bool is_username_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("@._-").find(c) != std::string_view::npos;
}

/// Characters of a UTF-8 text: bytes that do not continue one.
std::size_t length_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool has_control(const std::string& text) {
  for (std::size_t offset = 0; offset < text.size();) {
    const auto point = code_point_at(text, offset);
    if (point && (point->value < 0x20 || (point->value >= 0x7F && point->value < 0xA0))) return true;
    offset += point ? point->length : 1;
  }
  return false;
}

bool is_blank_or_control(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == 0x7F;
}

}  // namespace

std::optional<std::string> fault_of_username(const std::string& text) {
  if (text.empty()) return "a username is not empty";
  if (text.size() > longest_name) return "a username has at most 100 characters";
  if (!std::all_of(text.begin(), text.end(), is_username_letter))
    return "a username has only letters (A-Z, a-z), digits and the characters @ . _ -";
  // A path segment of dots would lead to another resource.
  if (text.find_first_not_of('.') == std::string::npos) return "a username does not consist of dots only";
  return std::nullopt;
}

std::optional<std::string> fault_of_name(const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return "a name is not empty; to leave it unmanaged, leave the key out";
  if (length_of(text) > longest_name) return "a name has at most 100 characters";
  if (has_control(text)) return "a name has no control characters";
  return std::nullopt;
}

std::optional<std::string> fault_of_phone(const std::string& text) {
  if (has_control(text)) return "a phone number has no control characters";
  return std::nullopt;
}

std::optional<std::string> fault_of_email(const std::string& text) {
  const std::size_t at = text.find('@');
  const bool one_at = at != std::string::npos && text.find('@', at + 1) == std::string::npos;
  const bool framed = one_at && at > 0 && at + 1 < text.size() && text[at + 1] != '.' && text.back() != '.';
  if (!framed || std::any_of(text.begin(), text.end(), is_blank_or_control))
    return "expected an e-mail address such as ann@example.com";
  if (text.size() > longest_name) return "an e-mail address has at most 100 characters";
  return std::nullopt;
}

std::optional<std::string> fault_of_scope(const std::string& text) {
  if (text == "ACCOUNT" || text == "ACCOUNT_ADMIN") return std::nullopt;
  return "expected ACCOUNT or ACCOUNT_ADMIN; " + suggestion(text, {"ACCOUNT", "ACCOUNT_ADMIN"});
}

}  // namespace usersyncd
