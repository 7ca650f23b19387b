#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "simulate/performance.hpp"

namespace usersyncd::simulate {

/// What came of one seed.
struct SeedReport {
  std::uint64_t seed = 0;
  std::vector<std::string> complaints;
  Matrix matrix;
  std::string trace;
  bool compared = false;  ///< with the undisturbed run of the same story
  bool held = false;
  int cycles = 0;
  int processes = 0;
  int writes = 0;
  int troubles = 0;
};

/// Plays seeds, one after the other. A seed is a story and what goes wrong in it; several seeds in a row have
/// their story in common, so that its undisturbed run is made once. The report of a seed depends on nothing
/// else.
class Simulation {
 public:
  explicit Simulation(std::optional<Trouble> scenario, Sabotage sabotage = Sabotage::none);

  SeedReport run(std::uint64_t seed, bool trace);

 private:
  void prepare_disk();
  void clear_disk();
  void turn_to(std::uint64_t story);
  void compare(const Ending& ending, SeedReport& report) const;
  void compare_user(const std::string& key, const Ending& ending, SeedReport& report) const;

  std::optional<Trouble> scenario_;
  Sabotage sabotage_;
  MemoryDisk disk_;
  boost::asio::io_context io_{1};
  std::optional<Database> spare_;
  MemoryDisk::Image empty_store_;
  std::optional<Story> story_;
  Ending undisturbed_;
};

}  // namespace usersyncd::simulate
