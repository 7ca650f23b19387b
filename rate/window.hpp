#pragma once

#include <string>
#include <vector>

#include "rate/evidence.hpp"
#include "rate/history.hpp"
#include "rate/model.hpp"

namespace usersyncd::rate {

/// What a hypothesis judges by.
struct Scene {
  const History& accepted;
  const History& tried;                ///< accepted and refused
  const std::vector<Seconds>& flight;  ///< when those under way will arrive, in order
  Seconds jitter = 0;                  ///< by which the way of one request differs from another's at most
  Seconds way = 0;                     ///< to the provider, taken for half of the round trip
  Seconds wall = 0;                    ///< unix time less monotonic time

  /// Accepted, and under way, after `from` up to `to`.
  double count(Seconds from, Seconds to) const;
};

/// A place at which a hypothesis may open, with what it is worth.
struct Opening {
  Seconds at = 0;
  double weight = 0;
};

enum class Kind : unsigned char {
  sliding,         ///< at most `limit` in any window
  clock,           ///< windows on the clock
  first,           ///< windows that begin with a request
  counter,         ///< this window's count, and the last one's weighted
  strict_sliding,  ///< as sliding; refused requests count
  clock_late  ///< as clock, but the round trip is nearly all way back: the provider thinks before it answers
};

/// One guess at a limit by windows: every limit in [lo, hi] and every length in [shortest, longest] explains
/// all answers so far. Of a usual length the limit is sought; of an unknown one the length, with the limit
/// that was seen.
class Window {
 public:
  /// Of a usual length.
  Window(Kind kind, Seconds length, double weight);
  /// Of an unknown length.
  Window(Kind kind, Seconds shortest, Seconds longest, double limit, double weight);

  /// Tells where it may open for a request that would arrive at `at` or later.
  void openings(const Scene& scene, Seconds at, std::vector<Opening>& to) const;
  /// A request that arrived at `at` was answered; it is in the scene if it was accepted.
  void answered(const Scene& scene, Seconds at, bool accepted);
  /// The provider opened between these two. For those on the clock of unknown length.
  void opened(const Scene& scene, Seconds after, Seconds by);

  bool alive() const { return lo_ <= hi_ && strikes_ < 4; }
  bool known() const { return hi_ < never; }
  bool free() const { return shortest_ < longest_ || free_; }
  /// Of a request that arrives at `at`.
  Forecast forecast(const Scene& scene, Seconds at) const;
  void judge(Forecast forecast, bool accepted, const Habit& habit) {
    evidence_.answered(forecast, accepted, habit);
  }
  double weight() const;
  double bits() const { return evidence_.bits(); }
  Kind kind() const { return kind_; }
  Seconds length() const { return free_ && longest_ == never ? shortest_ : longest_; }
  Seconds longest() const { return longest_; }
  double limit() const { return hi_ == never ? hi_ : std::max(lo_, hi_ - penalty_); }
  std::string name() const;

  Model::Rule save(Seconds wall) const;
  static Window restored(const Model::Rule& rule, Seconds wall);

 private:
  Seconds open_at(const Scene& scene, Seconds at, double limit, Seconds length) const;
  Seconds sliding_open(const Scene& scene, Seconds at, double limit, Seconds length) const;
  Seconds clock_begin(const Scene& scene, Seconds at) const;
  Seconds counter_open(const Scene& scene, Seconds at, double limit) const;
  Seconds free_clock_open(const Scene& scene, Seconds at, double limit, double share) const;
  bool promises(const Scene& scene, Seconds at) const;
  Seconds guard(const Scene& scene) const;

  void learn_limit(const Scene& scene, Seconds at, bool accepted);
  void learn_sliding(const Scene& scene, Seconds at, bool accepted);
  void learn_clock(const Scene& scene, Seconds at, bool accepted);
  void learn_first(const Scene& scene, Seconds at, bool accepted);
  void learn_counter(const Scene& scene, Seconds at, bool accepted);
  void learn_length(const Scene& scene, Seconds at, bool accepted);
  void learn_length_sliding(const Scene& scene, Seconds at, bool accepted);
  void learn_length_first(const Scene& scene, Seconds at, bool accepted);
  void learn_length_clock(const Scene& scene, Seconds at, bool accepted);
  void disproved();
  void shorter_than(Seconds length);
  void longer_than(Seconds length);
  void wrong_limit(double limit);

  Kind kind_;
  bool free_ = false;
  Seconds shortest_, longest_;
  double lo_ = 1, hi_ = never;
  double penalty_ = 0;  ///< taken off the limit, for refusals that it does not explain
  double strikes_ = 0;  ///< such refusals, lately
  double weight_ = 1;
  Seconds slack_ = 0;  ///< later than it would have to be, for refusals at its edge
  Evidence evidence_;
  Seconds start_ = -never;     ///< first: of the present window; clock of unknown length: opened after
  Seconds start_by_ = -never;  ///< and by
};

}  // namespace usersyncd::rate
