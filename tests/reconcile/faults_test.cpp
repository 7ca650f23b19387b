#include <algorithm>
#include <array>
#include <set>

#include "tests/reconcile/scenarios.hpp"

// Every scenario, with every kind of failure at every single step of it.

namespace usersyncd::test {
namespace {

constexpr int most_steps = 400;

/// What a story leaves behind.
struct Ending {
  std::string world, history;
  std::set<std::string> gone_or_disabled;
  std::vector<bool> writes;  ///< of each call, whether it was one
};

std::set<std::string> without_access(const World& world) {
  std::set<std::string> keys;
  for (const auto& [key, user] : world.users) {
    if (user.fields.flag(Field::enabled) == false) keys.insert(key);
  }
  return keys;
}

std::unique_ptr<Harness> begun(const Scenario& scenario) {
  auto h = std::make_unique<Harness>();
  scenario.begin(*h);
  h->clock.advance(Duration{60'000});
  h->world.calls.clear();
  return h;
}

Ending ending_of(const Harness& h) {
  std::vector<bool> writes;
  for (const auto& call : h.world.calls) writes.push_back(is_write(call.kind));
  return Ending{h.world.text(), h.world.history(), without_access(h.world), std::move(writes)};
}

Ending undisturbed(const Scenario& scenario) {
  const auto h = begun(scenario);
  h->converge();
  return ending_of(*h);
}

void check_ending(Harness& h, const Ending& expected) {
  CHECK(h.world.text() == expected.world);
  CHECK(h.world.history() == expected.history);
  CHECK(without_access(h.world) == expected.gone_or_disabled);
  h.check_invariants();
}

// Cycles until the story is over, with a new process after each death.
void converge_through_crashes(Harness& h) {
  for (int deaths = 0; deaths < 2; ++deaths) {
    try {
      h.converge();
      return;
    } catch (const SimulatedCrash&) {
      h.restart();
    }
  }
  FAIL("died twice");
}

constexpr std::array provider_faults{Fault::timeout_after, Fault::timeout_before, Fault::server_error,
                                     Fault::conflict,      Fault::missing,        Fault::refused,
                                     Fault::throttled,     Fault::ignored};
// Some faults are all the same to a call that only reads.
bool tells_apart(const Ending& expected, std::size_t step, Fault fault) {
  if (expected.writes[step - 1]) return true;
  return fault == Fault::timeout_before || fault == Fault::missing || fault == Fault::throttled ||
         fault == Fault::crash_before;
}

// A long story meets each fault at every fourth step, and each step some of the faults.
constexpr std::size_t long_story = 18;
bool is_its_turn(const Ending& expected, std::size_t step, Fault fault) {
  return expected.writes.size() < long_story || (step + static_cast<std::size_t>(fault)) % 4 == 0;
}

constexpr std::array crashes{Fault::crash_before, Fault::crash_after};

void with_fault(const Scenario& scenario, const Ending& expected, Fault fault, std::size_t step) {
  CAPTURE(scenario.name);
  CAPTURE(std::string{name_of(fault)});
  CAPTURE(step);
  const auto h = begun(scenario);
  h->world.faults = [&](const Call&, std::size_t number) { return number == step ? fault : Fault::none; };
  converge_through_crashes(*h);
  h->world.faults = nullptr;
  check_ending(*h, expected);
}

/// Whether the story has so many steps.
bool with_store_fault(const Scenario& scenario, const Ending& expected, int step, bool dies) {
  CAPTURE(scenario.name);
  CAPTURE(dies);
  CAPTURE(step);
  const auto h = begun(scenario);
  h->fail_store_at(step);
  h->cycle();
  const bool reached = !h->broken.empty();
  if (dies) h->restart();
  h->mend_store();
  h->clock.advance(Duration{60'000});
  h->converge();
  check_ending(*h, expected);
  return reached;
}

}  // namespace

TEST_CASE("reconcile: every scenario converges, and then is quiet") {
  for (const auto& scenario : all_scenarios()) {
    CAPTURE(scenario.name);
    const auto h = begun(scenario);
    CHECK(h->converge() <= 3);
    h->check_invariants();
  }
}

TEST_CASE("A33 A52: whichever call fails in whichever way, later cycles converge and nothing is done twice") {
  for (const auto& scenario : all_scenarios()) {
    const auto expected = undisturbed(scenario);
    for (const auto fault : provider_faults) {
      for (std::size_t step = 1; step <= expected.writes.size(); ++step) {
        if (!tells_apart(expected, step, fault) || !is_its_turn(expected, step, fault)) continue;
        with_fault(scenario, expected, fault, step);
      }
    }
  }
}

TEST_CASE(
    "A28 A29: killed before or after any call, the next process ends in the same world by the same history") {
  for (const auto& scenario : all_scenarios()) {
    const auto expected = undisturbed(scenario);
    for (const auto crash : crashes) {
      for (std::size_t step = 1; step <= expected.writes.size(); ++step) {
        if (tells_apart(expected, step, crash)) with_fault(scenario, expected, crash, step);
      }
    }
  }
}

TEST_CASE("A28 A52: the disk full at any write to the store, with or without dying of it") {
  for (const auto& scenario : all_scenarios()) {
    const auto expected = undisturbed(scenario);
    for (const bool dies : {false, true}) {
      const int stride = expected.writes.size() < long_story ? 1 : 5;
      for (int step = 1; step <= most_steps; step += stride) {
        if (!with_store_fault(scenario, expected, step, dies)) break;
      }
    }
  }
}

}  // namespace usersyncd::test
