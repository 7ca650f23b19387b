#include "rate/evidence.hpp"

#include <algorithm>
#include <cmath>

namespace usersyncd::rate {
namespace {

constexpr double pace = 0.25;         ///< of a habit
constexpr double least_share = 0.02;  ///< nothing is ever certain to go on
constexpr double mistaken = 0.005;    ///< forecasts of a right rule, by jitter
constexpr double least_bits = -8, most_bits = 40;

}  // namespace

void Habit::answered(bool accepted) {
  refused_ += pace * ((accepted ? 0 : 1) - refused_);
  refused_ = std::clamp(refused_, least_share, 1 - least_share);
}

void Evidence::answered(Forecast forecast, bool accepted, const Habit& habit) {
  if (forecast == Forecast::unknown) return;
  const double by_habit = accepted ? 1 - habit.refused() : habit.refused();
  const bool right = accepted == (forecast == Forecast::open);
  const double by_rule = right ? 1 - mistaken : mistaken;
  bits_ = std::clamp(bits_ + std::log2(by_rule / by_habit), least_bits, most_bits);
}

}  // namespace usersyncd::rate
