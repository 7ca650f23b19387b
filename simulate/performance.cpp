#include "simulate/performance.hpp"

#include <sqlite3.h>

#include <algorithm>

namespace usersyncd::simulate {
namespace {

constexpr Duration between_polls{60'000};
constexpr Duration person_looks{45'000};
constexpr Duration long_enough{70 * 60'000};  // for every backoff to be over
constexpr int most_polls_to_settle = 64;

}  // namespace

Performance::Performance(const Story& story, MemoryDisk& disk, boost::asio::io_context& io,
                         std::optional<Database>& spare, Chaos& chaos, Trace& trace, Sabotage sabotage)
    : story_(story), disk_(disk), chaos_(chaos), trace_(trace), stage_{story_,  timeline_, wall_,    disk_,
                                                                       portal_, witness_,  chaos_,   trace_,
                                                                       io,      spare,     sabotage, {},
                                                                       false,   true,      {}} {
  stage_.disturb = [this](Trouble trouble, const std::string& key) { disturb(trouble, key); };
  disk_.before_effect = [this](MemoryDisk::Effect effect) { return ask_disk(effect); };
  disk_.on_sync = [this] {
    stage_.intents_durable = true;
    stage_.ledger.synced = stage_.ledger.recorded.size();
  };
  disk_.on_row = [this](bool inserted, const char* table) {
    if (std::string_view{table} != "intents") return;
    if (inserted) stage_.intents_durable = false;
    const auto met = chaos_.draw(inserted ? Step::intent : Step::close, is_disturbance);
    if (met) disturb_in_store(*met);
  };
  trace_.hide(disk_.directory());
}

Ending Performance::play() {
  arrange();
  while (timeline_.now() < story_.length) turn();
  chaos_.stop();
  refusals_ = 0;
  effects_to_live_.reset();
  trace_.say(timeline_.now(), "--- from now on nothing goes wrong ---");
  settle();
  Ending ending;
  judge_end(ending);
  close();
  disk_.before_effect = nullptr;
  disk_.on_row = nullptr;
  disk_.on_sync = nullptr;
  ending.complaints = witness_.complaints();
  ending.history = witness_.history();
  ending.lost = witness_.lost_updates();
  ending.cycles = cycles_;
  ending.processes = processes_;
  ending.writes = stage_.ledger.writes;
  return ending;
}

// The disk is not going to be used any more: that the last process folds its log is not worth the time.
void Performance::close() {
  if (!process_) return;
  if (processes_ == 1 && !stage_.disk_failed && !process_->over())
    stage_.spare.emplace(process_->abandon());
  else
    process_->die();
  process_.reset();
  // It would go on in the next performance.
  stage_.io.restart();
  if (stage_.io.poll() != 0) witness_.complain("a process left something behind that goes on without it");
}

void Performance::arrange() {
  for (const auto& deed : story_.deeds) {
    timeline_.at(deed.at, [this, &deed] {
      trace_.say(timeline_.now(), "somebody changes " + deed.user.username + " in the portal");
      portal_.happen(deed);
    });
  }
  if (story_.regime.approves) approve_forever();
}

void Performance::approve_forever() {
  timeline_.at(timeline_.now() + person_looks, [this] {
    approve();
    if (timeline_.now() < story_.length) approve_forever();
  });
}

// A person looks at what waits, in a process of their own, and lets all of it happen.
void Performance::approve() {
  if (!process_ || process_->over()) return;
  try {
    const SimulatedClock clock{timeline_, process_->life(), wall_};
    auto waiting = process_->store().list_approvals(account_id);
    std::erase_if(waiting, [](const Approval& one) { return one.state != Approval::State::waiting; });
    if (waiting.empty()) return;
    Store tool{disk_.path(), Access::read_write};
    for (const auto& one : waiting) {
      if (one.operation == "delete") witness_.approved(key_of(one.username));
      ApprovalDecision decision;
      decision.action = one.action;
      decision.approved = true;
      decision.actor = "ops";
      decision.expires_at = clock.now() + std::chrono::hours{24};
      tool.decide(decision, clock.now());
      trace_.say(timeline_.now(), "a person approves " + one.operation + " " + one.username);
    }
  } catch (const StoreError& error) {
    trace_.say(timeline_.now(), std::string{"approve failed: "} + error.what());
  }
}

void Performance::turn() {
  if (!process_) {
    try {
      process_ = std::make_unique<Process>(stage_, ++processes_);
    } catch (const StoreError& error) {
      trace_.say(timeline_.now(), std::string{"the daemon does not start: "} + error.what());
      if (!stage_.disk_failed) witness_.complain(std::string{"the daemon does not start: "} + error.what());
      if (disk_.dead()) bury();
      timeline_.pass(Duration{10'000});
      return;
    }
    trace_.say(timeline_.now(), "process " + std::to_string(processes_) + " starts");
  }
  process_->poll(++cycles_);
  trace_.say(timeline_.now(), "cycle " + std::to_string(cycles_) + " ended");
  if (process_->over()) return bury();
  timeline_.pass(between_polls);
}

void Performance::bury() {
  process_.reset();
  if (!disk_.dead()) return;
  effects_to_live_.reset();
  if (power_cut_) {
    disk_.survive_power_cut(chaos_.dice());
    stage_.ledger.lose_power();
  } else {
    disk_.survive_kill();
  }
  power_cut_ = false;
}

void Performance::settle() {
  timeline_.pass(Duration{150'000});
  if (witness_.is_paused()) resume();
  for (int polls = 0; polls < most_polls_to_settle; ++polls) {
    const auto writes = stage_.ledger.writes;
    turn();
    if (process_ && process_->settled() && !(story_.regime.approves && waits_for_a_person())) {
      // Everything was done before, and this look found nothing to do.
      if (stage_.ledger.writes != writes) witness_.complain("a plan without actions sent a write");
      return;
    }
    if (story_.regime.approves) approve();
    timeline_.pass(long_enough);
  }
}

int Performance::ask_disk(MemoryDisk::Effect effect) {
  if (effects_to_live_ && --*effects_to_live_ < 0 && process_) {
    process_->die();
    return SQLITE_IOERR_WRITE;
  }
  if (refusals_ <= 0) return SQLITE_OK;
  --refusals_;
  stage_.disk_failed = true;
  if (refusal_code_ == SQLITE_FULL) return effect == MemoryDisk::Effect::sync ? SQLITE_OK : SQLITE_FULL;
  return effect == MemoryDisk::Effect::sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
}

void Performance::disturb(Trouble trouble, const std::string& key) {
  trace_.say(timeline_.now(), std::string{"!! "} + std::string{name_of(trouble)});
  auto& dice = chaos_.dice();
  switch (trouble) {
    case Trouble::disk_full:
    case Trouble::disk_error:
      refusals_ = static_cast<int>(1 + dice.below(20));
      refusal_code_ = trouble == Trouble::disk_full ? SQLITE_FULL : SQLITE_IOERR;
      break;
    case Trouble::kill:
    case Trouble::power_cut:
      power_cut_ = trouble == Trouble::power_cut;
      process_->die();
      break;
    case Trouble::restart:
      process_->stop();
      break;
    case Trouble::clock_jump:
      set_clock();
      break;
    case Trouble::pause:
      pause();
      break;
    case Trouble::reload:
      process_->reload();
      break;
    case Trouble::edit:
      edit(key);
      break;
    default:
      break;
  }
}

// Within a transaction of the store. A death comes at one of the next effects on the disk, before the commit
// or after it; another process of a person's has to wait until the transaction is over.
void Performance::disturb_in_store(Trouble trouble) {
  if (trouble == Trouble::kill || trouble == Trouble::power_cut) {
    trace_.say(timeline_.now(), "!! soon: " + std::string{name_of(trouble)});
    power_cut_ = trouble == Trouble::power_cut;
    effects_to_live_ = static_cast<int>(chaos_.dice().below(8));
  } else if (trouble == Trouble::pause) {
    timeline_.at(timeline_.now(), [this] { pause(); });
  } else {
    disturb(trouble, "");
  }
}

void Performance::set_clock() {
  auto& dice = chaos_.dice();
  const Duration jump{dice.between(1'000, dice.chance(50) ? 90'000 : 3 * 3'600'000)};
  wall_.offset += dice.chance(50) ? jump : -jump;
}

void Performance::pause() {
  if (witness_.is_paused() || !process_ || process_->dead()) return;
  try {
    const SimulatedClock clock{timeline_, process_->life(), wall_};
    Store tool{disk_.path(), Access::read_write};
    if (stage_.sabotage != Sabotage::ignores_pauses)
      tool.pause(Pause{account_id, "look first", "ops", clock.now()});
    witness_.paused(true);
    trace_.say(timeline_.now(), "a person pauses the account");
    timeline_.at(timeline_.now() + Duration{chaos_.dice().between(20'000, 150'000)}, [this] { resume(); });
  } catch (const StoreError& error) {
    trace_.say(timeline_.now(), std::string{"pause failed: "} + error.what());
  }
}

void Performance::resume() {
  if (!witness_.is_paused()) return;
  try {
    Store tool{disk_.path(), Access::read_write};
    witness_.paused(false);
    tool.resume(std::nullopt, "ops", time_from_millis(1'795'000'000'000) + timeline_.now() + wall_.offset);
    trace_.say(timeline_.now(), "a person resumes the account");
  } catch (const StoreError& error) {
    trace_.say(timeline_.now(), std::string{"resume failed: "} + error.what());
    witness_.paused(true);
    timeline_.at(timeline_.now() + Duration{10'000}, [this] { resume(); });
  }
}

// Only what the daemon is going to mend: everything else would be an end of its own.
void Performance::edit(const std::string& key) {
  std::vector<const sim::User*> fit;
  for (const auto& [name, user] : portal_.truth().users()) {
    const auto* entry = story_.last_entry_of(name);
    if (entry && !entry->absent) fit.push_back(&user);
  }
  if (fit.empty()) return;
  PortalDeed deed;
  deed.user = *chaos_.dice().pick(fit);
  if (const auto* user = portal_.truth().find(key)) {
    const auto same = [&](const sim::User* one) { return one == user; };
    if (std::any_of(fit.begin(), fit.end(), same)) deed.user = *user;
  }
  deed.text = "Edited" + std::to_string(chaos_.dice().below(1000));
  portal_.happen(deed);
}

}  // namespace usersyncd::simulate
