#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace usersyncd {

/// One character of a UTF-8 text.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;  ///< bytes that it takes
};

/// The character that starts at byte `offset`; empty if the bytes there are not well-formed UTF-8 (overlong
/// forms, surrogates and values above U+10FFFF are not).
std::optional<CodePoint> code_point_at(std::string_view text, std::size_t offset);

}  // namespace usersyncd
