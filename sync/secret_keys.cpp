#include "sync/secret_keys.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace usersyncd {
namespace {

constexpr std::array<std::string_view, 13> secret_endings{
    "password",  "passwd",      "passphrase",   "secret",  "apikey",      "privatekey",  "accesstoken",
    "authtoken", "bearertoken", "refreshtoken", "idtoken", "clienttoken", "sessiontoken"};
constexpr std::array<std::string_view, 7> secret_names{
    "token", "authorization", "proxyauthorization", "cookie", "setcookie", "pwd", "pass"};
/// How all of the above end, in pairs: by these nearly every other name is told apart before anything is
/// copied.
constexpr std::string_view last_pairs = "rd wd se et ey en on ie ss";
constexpr std::size_t longest_name = 128;
constexpr std::size_t most_blanks = 64;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_name_character(char c) {
  return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Lower case, without `_`, `-` and the like.
std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (is_letter_or_digit(c)) result += lower(c);
  }
  return result;
}

/// Whether a name that ends just before `end` can be a secret's.
bool may_be_secret(std::string_view text, std::size_t end) {
  if (end < 2) return false;
  const char first = lower(text[end - 2]);
  const char second = lower(text[end - 1]);
  for (std::size_t i = 0; i < last_pairs.size(); i += 3) {
    if (last_pairs[i] == first && last_pairs[i + 1] == second) return true;
  }
  return false;
}

/// The name that ends just before `end`.
std::string_view name_before(std::string_view text, std::size_t end) {
  std::size_t begin = end;
  while (begin > 0 && end - begin < longest_name && is_name_character(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

std::size_t backslashes_before(std::string_view text, std::size_t pos, std::size_t stop) {
  std::size_t count = 0;
  while (pos - count > stop && text[pos - count - 1] == '\\') ++count;
  return count;
}

/// What stands between the quote at `open` and the one that closes it. Within n levels of JSON strings a
/// quote carries 2^n - 1 backslashes, one inside the value 2^(n+1) - 1, and a backslash of the value 2^(n+1)
/// of them.
TextRange quoted(std::string_view text, std::size_t open, std::size_t slashes) {
  for (std::size_t pos = open + 1; pos < text.size(); ++pos) {
    pos = text.find(text[open], pos);
    if (pos == std::string_view::npos) break;
    const std::size_t run = backslashes_before(text, pos, open + 1);
    if (run % (2 * (slashes + 1)) == slashes) return {open + 1, pos - slashes};
  }
  return {open + 1, text.size()};
}

/// A JSON object or array, with its brackets.
TextRange bracketed(std::string_view text, std::size_t open) {
  std::size_t depth = 0;
  for (std::size_t pos = open; pos < text.size(); ++pos) {
    const char c = text[pos];
    if (c == '"') {
      const std::size_t slashes = backslashes_before(text, pos, open);
      pos = std::min(quoted(text, pos, slashes).end + slashes, text.size());
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return {open, pos + 1};
    }
  }
  return {open, text.size()};
}

TextRange until(std::string_view text, std::size_t begin, std::string_view stops) {
  return {begin, std::min(text.find_first_of(stops, begin), text.size())};
}

TextRange json_value(std::string_view text, std::size_t colon) {
  std::size_t quote = colon;
  while (quote > 0 && is_blank(text[quote - 1]) && colon - quote < most_blanks) --quote;
  if (quote == 0 || text[quote - 1] != '"') return {};
  --quote;
  const std::size_t name_end = quote - backslashes_before(text, quote, 0);
  if (!may_be_secret(text, name_end) || !is_secret_key(name_before(text, name_end))) return {};

  std::size_t begin = colon + 1;
  while (begin < text.size() && is_blank(text[begin])) ++begin;
  std::size_t open = begin;
  while (open < text.size() && text[open] == '\\') ++open;
  if (open == text.size()) return {};
  if (text[open] == '"') return quoted(text, open, open - begin);
  if (text[open] == '{' || text[open] == '[') return bracketed(text, open);
  const TextRange scalar = until(text, begin, ",}] \t\r\n");
  const std::string_view literal = text.substr(begin, scalar.end - begin);
  return literal == "null" || literal == "true" || literal == "false" ? TextRange{} : scalar;
}

TextRange field_value(std::string_view text, std::size_t equals) {
  if (!may_be_secret(text, equals) || !is_secret_key(name_before(text, equals))) return {};
  std::size_t open = equals + 1;
  while (open < text.size() && text[open] == '\\') ++open;
  if (open < text.size() && (text[open] == '"' || text[open] == '\''))
    return quoted(text, open, open - equals - 1);
  return until(text, equals + 1, "& \t\r\n\"<");
}

/// The `<` of `</name`, however the slash is escaped.
std::size_t closing_tag(std::string_view text, std::size_t begin, std::string_view name) {
  for (std::size_t pos = begin; (pos = text.find('<', pos)) != std::string_view::npos; ++pos) {
    std::size_t at = pos + 1;
    while (at < text.size() && text[at] == '\\') ++at;
    if (at < text.size() && text[at] == '/' && text.substr(at + 1).starts_with(name)) return pos;
  }
  return text.size();
}

TextRange element_value(std::string_view text, std::size_t less) {
  std::size_t end = less + 1;
  while (end < text.size() && end - less <= longest_name &&
         (is_name_character(text[end]) || text[end] == ':'))
    ++end;
  const std::string_view name = text.substr(less + 1, end - less - 1);
  if (!is_secret_key(name.substr(name.rfind(':') + 1))) return {};
  const std::size_t greater = text.find('>', end);
  if (greater == std::string_view::npos || text[greater - 1] == '/') return {};
  return {greater + 1, closing_tag(text, greater + 1, name)};
}

bool ends_as_secret(std::string_view name) {
  return std::any_of(secret_endings.begin(), secret_endings.end(),
                     [name](std::string_view ending) { return name.ends_with(ending); });
}

bool is_secret_name(std::string_view name) {
  return std::find(secret_names.begin(), secret_names.end(), name) != secret_names.end();
}

}  // namespace

bool is_secret_key(std::string_view name) {
  if (!may_be_secret(name, name.size())) return false;
  const std::string plain = folded(name);
  return ends_as_secret(plain) || is_secret_name(plain);
}

bool is_secret_header(std::string_view name) {
  const std::string plain = folded(name);
  return ends_as_secret(plain) || is_secret_name(plain) || plain.ends_with("token");
}

TextRange secret_value_at(std::string_view text, std::size_t pos) {
  switch (text[pos]) {
    case ':':
      return json_value(text, pos);
    case '=':
      return field_value(text, pos);
    case '<':
      return element_value(text, pos);
    default:
      return {};
  }
}

}  // namespace usersyncd
