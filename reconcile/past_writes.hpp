#pragma once

#include <string>
#include <vector>

#include "store/store.hpp"
#include "sync/undo.hpp"

namespace usersyncd {

/// The writes of `run` in `account`, oldest first, as far as there is anything to undo: what was not done is
/// left out; of what nobody knows yet the outcome says so.
std::vector<PastWrite> past_writes(Store& store, const std::string& run, const std::string& account);

}  // namespace usersyncd
