#pragma once

#include <optional>
#include <string_view>

#include "config/yaml.hpp"

namespace usersyncd {

/// Reads the plain YAML in which nearly all files are written, at many times the speed of the library: maps
/// and lists in block style, flow lists and flow maps within a line, words, and quotes without escapes.
/// Empty: the text has something else in it, or something wrong, and it is for the library to say what.
/// Otherwise the result is exactly what the library would make of it, and strict YAML has nothing to refuse
/// in it.
///
/// `text` is what check_characters accepts, without a byte order mark.
std::optional<YamlNode> parse_plain_yaml(std::string_view text);

}  // namespace usersyncd
