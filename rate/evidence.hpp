#pragma once

namespace usersyncd::rate {

/// What a rule says of a request before its answer is known.
enum class Forecast { open, shut, unknown };

/// What there is to be foretold: whoever says "as lately" is right in so many cases.
class Habit {
 public:
  void answered(bool accepted);
  double refused() const { return refused_; }

 private:
  double refused_ = 0.02;  ///< share of the last few answers
};

/// By how much a rule foretells better than habit does, in bits: each is worth twice the odds.
class Evidence {
 public:
  void answered(Forecast forecast, bool accepted, const Habit& habit);
  double bits() const { return bits_; }
  void set_bits(double bits) { bits_ = bits; }

 private:
  double bits_ = 0;
};

}  // namespace usersyncd::rate
