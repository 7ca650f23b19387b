#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/tidy/source.hpp"

namespace usersyncd::tidy {

// What a formatter cannot enforce. Each rule gives its findings in the order of the lines; false alarms are
// preferred to misses.

Problems check_sizes(const Source& source);       ///< lines, functions, files
Problems check_coroutines(const Source& source);  ///< what GCC 12 miscompiles, and detached coroutines
Problems check_leftovers(const Source& source);   ///< marks of unfinished work
Problems check_purity(const Source& source);      ///< a clock of its own in sync/ or policies/
Problems check_includes(const Source& source, const std::vector<std::string>& folders);
Problems check_all(const Source& source, const std::vector<std::string>& folders);

/// The folders of the program in the order of what each may know, from the text of the top CMakeLists.txt.
std::vector<std::string> folders_in_order(std::string_view cmake);

inline constexpr int accident_count = 70;

/// The accidents that the names of the test cases in a file begin with: "A1 A3: …" is 1 and 3.
std::set<int> accidents_named(const Source& source);

/// Every accident is covered by a test or pending for a reason, and none is both.
Problems check_accidents(const std::set<int>& covered, const std::string& path, std::string_view pending);

}  // namespace usersyncd::tidy
