#include "reconcile/cycle.hpp"

#include <algorithm>

// The short way through a cycle: an account that is byte for byte as it was needs no close look.

namespace usersyncd {

Awaitable<Result<AccountReading>> Cycle::reading() {
  if (read_) {
    auto read_before = std::move(*read_);
    read_.reset();
    co_return read_before;
  }
  Observer observer{account_, ports_, run_};
  const ListMark unknown;
  auto reading = co_await observer.read(unknown);
  co_return reading;
}

Awaitable<std::optional<Look>> Cycle::glance(std::string revision) {
  const auto quiet = remembered_quiet(revision);
  Observer observer{account_, ports_, run_};
  const auto known = quiet ? quiet->list : ListMark{};
  auto reading = co_await observer.read(known);
  if (!quiet || !reading || !reading->listing.recognised) {
    read_ = std::move(reading);
    co_return std::nullopt;
  }
  // With another catalogue the same list means something else: look() reads it in full.
  if (digest_of(reading->catalog) != quiet->catalog) co_return std::nullopt;
  co_return quiet_look(*quiet, std::move(reading->catalog));
}

std::optional<Quiet> Cycle::remembered_quiet(const std::string& revision) {
  if (settings_.empty()) return std::nullopt;
  const auto text = ports_.store.load_quiet(account_.id);
  auto quiet = text ? quiet_from_text(*text) : std::nullopt;
  const auto now = ports_.clock.now();
  // A clock that was set back says nothing about how long ago the close look was.
  const bool holds = quiet && quiet->settings == settings_ && quiet->desired_revision == revision &&
                     now < quiet->until && quiet->until <= now + longest_quiet;
  if (!holds || !(quiet->saved || purpose_ == Purpose::plan)) return std::nullopt;
  if (quiet->reports && purpose_ != Purpose::poll) return std::nullopt;
  IntentFilter unresolved;
  unresolved.account = account_.id;
  unresolved.unresolved_only = true;
  const bool waits =
      !ports_.store.list_intents(unresolved).empty() || !ports_.store.list_approvals(account_.id).empty();
  if (waits) return std::nullopt;
  return quiet;
}

Look Cycle::quiet_look(const Quiet& quiet, Catalog catalog) {
  Look look;
  look.glanced = true;
  auto& observation = look.observed.observation;
  observation.account = account_.id;
  observation.observed_at = ports_.clock.now();
  observation.complete = true;
  observation.catalog = std::move(catalog);
  Plan plan;
  plan.account = account_.id;
  plan.desired_revision = quiet.desired_revision;
  plan.observed_at = observation.observed_at;
  plan.complete = true;
  plan.in_sync = quiet.in_sync;
  plan.live_users = quiet.users;
  look.judged = Judge::nothing_to_do(std::move(plan));
  return look;
}

void Cycle::note_quiet(Look& look, const Desired& desired) {
  const auto& list = look.observed.quiet_list;
  if (settings_.empty() || list.empty() || !look.judged || !look.problems.empty() || !look.invalid.empty())
    return;
  const auto& plan = look.judged->plan();
  const auto& actions = look.judged->actions();
  // What is only reported depends on nothing but what the list, the files and the rules say, and on the
  // moments of quiet_until. What is held may be released by time alone, or by a person.
  const bool nothing = plan.complete && !plan.unaccepted &&
                       std::all_of(actions.begin(), actions.end(), [](const JudgedAction& judged) {
                         return judged.verdict == Verdict::report;
                       });
  const bool reports = !actions.empty() || !plan.drifts.empty() || !plan.notes.empty();
  if (!nothing || !ports_.store.list_approvals(account_.id).empty()) return;
  if (reports && purpose_ != Purpose::poll) return;
  Quiet quiet;
  quiet.reports = reports;
  quiet.settings = settings_;
  quiet.catalog = digest_of(look.observed.observation.catalog);
  quiet.list = list;
  quiet.desired_revision = plan.desired_revision;
  quiet.saved = purpose_ != Purpose::plan;
  quiet.users = plan.live_users;
  quiet.in_sync = plan.in_sync;
  quiet.until = quiet_until(desired, plan.observed_at);
  look.quiet = std::move(quiet);
}

void Cycle::remember_quiet(const Look& look) {
  if (look.quiet) ports_.store.save_quiet(account_.id, to_text(*look.quiet));
}

// Snapshot, drift and approvals are as they were saved with the note; only the times are new.
void Cycle::save_glance(const Look& look, std::optional<Time> next_poll) {
  const auto& plan = look.judged->plan();
  start_run(plan.desired_revision);
  auto state = state_of_poll(next_poll);
  state.last_success = state.last_poll;
  state.last_error.clear();
  state.list_complete = true;
  state.users = plan.live_users;
  state.held = 0;
  ports_.store.save_state(account_.id, state);
  auto told = event("poll.ok");
  told.reason = std::to_string(plan.live_users) + " users, as before";
  ports_.events.emit(told);
}

}  // namespace usersyncd
