#pragma once

#include <string>
#include <vector>

#include "sync/judged.hpp"

namespace usersyncd {

/// The plan for a person at a terminal: what would be done to whom, from what to what, what is held and by
/// which rule, and a last line that sums it up. Reports of unmanaged users beyond the first twenty are only
/// counted.
std::string plan_text(const std::vector<const JudgedPlan*>& plans);

/// The same as a Markdown table, for a pull request.
std::string plan_markdown(const std::vector<const JudgedPlan*>& plans);

/// `3 to create, 1 to update, …; 2 held, 295 in sync`.
std::string summary_line(const PlanSummary& summary);

/// Replaces control characters and what cannot be seen or turns the direction of a line, so that a name from
/// outside can neither write to the terminal nor look like another one.
std::string terminal_safe(std::string_view text);

}  // namespace usersyncd
