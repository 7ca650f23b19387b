#include "sync/escapes.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace usersyncd {
namespace {

// Sixteen levels of nesting would need more; a longer run is somebody wasting our time.
constexpr std::size_t most_backslashes = 64;
constexpr std::size_t longest_entity = 10;  // &#x10FFFF;

std::optional<std::uint32_t> number(std::string_view digits, int base) {
  std::uint32_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> hex_at(std::string_view text, std::size_t pos, std::size_t count) {
  if (pos > text.size() || text.size() - pos < count) return std::nullopt;
  return number(text.substr(pos, count), 16);
}

Unescaped one_byte(std::uint32_t byte, std::size_t length) {
  Unescaped result;
  result.bytes[0] = static_cast<char>(byte);
  result.size = 1;
  result.length = length;
  return result;
}

Unescaped as_utf8(std::uint32_t code, std::size_t length) {
  if (code < 0x80) return one_byte(code, length);
  Unescaped result;
  result.length = length;
  result.size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (std::size_t i = result.size - 1; i > 0; --i) {
    result.bytes[i] = static_cast<char>(0x80 | (code & 0x3F));
    code >>= 6;
  }
  constexpr std::array<std::uint32_t, 5> lead{0, 0, 0xC0, 0xE0, 0xF0};
  result.bytes[0] = static_cast<char>(lead[result.size] | code);
  return result;
}

Unescaped percent(std::string_view text, std::size_t pos) {
  const auto byte = hex_at(text, pos + 1, 2);
  return byte ? one_byte(*byte, 3) : Unescaped{};
}

Unescaped entity(std::string_view text, std::size_t pos) {
  const std::string_view start = text.substr(pos, longest_entity);
  const std::size_t semicolon = start.find(';');
  if (semicolon == std::string_view::npos || semicolon < 2) return {};
  const std::string_view name = start.substr(1, semicolon - 1);
  if (name[0] == '#') {
    const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    const auto code = hex ? number(name.substr(2), 16) : number(name.substr(1), 10);
    return code && *code <= 0x10FFFF ? as_utf8(*code, semicolon + 1) : Unescaped{};
  }
  constexpr std::array<std::pair<std::string_view, char>, 5> names{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : names) {
    if (name == known) return one_byte(static_cast<unsigned char>(character), semicolon + 1);
  }
  return {};
}

/// `pos` is at the first hex digit; `length` is what came before it.
Unescaped unicode(std::string_view text, std::size_t pos, std::size_t length) {
  const auto code = hex_at(text, pos, 4);
  if (!code) return {};
  if (*code < 0xD800 || *code > 0xDBFF) return as_utf8(*code, length + 4);
  const std::size_t slashes = backslashes_at(text, pos + 4);
  const auto low = hex_at(text, pos + 4 + slashes + 1, 4);
  if (!low || *low < 0xDC00 || *low > 0xDFFF) return {};
  return as_utf8(0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00), length + 4 + slashes + 1 + 4);
}

Unescaped backslash(std::string_view text, std::size_t pos) {
  const std::size_t slashes = backslashes_at(text, pos);
  const std::size_t at = pos + slashes;
  if (at >= text.size() || slashes > most_backslashes) return {};
  switch (text[at]) {
    case 'u':
      return unicode(text, at + 1, slashes + 1);
    case 'n':
      return one_byte('\n', slashes + 1);
    case 'r':
      return one_byte('\r', slashes + 1);
    case 't':
      return one_byte('\t', slashes + 1);
    case 'b':
      return one_byte('\b', slashes + 1);
    case 'f':
      return one_byte('\f', slashes + 1);
    default:
      return one_byte(static_cast<unsigned char>(text[at]), slashes + 1);
  }
}

}  // namespace

std::size_t backslashes_at(std::string_view text, std::size_t pos) {
  std::size_t count = 0;
  while (pos + count < text.size() && text[pos + count] == '\\' && count <= most_backslashes) ++count;
  return count;
}

Unescaped unescape(std::string_view text, std::size_t pos) {
  switch (text[pos]) {
    case '%':
      return percent(text, pos);
    case '&':
      return entity(text, pos);
    case '\\':
      return backslash(text, pos);
    default:
      return {};
  }
}

}  // namespace usersyncd
