#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "simulate/dice.hpp"
#include "simulate/trouble.hpp"

namespace usersyncd::simulate {

/// Decides what goes wrong and when, and counts it. Draws from dice of its own, so that the same seed makes
/// the same trouble.
class Chaos {
 public:
  /// `scenario` names one trouble; empty: any.
  Chaos(std::uint64_t seed, std::optional<Trouble> scenario);
  /// No trouble at all.
  static Chaos none();

  /// What meets this step, if anything. Of several that `fits` allows, one.
  std::optional<Trouble> draw(Step step, const std::function<bool(Trouble)>& fits);
  /// From now on nothing goes wrong.
  void stop() { left_ = 0; }

  Dice& dice() { return dice_; }
  const Matrix& matrix() const { return matrix_; }
  /// How much was drawn.
  int drawn() const { return drawn_; }

 private:
  explicit Chaos(Dice dice) : dice_(dice) {}

  Dice dice_;
  std::vector<Trouble> enabled_;
  std::size_t percent_ = 0;
  int left_ = 0;
  int drawn_ = 0;
  Matrix matrix_;
};

}  // namespace usersyncd::simulate
