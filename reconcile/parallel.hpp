#pragma once

#include <cstddef>
#include <functional>

#include "sync/ports.hpp"

namespace usersyncd {

/// Runs `body(0)` … `body(count - 1)`, at most `limit` of them under way at once, in order of their index.
/// Returns when all have ended. If one throws, no further one is started, and the first exception is rethrown
/// at the end.
Awaitable<void> for_each_limited(std::size_t count, std::size_t limit,
                                 std::function<Awaitable<void>(std::size_t)> body);

}  // namespace usersyncd
