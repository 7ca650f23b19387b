#pragma once

#include "sync/time.hpp"

namespace usersyncd {

/// Bounds of an exponential backoff.
struct BackoffLimits {
  Duration first{1000};
  Duration longest{60'000};
};

/// How long to wait before try number `attempt + 1`, where `uniform` is in [0, 1). Doubles with each attempt;
/// half of it is certain and the other half is jitter, so that it is never next to nothing (A34). Attempts
/// count from 1.
Duration backoff(int attempt, double uniform, const BackoffLimits& limits = {});

}  // namespace usersyncd
