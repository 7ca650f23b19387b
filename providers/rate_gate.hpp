#pragma once

#include <optional>
#include <string>

#include "providers/backoff.hpp"
#include "providers/pacer.hpp"
#include "sync/ports.hpp"

namespace usersyncd {

/// Through which every request of one account passes before it is sent. A refusal closes it for all of them
/// until one common instant, so that a limit costs time and never a user. Waiting happens here, outside any
/// request, and ends at once when the program stops (A36).
class RateGate {
 public:
  /// Both are owned by the caller and outlive the gate.
  RateGate(Clock& clock, Random& random) : clock_(clock), random_(random) {}

  enum class Passage {
    open,      ///< send now
    too_long,  ///< it would take longer than the caller's patience; nothing was waited
    stopping,
  };
  /// Waits for the turn of one request, at most `patience`.
  Awaitable<Passage> pass(Duration patience);

  /// The provider said "too fast" to a request that left at `sent_at` (steady time). Without a hint the wait
  /// doubles with each refusal after a wait, and shrinks again with success.
  void refused(Duration sent_at, std::optional<Duration> hint, std::string reason);

  /// The provider asked for patience without refusing us for our speed (503 with a hint).
  void hold(Duration wait, std::string reason);

  /// The provider answered anything but "too fast".
  void accepted();

  /// For `status`: until when requests wait, and why. Empty while the gate is open.
  struct Waiting {
    Time until;
    std::string reason;
  };
  std::optional<Waiting> waiting() const;

  /// How long a request that came now would have to wait.
  Duration delay() const;

 private:
  Clock& clock_;
  Random& random_;
  Pacer pacer_;
  Duration closed_until_{0};  ///< steady time
  Duration closed_at_{0};
  int refusals_ = 0;  ///< in a row, less successes
  std::string reason_;
};

}  // namespace usersyncd
