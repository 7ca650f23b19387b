#include "rate/trust.hpp"

#include <algorithm>
#include <cmath>

#include "rate/aimd.hpp"

namespace usersyncd::rate {
namespace {

constexpr double most_sure = 7, least_most = 1;
constexpr double recovery = 0.34;  ///< of what may be trusted, with each that is confirmed
constexpr double first_step = 0.2, least_step = 0.04;
constexpr double first_run = 3;
constexpr double least_run = 45, longest_run = 200;  ///< of the surest
constexpr double seconds_per_run = 20;               ///< in which a raise is to be noticed
constexpr double rarer_than_aimd = 0.5;              ///< for each time that it was confirmed
constexpr double measured_from = 8;

}  // namespace

void Trust::confirmed() {
  if (sure_ + 1 > most_) most_ = std::min(most_sure, most_ + recovery);
  sure_ = std::min(most_, sure_ + 1);
  most_before_doubt_ = most_;
}

void Trust::doubted() {
  most_before_doubt_ = most_;
  most_ = std::max(least_most, std::min(most_, sure_ + 1));
  sure_ = 0;
}

void Trust::raised() {
  if (sure_ >= 1) doubted();
}

void Trust::measured(double accepted) {
  sure_ = std::min(most_, std::max(0.0, std::log2(accepted / measured_from)));
  most_before_doubt_ = most_;
}

void Trust::cleared(double accepted) {
  most_ = most_before_doubt_;
  sure_ = std::min(most_, std::max(sure_, std::log2(std::max(1.0, accepted))));
}

double Trust::step() const {
  return std::max(least_step, first_step * std::exp2(-sure_));
}

double Trust::run(double rate) const {
  const double surest = std::clamp(seconds_per_run * rate, least_run, longest_run);
  return std::max(Aimd::run(rate) * (1 + sure_ * rarer_than_aimd),
                  std::min(surest, first_run * std::exp2(sure_)));
}

}  // namespace usersyncd::rate
