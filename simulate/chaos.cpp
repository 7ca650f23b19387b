#include "simulate/chaos.hpp"

namespace usersyncd::simulate {
namespace {

// Most of what a cycle does is quiet reading; trouble is for the steps of a write, and most for the rarest.
std::size_t weighed(std::size_t percent, Step step) {
  if (step == Step::elsewhere) return 1 + percent / 4;
  if (step == Step::recovery) return 2 * percent;
  return step == Step::read_back ? percent + percent / 2 : percent;
}

}  // namespace

Chaos::Chaos(std::uint64_t seed, std::optional<Trouble> scenario) : dice_(seed, "chaos") {
  const auto all = all_troubles();
  if (scenario) {
    enabled_ = {*scenario};
  } else if (dice_.chance(15)) {
    enabled_ = all;
  } else {
    for (auto kinds = 1 + dice_.below(4); kinds > 0; --kinds) enabled_.push_back(dice_.pick(all));
  }
  const std::vector<std::size_t> rates{3, 8, 20, 40};
  percent_ = dice_.pick(rates);
  left_ = static_cast<int>(1 + dice_.below(10));
}

Chaos Chaos::none() {
  return Chaos{Dice{0, "none"}};
}

std::optional<Trouble> Chaos::draw(Step step, const std::function<bool(Trouble)>& fits) {
  if (left_ <= 0 || !dice_.chance(weighed(percent_, step))) return std::nullopt;
  std::vector<Trouble> possible;
  for (const auto trouble : enabled_) {
    if (can_meet(trouble, step) && fits(trouble)) possible.push_back(trouble);
  }
  if (possible.empty()) return std::nullopt;
  const auto trouble = dice_.pick(possible);
  --left_;
  ++drawn_;
  matrix_.count(trouble, step);
  return trouble;
}

}  // namespace usersyncd::simulate
