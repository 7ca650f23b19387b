#include "simulate/simulation.hpp"

#include <sqlite3.h>

#include <set>
#include <stdexcept>

namespace usersyncd::simulate {
namespace {

constexpr std::uint64_t seeds_of_a_story = 16;

}  // namespace

Simulation::Simulation(std::optional<Trouble> scenario, Sabotage sabotage)
    : scenario_(scenario), sabotage_(sabotage) {
  prepare_disk();
}

// A store that is new, with small pages: what is written is what costs time here.
void Simulation::prepare_disk() {
  sqlite3* raw = nullptr;
  sqlite3_open_v2(disk_.path().c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  const int made = sqlite3_exec(raw, "PRAGMA page_size = 1024; VACUUM", nullptr, nullptr, nullptr);
  sqlite3_close(raw);
  if (made != SQLITE_OK) throw std::runtime_error("the memory disk does not work");
  { const Store store{disk_.path(), Access::read_write}; }
  empty_store_ = disk_.image();
}

void Simulation::clear_disk() {
  if (spare_)
    disk_.put_back(empty_store_);
  else
    disk_.load(empty_store_);
}

void Simulation::turn_to(std::uint64_t number) {
  if (story_ && story_->number == number) return;
  story_ = make_story(number);
  clear_disk();
  auto nothing = Chaos::none();
  Trace silent{false};
  Performance performance{*story_, disk_, io_, spare_, nothing, silent};
  undisturbed_ = performance.play();
}

SeedReport Simulation::run(std::uint64_t seed, bool trace_it) {
  turn_to(seed / seeds_of_a_story);
  SeedReport report;
  report.seed = seed;
  clear_disk();
  Chaos chaos{seed, scenario_};
  Trace trace{trace_it};
  Performance performance{*story_, disk_, io_, spare_, chaos, trace, sabotage_};
  const auto ending = performance.play();
  report.complaints = ending.complaints;
  for (const auto& complaint : undisturbed_.complaints) {
    report.complaints.push_back("undisturbed: " + complaint);
  }
  report.cycles = ending.cycles;
  report.processes = ending.processes;
  report.writes = ending.writes;
  report.troubles = chaos.drawn();
  report.held = ending.held;
  if (report.complaints.empty()) compare(ending, report);
  report.matrix = chaos.matrix();
  report.trace = trace.text();
  return report;
}

void Simulation::compare_user(const std::string& key, const Ending& ending, SeedReport& report) const {
  const auto here = ending.users.find(key);
  const auto there = undisturbed_.users.find(key);
  if (here == ending.users.end() || there == undisturbed_.users.end()) {
    report.complaints.push_back(key + " is there in the end of only one of this run and the undisturbed one");
    return;
  }
  for (const auto& [field, text] : here->second) {
    const auto& wanted = there->second.at(field);
    const std::pair place{key, field};
    const bool left_alone = ending.left_alone.contains(place) || undisturbed_.left_alone.contains(place);
    if (text != wanted && !left_alone)
      report.complaints.push_back(key + " ended with " + field + " " + text + ", undisturbed with " + wanted);
  }
}

// Where limits or people decide, the end depends on what came together; everywhere else there is one end.
void Simulation::compare(const Ending& ending, SeedReport& report) const {
  if (story_->regime.limits || !story_->regime.approves || ending.held || undisturbed_.held) return;
  report.compared = true;
  std::set<std::string> keys;
  for (const auto& [key, text] : ending.users) keys.insert(key);
  for (const auto& [key, text] : undisturbed_.users) keys.insert(key);
  for (const auto& key : keys) {
    // A lost update is a race with a person, whichever of the two runs lost it.
    const bool lost = ending.lost.contains(key) || undisturbed_.lost.contains(key);
    if (!lost && !story_->racy.contains(key)) compare_user(key, ending, report);
  }
  for (const auto& key : keys) {
    const auto counts = [&](const Ending& of) {
      const auto found = of.history.find(key);
      return found == of.history.end() ? std::pair{0, 0} : found->second;
    };
    if (story_->racy.contains(key) || counts(ending) == counts(undisturbed_)) continue;
    report.complaints.push_back(key + " was created and deleted " + std::to_string(counts(ending).first) +
                                " and " + std::to_string(counts(ending).second) + " times, undisturbed " +
                                std::to_string(counts(undisturbed_).first) + " and " +
                                std::to_string(counts(undisturbed_).second));
  }
}

}  // namespace usersyncd::simulate
