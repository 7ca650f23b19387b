#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace usersyncd::tidy {

/// One file of the repository, and what of it is code.
struct Source {
  std::string path;  ///< relative to the repository
  std::string text;
  std::string code;  ///< the text with comments, literals and directives blanked, same length, same lines

  std::size_t line_of(std::size_t offset) const;  ///< one-based
  std::string folder() const;                     ///< `sync`, or `tests/sync`
};

Source make_source(std::string path, std::string text);

/// Comments, the insides of string and character literals, and preprocessor lines become blanks; line breaks
/// stay.
std::string blank_all_but_code(std::string_view text);

/// One finding, as `path:line: error: message`.
struct Problem {
  std::string path;
  std::size_t line = 0;
  std::string message;

  std::string text() const { return path + ":" + std::to_string(line) + ": error: " + message; }
  friend bool operator==(const Problem&, const Problem&) = default;
};
using Problems = std::vector<Problem>;

std::vector<std::string_view> lines_of(std::string_view text);

bool is_word_char(char c);
/// Offsets of `word` where it stands by itself.
std::vector<std::size_t> find_words(std::string_view code, std::string_view word);
/// The offset of the bracket that closes the one at `open`; the end where there is none.
std::size_t closing(std::string_view code, std::size_t open);
/// The offset of the last character before `offset` that is no blank; npos where there is none.
std::size_t last_before(std::string_view code, std::size_t offset);
std::string_view trimmed(std::string_view text);

}  // namespace usersyncd::tidy
