#pragma once

#include <array>
#include <string>
#include <string_view>

namespace usersyncd {

/// A SHA-256.
using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view bytes);
std::string hex_of(const Digest& digest);  ///< lower case

}  // namespace usersyncd
