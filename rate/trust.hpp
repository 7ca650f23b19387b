#pragma once

namespace usersyncd::rate {

/// How sure one may be that a limit is where it was: by how often it was met there. The surer, the smaller
/// are the steps by which one keeps away from it, and the rarer one asks whether it is still there.
class Trust {
 public:
  /// It was met where it was expected.
  void confirmed();
  /// It was not, and nobody knows where it is.
  void doubted();
  /// It is higher than it was.
  void raised();
  /// It was measured, from so many acceptances.
  void measured(double accepted);
  /// As measured(), and what made one doubt just now did not count.
  void cleared(double accepted);

  /// Share of the rate by which a refusal slows down.
  double step() const;
  /// Acceptances after which it is to be met again, at so many per second.
  double run(double rate) const;

  /// Nothing is sure, but how steady it has proved.
  void restart() { sure_ = 0; }

 private:
  double sure_ = 0;
  double most_ = 7;  ///< never surer than the limit has proved steady so far
  double most_before_doubt_ = 7;
};

}  // namespace usersyncd::rate
