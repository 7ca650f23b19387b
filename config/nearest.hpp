#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usersyncd {

/// The words of `known`, nearest to `word` first. The distance counts inserted, dropped, changed and swapped
/// letters, without regard to case.
std::vector<std::string> by_nearness(std::string_view word, std::vector<std::string> known);

/// What to say after "unknown …": `did you mean \`pollInterval\`?` for a slip of the pen, else the known
/// words, the nearest first. Empty when nothing is known.
std::string suggestion(std::string_view word, std::vector<std::string> known);

}  // namespace usersyncd
