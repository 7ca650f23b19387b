#include "reconcile/past_writes.hpp"

namespace usersyncd {
namespace {

PastWrite::Outcome outcome_of(const Intent& intent) {
  if (intent.message == adopted_message) return PastWrite::Outcome::adopted;
  if (intent.state == IntentState::unverified) return PastWrite::Outcome::unverified;
  return intent.state == IntentState::done ? PastWrite::Outcome::done : PastWrite::Outcome::unknown;
}

}  // namespace

std::vector<PastWrite> past_writes(Store& store, const std::string& run, const std::string& account) {
  IntentFilter of_run;
  of_run.run = run;
  of_run.account = account;
  std::vector<PastWrite> writes;
  for (const auto& intent : store.list_intents(of_run)) {
    if (intent.state == IntentState::failed || intent.state == IntentState::not_done) continue;
    PastWrite write;
    write.operation = intent.write.operation;
    write.username = intent.write.username;
    write.user_id = intent.write.user_id;
    write.before = intent.write.before;
    write.after = intent.write.after;
    write.outcome = outcome_of(intent);
    writes.push_back(std::move(write));
  }
  return writes;
}

}  // namespace usersyncd
