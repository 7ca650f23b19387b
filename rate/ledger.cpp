#include "rate/ledger.hpp"

namespace usersyncd::rate {
namespace {

constexpr double allowance = 6;     ///< refusals of rules that are borne in any case,
constexpr double bearable = 0.025;  ///< and as a share of what they let through
constexpr double ramp_saved = 8;    ///< by who starts with a rule: the ramp's refusals are its to spend

}  // namespace

void Ledger::answered(bool by_rule, bool refused) {
  if (by_rule) {
    refusals_left_ += refused ? -1 : bearable;
  } else if (!refused) {
    paced_ += 1;
  }
}

void Ledger::start(bool by_rule) {
  refusals_left_ = allowance + (by_rule ? ramp_saved : 0);
}

}  // namespace usersyncd::rate
