#include "simulate/simulation.hpp"

#include <doctest/doctest.h>

using namespace usersyncd;
using namespace usersyncd::simulate;

namespace {

constexpr std::uint64_t seeds = 160;

// How many of the first seeds fail if the daemon were broken like this.
std::size_t failures(std::optional<Trouble> scenario, Sabotage sabotage) {
  Simulation simulation{scenario, sabotage};
  std::size_t failed = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    if (!simulation.run(seed, false).complaints.empty()) ++failed;
  }
  return failed;
}

}  // namespace

TEST_CASE("simulation: a seed replays byte for byte, whatever was played before it") {
  std::vector<std::string> traces;
  {
    Simulation simulation{std::nullopt};
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      traces.push_back(simulation.run(seed, true).trace);
      CHECK(traces.back().size() > 500);
    }
  }
  Simulation again{std::nullopt};
  for (std::uint64_t seed = 40; seed-- > 0;) CHECK(again.run(seed, true).trace == traces[seed]);
}

TEST_CASE("simulation: different seeds go differently") {
  Simulation simulation{std::nullopt};
  CHECK(simulation.run(1, true).trace != simulation.run(2, true).trace);
}

TEST_CASE("simulation: a daemon that keeps the rules passes") {
  CHECK(failures(std::nullopt, Sabotage::none) == 0);
}

TEST_CASE("simulation: a daemon that sends a create twice is caught") {
  CHECK(failures(Trouble::slow, Sabotage::repeats_creates) > 0);
}

TEST_CASE("simulation: a daemon that does not record every exchange is caught") {
  CHECK(failures(Trouble::slow, Sabotage::forgets_records) > 0);
}

TEST_CASE("simulation: a daemon that writes in spite of a pause is caught") {
  CHECK(failures(Trouble::pause, Sabotage::ignores_pauses) > 0);
}

TEST_CASE("simulation: every trouble has its own name, and can come at some step") {
  for (const auto trouble : all_troubles()) {
    CHECK(trouble_from_name(name_of(trouble)) == trouble);
    bool possible = false;
    for (std::size_t step = 0; step < step_count; ++step) {
      possible = possible || can_meet(trouble, static_cast<Step>(step));
    }
    CHECK(possible);
  }
  CHECK_FALSE(trouble_from_name("no such trouble"));
}
