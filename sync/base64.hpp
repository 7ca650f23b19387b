#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace usersyncd {

/// With padding, on one line.
std::string to_base64(std::string_view bytes);
/// Empty: the text is not what `to_base64` would have made of any bytes.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace usersyncd
