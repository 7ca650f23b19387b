#pragma once

#include <string>

#include "store/rows.hpp"
#include "sync/ports.hpp"

namespace usersyncd {

/// What a user whose write failed waits for next: a minute, doubled with each failure up to about an hour,
/// and less by a random part, at most half. `before` is what it waited for so far, if anything.
Backoff next_backoff(const Backoff* before, const std::string& username, const std::string& reason, Time now,
                     Random& random);

/// Whether the user waits still. Never longer than it could have been made to wait, however the clock was set
/// since.
bool is_waiting(const Backoff& backoff, Time now);

}  // namespace usersyncd
