#pragma once

#include <string>
#include <vector>

#include "rate/window.hpp"

namespace usersyncd::rate {

/// A token bucket, or a leaky one, which accepts by the same rule: every rate in [lowest, highest] explains
/// the answers. Between two refusals the bucket is empty twice, so what was accepted between them is the
/// rate.
class Bucket {
 public:
  /// After the first refusal, with what was accepted before it.
  void start(Seconds at, double burst);
  void openings(const Scene& scene, Seconds at, std::vector<Opening>& to) const;
  void answered(const Scene& scene, Seconds at, bool accepted, double recent_rate);
  /// Nothing was sent for so long that it may be full.
  void rested(const Scene& scene, Seconds at);

  bool started() const { return base_ != -never; }
  bool known() const { return lowest_ > 0 && highest_ < never; }
  double lowest() const { return lowest_; }
  double highest() const { return highest_; }
  /// Of a request that arrives at `at`.
  Forecast forecast(const Scene& scene, Seconds at) const;
  void judge(Forecast forecast, bool accepted, const Habit& habit) {
    evidence_.answered(forecast, accepted, habit);
  }
  double weight() const;
  double bits() const { return evidence_.bits(); }
  double conflicts() const { return conflicts_; }
  std::string name() const;

  void save(Model& model) const;
  /// As if it had been full at `now`.
  void restore(const Model& model, Seconds now);

 private:
  void conflict(Seconds at, double rate);

  double lowest_ = 0, highest_ = never;
  double burst_ = 1;
  Seconds base_ = -never;  ///< when it had `tokens_`
  double tokens_ = 0;
  std::vector<Seconds> anchors_;  ///< refusals: empty then
  double conflicts_ = 0;          ///< lately
  Evidence evidence_;
};

}  // namespace usersyncd::rate
