#include "config/characters.hpp"

#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "config/utf8.hpp"

namespace usersyncd {
namespace {

std::string hexadecimal(char32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "U+%04X", static_cast<unsigned>(value));
  return text;
}

std::string invalid_utf8(std::string_view text, std::size_t offset) {
  const std::string_view start = text.substr(0, 2);
  if (start == "\xFF\xFE" || start == "\xFE\xFF") return "this looks like UTF-16; save the file as UTF-8";
  return "not valid UTF-8 (byte " + std::to_string(offset + 1) + " of the file)";
}

/// What is wrong with a character that is well-formed; nothing if it may stand in a file.
std::optional<std::string> fault_of(char32_t value, std::string_view rest) {
  if (value == '\t') return "a tab; indent with blanks, and write \\t in double quotes where a tab is meant";
  if (value == '\r' && !rest.starts_with("\r\n")) return "a carriage return without a line feed";
  if (value == 0x85 || value == 0x2028 || value == 0x2029)
    return hexadecimal(value) +
           ", which ends a line for some readers of YAML; write it as an escape in double quotes";
  const bool allowed = value == '\n' || value == '\r';
  const bool control = value < 0x20 || (value >= 0x7F && value < 0xA0);
  if (control && !allowed) return "the control character " + hexadecimal(value);
  if (value == 0xFEFF) return "a byte order mark in the middle of the file";
  return std::nullopt;
}

constexpr std::size_t most_mended = 1000;

struct Span {
  std::size_t offset, length;
};

std::string with_blanks(std::string_view text, const std::vector<Span>& faults) {
  std::string mended;
  mended.reserve(text.size());
  std::size_t done = 0;
  for (const Span& fault : faults) {
    mended.append(text.substr(done, fault.offset - done)) += ' ';
    done = fault.offset + fault.length;
  }
  return mended.append(text.substr(done));
}

}  // namespace

CharacterCheck check_characters(const std::string& file, std::string_view text, Problems& problems) {
  CharacterCheck check;
  std::vector<Span> faults;
  Place place{file, 1, 1};
  int told = 0;           // the line of the last fault
  bool indenting = true;  // nothing but indentation stands in this line so far
  for (std::size_t offset = 0; offset < text.size();) {
    if (text[offset] >= ' ' && text[offset] <= '~') {
      indenting = indenting && (text[offset] == ' ' || text[offset] == '-');
      ++offset;
      ++place.column;
      continue;
    }
    const auto point = code_point_at(text, offset);
    if (!point) {
      problems.add(place, invalid_utf8(text, offset));
      check.readable = false;
      return check;
    }
    const bool leading_mark = offset == 0 && point->value == 0xFEFF;
    const bool matters = !leading_mark && (check.readable || place.line != told);
    const auto fault = matters ? fault_of(point->value, text.substr(offset)) : std::nullopt;
    // One problem per line: a line indented with three tabs is one mistake.
    if (fault && place.line != std::exchange(told, place.line)) problems.add(place, *fault);
    if (fault && check.readable) {
      check.lines.insert(place.line);
      faults.push_back({offset, point->length});
      // How deep something is indented says what it belongs to, and nobody knows how wide a tab was meant to
      // be.
      const bool vague = point->value == '\t' && indenting;
      check.readable = !vague && faults.size() <= most_mended;
    }
    if (point->value == '\n') {
      ++place.line;
      place.column = 1;
      indenting = true;
    } else if (!leading_mark) {
      ++place.column;
      indenting = indenting && point->value == '\t';
    }
    offset += point->length;
  }
  if (check.readable && !faults.empty()) check.mended = with_blanks(text, faults);
  return check;
}

}  // namespace usersyncd
