#include "providers/backoff.hpp"

#include <algorithm>

namespace usersyncd {

Duration backoff(int attempt, double uniform, const BackoffLimits& limits) {
  Duration ceiling = limits.first;
  for (int doubled = 1; doubled < attempt && ceiling < limits.longest; ++doubled) ceiling *= 2;
  ceiling = std::min(ceiling, limits.longest);
  const Duration certain = ceiling / 2;
  const auto jitter = static_cast<double>((ceiling - certain).count()) * std::clamp(uniform, 0.0, 1.0);
  return certain + Duration{static_cast<Duration::rep>(jitter)};
}

}  // namespace usersyncd
