#pragma once

#include <string>
#include <vector>

#include "sync/capabilities.hpp"
#include "sync/desired.hpp"
#include "sync/observed.hpp"
#include "sync/plan.hpp"

namespace usersyncd {

/// What decides whose items are read. The references outlive the choice.
struct ReadChoice {
  const Desired& desired;
  const Snapshot& known;
  const Catalog& catalog;
  const Ways& ways;
  const Capabilities& can;
  Time now;
};

/// Users whose items must be read in this cycle because the list is too thin to judge them, by key: it lacks
/// a field that their entry manages, whether somebody whom the rules take out is enabled, or the id that a
/// write would need. Those that are new to us, edited, or known to differ come in full; the others take
/// turns, at most `budget` a cycle, the one read longest ago first, so that a quiet cycle costs the same
/// whatever the number of users (A65, A69).
std::vector<std::string> choose_item_reads(const ReadChoice& choice, const std::vector<User>& listed,
                                           std::size_t budget);

}  // namespace usersyncd
