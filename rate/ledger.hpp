#pragma once

#include "rate/model.hpp"

namespace usersyncd::rate {

/// The refusals of AIMD and of rules so far. A rule stays in force only as long as they are little more than
/// AIMD alone would have had: that bounds what a wrong rule costs.
class Ledger {
 public:
  void answered(bool by_rule, bool refused);
  /// AIMD would have been refused so much more often.
  void spared(double refusals) { spared_ += refusals; }

  /// How many more refusals rules may cost.
  double refusals_left() const;
  double aimd_accepted() const { return by_aimd_.accepted; }

  void save(Model& model) const;
  /// For a start with a rule: the refusals of AIMD's ramp, which it saves, are its to spend.
  void restore(const Model& model);

 private:
  struct Account {
    double accepted = 0, refused = 0;
  };
  Account by_aimd_, by_rule_;
  double spared_ = 0;
};

}  // namespace usersyncd::rate
