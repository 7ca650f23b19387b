#pragma once

namespace usersyncd::rate {

/// The refusals that rules have cost so far. A rule stays in force only as long as they are few: that bounds
/// what a wrong one costs.
class Ledger {
 public:
  Ledger() { start(false); }
  /// Anew, with a rule or without.
  void start(bool by_rule);
  void answered(bool by_rule, bool refused);

  /// How many more refusals rules may cost.
  double refusals_left() const { return refusals_left_; }
  /// Accepted without a rule.
  double paced() const { return paced_; }

 private:
  double refusals_left_ = 0, paced_ = 0;
};

}  // namespace usersyncd::rate
