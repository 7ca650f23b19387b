#include "providers/rate_gate.hpp"

#include <algorithm>

namespace usersyncd {

Duration RateGate::delay() const {
  const Duration now = clock_.steady();
  return std::max(closed_until_ - now, pacer_.delay(now));
}

Awaitable<RateGate::Passage> RateGate::pass(Duration patience) {
  const Duration start = clock_.steady();
  while (true) {
    if (clock_.stopping()) co_return Passage::stopping;
    const Duration wait = delay();
    if (wait <= Duration{0}) {
      pacer_.sent(clock_.steady());
      co_return Passage::open;
    }
    // Asked anew after each wait: others may have been refused meanwhile.
    if (clock_.steady() - start + wait > patience) co_return Passage::too_long;
    const bool slept = co_await clock_.sleep_for(wait);
    if (!slept) co_return Passage::stopping;
  }
}

void RateGate::refused(Duration sent_at, std::optional<Duration> hint, std::string reason) {
  const Duration now = clock_.steady();
  pacer_.refused(sent_at, now);
  // Requests that were under way when the gate closed are refused with the one that closed it, and count as
  // one.
  if (sent_at >= closed_at_ || refusals_ == 0) ++refusals_;
  const Duration wait = hint.value_or(backoff(refusals_, random_.uniform()));
  closed_at_ = now;
  closed_until_ = std::max(closed_until_, now + wait);
  reason_ = std::move(reason);
}

void RateGate::hold(Duration wait, std::string reason) {
  const Duration until = clock_.steady() + wait;
  if (until <= closed_until_) return;
  closed_until_ = until;
  reason_ = std::move(reason);
}

void RateGate::accepted() {
  pacer_.accepted(clock_.steady());
  if (refusals_ > 0) --refusals_;
}

std::optional<RateGate::Waiting> RateGate::waiting() const {
  const Duration left = closed_until_ - clock_.steady();
  if (left <= Duration{0}) return std::nullopt;
  return Waiting{clock_.now() + left, reason_};
}

}  // namespace usersyncd
