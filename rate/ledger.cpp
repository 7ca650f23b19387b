#include "rate/ledger.hpp"

#include <algorithm>

namespace usersyncd::rate {
namespace {

constexpr double most_refusals = 1.15;  ///< of those that AIMD alone would have had
constexpr double ramp_refusals = 10;    ///< until AIMD has found the limit; no measure of the rest
constexpr double ramp_saved = 8;        ///< of them, by who starts with a rule
constexpr double sure_of_it = 0.5;      ///< of the refusals that AIMD would have had in place of a rule
constexpr double most_restored = 100;   ///< accepted: what was long ago weighs no more

}  // namespace

void Ledger::answered(bool by_rule, bool refused) {
  auto& account = by_rule ? by_rule_ : by_aimd_;
  (refused ? account.refused : account.accepted) += 1;
}

double Ledger::refusals_left() const {
  const double share = std::max(0.0, by_aimd_.refused - ramp_refusals) / std::max(1.0, by_aimd_.accepted);
  const double aimd_alone = by_aimd_.refused + spared_ + sure_of_it * share * by_rule_.accepted;
  return most_refusals * aimd_alone - by_aimd_.refused - by_rule_.refused;
}

void Ledger::save(Model& model) const {
  model.aimd_accepted = by_aimd_.accepted;
  model.aimd_refused = by_aimd_.refused;
}

void Ledger::restore(const Model& model) {
  const double share = std::min(1.0, most_restored / std::max(1.0, model.aimd_accepted));
  by_aimd_ = {share * model.aimd_accepted, share * model.aimd_refused};
  by_rule_.refused = -ramp_saved;
}

}  // namespace usersyncd::rate
