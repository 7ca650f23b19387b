#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace usersyncd {

/// One character as some format wrote it, as UTF-8 (or one byte of it, from `%C3`).
struct Unescaped {
  std::array<char, 4> bytes{};
  std::size_t size = 0;    ///< of `bytes` that count
  std::size_t length = 0;  ///< of the text that stood for it; 0: there is no escape here

  std::string_view text() const { return {bytes.data(), size}; }
};

/// The escape that begins at `pos`: `%2F`, `&amp;`, `&#47;`, `&#x2f;`, `\/`, `\n`, `\u002f`. Any number of
/// backslashes counts as one, because each level of JSON within JSON strings doubles them.
Unescaped unescape(std::string_view text, std::size_t pos);

/// How many backslashes stand at `pos`.
std::size_t backslashes_at(std::string_view text, std::size_t pos);

}  // namespace usersyncd
