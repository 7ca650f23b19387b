#include "reconcile/backoff.hpp"

#include <algorithm>

namespace usersyncd {
namespace {

constexpr Duration first_wait{60'000};
constexpr int most_doublings = 6;

Duration longest_wait(int failures) {
  return first_wait * (1 << std::clamp(failures - 1, 0, most_doublings));
}

}  // namespace

Backoff next_backoff(const Backoff* before, const std::string& username, const std::string& reason, Time now,
                     Random& random) {
  Backoff backoff;
  backoff.username = username;
  backoff.failures = before ? before->failures + 1 : 1;
  const auto share = 0.5 + random.uniform() / 2;
  const auto wait = static_cast<double>(longest_wait(backoff.failures).count()) * share;
  backoff.next_try = now + Duration{static_cast<Duration::rep>(wait)};
  backoff.reason = reason;
  return backoff;
}

bool is_waiting(const Backoff& backoff, Time now) {
  return backoff.next_try > now && backoff.next_try <= now + longest_wait(backoff.failures);
}

}  // namespace usersyncd
