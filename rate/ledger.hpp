#pragma once

#include "rate/history.hpp"
#include "rate/model.hpp"

namespace usersyncd::rate {

/// What came of AIMD and of rules so far. A rule stays in force only as long as all of it is little worse
/// than AIMD alone would have been: that bounds what a wrong rule costs.
class Ledger {
 public:
  void answered(bool by_rule, bool refused);
  void passed(bool by_rule, Seconds time);

  /// How many more refusals rules may cost.
  double refusals_left() const;
  /// How much longer we may go without an acceptance by rules.
  Seconds time_left() const;
  /// Accepted per second, by AIMD.
  double aimd_rate() const;
  double aimd_accepted() const { return by_aimd_.accepted; }

  void save(Model& model) const;
  /// For a start with a rule: the refusals of AIMD's ramp, which it saves, are its to spend.
  void restore(const Model& model);

 private:
  struct Account {
    double accepted = 0, refused = 0;
    Seconds elapsed = 0;
  };
  Account by_aimd_, by_rule_;
};

}  // namespace usersyncd::rate
