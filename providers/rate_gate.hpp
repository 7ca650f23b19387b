#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "rate/learner.hpp"
#include "sync/ports.hpp"

namespace usersyncd {

/// Through which every request of one account and class of endpoints passes before it is sent. It learns the
/// provider's limit from the answers, so that a limit costs time and never a user. Waiting happens here,
/// outside any request, and ends at once when the program stops (A36).
class RateGate {
 public:
  /// The clock is owned by the caller and outlives the gate. `memory` is what save() gave an earlier process;
  /// garbage is like nothing.
  RateGate(Clock& clock, std::size_t most_in_flight, const std::string& memory = {});

  /// Who waits at the gate. Reads go before writes, because what is written depends on what is read; but of
  /// those that come later no more than may be in flight at once, or a write would never have its turn.
  enum class Kind { read, write };

  enum class Passage {
    open,      ///< send now, and say so with sent()
    too_long,  ///< it would take longer than the caller's patience; nothing was waited
    stopping,
  };
  /// Waits for the turn of one request, at most `patience` once nobody is before it. A write waits a few of
  /// the present gaps between requests in any case: whoever read for it has used one up, and would have to
  /// again.
  Awaitable<Passage> pass(Duration patience, Kind kind);

  /// A request leaves now. Each is to be followed by exactly one of refused(), accepted() and lost(), with
  /// the same `sent_at` (steady time).
  void sent(Duration sent_at);
  /// The provider said "too fast". With a hint nothing is sent before its end.
  void refused(Duration sent_at, std::optional<Duration> hint, std::string reason);
  /// The provider answered anything but "too fast".
  void accepted(Duration sent_at);
  /// No answer came.
  void lost(Duration sent_at);

  /// The provider asked for patience without refusing us for our speed (503 with a hint).
  void hold(Duration wait, std::string reason);

  /// For `status`: until when requests wait, and why. Empty while the gate is open.
  struct Waiting {
    Time until;
    std::string reason;
  };
  std::optional<Waiting> waiting() const;

  /// How long a request that came now would have to wait.
  Duration delay() const;

  /// What has been learned, and until when the provider wants to be left alone, for the next process; and
  /// what was learned in words for people.
  std::string save() const;
  std::string learned() const { return learner_.reason(); }

 private:
  /// What was learned may be wrong, and would never be refuted by who waits for ever: after so long a request
  /// leaves in any case. The time doubles as long as that is refused.
  static constexpr Duration first_longest{60'000};
  static constexpr Duration last_longest{3'600'000};

  rate::Settings settings() const;
  Duration learned_delay() const;
  bool is_behind(std::uint64_t ticket, Kind kind) const;
  Awaitable<Passage> wait_for_turn(std::uint64_t ticket, Duration patience, Kind kind);
  void answered(Duration sent_at, rate::Answer answer);
  void follow_wall_clock();

  Clock& clock_;
  std::size_t most_in_flight_;
  Duration wall_offset_;
  mutable rate::Learner learner_;  ///< asking it when it is ready updates what it expects, not what it knows
  Duration last_sent_{0};          ///< steady time
  Duration longest_wait_ = first_longest;  ///< between two requests, whatever has been learned
  std::uint64_t tickets_ = 0;
  std::set<std::uint64_t> reads_waiting_, writes_waiting_;  ///< by ticket
  Duration closed_until_{0};                                ///< steady time
  std::string reason_;
};

}  // namespace usersyncd
