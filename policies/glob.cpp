#include "policies/glob.hpp"

#include <algorithm>

#include "sync/user.hpp"

namespace usersyncd {
namespace {

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

std::size_t next_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && continues_character(text[at])) ++at;
  return at;
}

}  // namespace

// Only the last `*` is ever widened: the pieces before it are already where they fit first, so the cost is
// bounded by the product of the lengths, whatever the pattern.
bool glob_match(std::string_view pattern, std::string_view text) {
  std::size_t wanted = 0;
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (at < text.size()) {
    if (wanted < pattern.size() && pattern[wanted] == '*') {
      star = wanted++;
      resume = at;
    } else if (wanted < pattern.size() && pattern[wanted] == '?') {
      ++wanted;
      at = next_character(text, at);
    } else if (wanted < pattern.size() && pattern[wanted] == text[at]) {
      ++wanted;
      ++at;
    } else if (star != std::string_view::npos) {
      wanted = star + 1;
      resume = next_character(text, resume);
      at = resume;
    } else {
      return false;
    }
  }
  while (wanted < pattern.size() && pattern[wanted] == '*') ++wanted;
  return wanted == pattern.size();
}

bool glob_match_folded(std::string_view pattern, std::string_view text) {
  return glob_match(key_of(pattern), key_of(text));
}

bool glob_match_any(const std::vector<std::string>& patterns, std::string_view username) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return glob_match_folded(pattern, username); });
}

}  // namespace usersyncd
