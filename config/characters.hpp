#pragma once

#include <string>
#include <string_view>

#include "config/problems.hpp"

namespace usersyncd {

/// Reports, with line and column, what no YAML file may contain: bytes that are not UTF-8, control
/// characters, tabs, and a byte order mark anywhere but at the start. False if there was anything. `text`
/// must have been given to `problems` as the source of `file`.
bool check_characters(const std::string& file, std::string_view text, Problems& problems);

}  // namespace usersyncd
