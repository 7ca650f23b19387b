#pragma once

#include <set>
#include <string>
#include <string_view>

#include "config/problems.hpp"

namespace usersyncd {

/// What became of looking at each character of a file.
struct CharacterCheck {
  bool readable = true;  ///< false: it cannot be told what the text would be without its faults
  std::set<int> lines;   ///< with faults; of a text that is not readable only the first ones
  std::string mended;    ///< with a blank in place of each fault; empty: there are none
};

/// Reports, with line and column, what no YAML file may contain: bytes that are not UTF-8, control
/// characters, tabs, and a byte order mark anywhere but at the start. `text` must have been given to
/// `problems` as the source of `file`.
CharacterCheck check_characters(const std::string& file, std::string_view text, Problems& problems);

}  // namespace usersyncd
