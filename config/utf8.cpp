#include "config/utf8.hpp"

namespace usersyncd {
namespace {

std::uint32_t byte_at(std::string_view text, std::size_t offset) {
  return static_cast<unsigned char>(text[offset]);
}

/// Bytes in the sequence that `lead` starts; 0 if it starts none.
std::size_t length_from_lead(std::uint32_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

}  // namespace

std::optional<CodePoint> code_point_at(std::string_view text, std::size_t offset) {
  const std::uint32_t lead = byte_at(text, offset);
  const std::size_t length = length_from_lead(lead);
  if (length == 0 || text.size() - offset < length) return std::nullopt;
  if (length == 1) return CodePoint{static_cast<char32_t>(lead), 1};

  std::uint32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint32_t next = byte_at(text, offset + i);
    if ((next & 0xC0U) != 0x80U) return std::nullopt;
    value = (value << 6U) | (next & 0x3FU);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return std::nullopt;
  return CodePoint{static_cast<char32_t>(value), length};
}

}  // namespace usersyncd
