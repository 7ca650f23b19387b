#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policies/rules.hpp"
#include "providers/profile.hpp"
#include "simulate/faulty_disk.hpp"
#include "simulate/memory_disk.hpp"
#include "sync/desired.hpp"
#include "tests/faults/effects.hpp"
#include "tests/faults/far_side.hpp"

namespace usersyncd::faults {

/// What came of one run of the story.
struct Ending {
  std::map<std::string, std::string> users;                                ///< everything about them
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> history;  ///< created and deleted, how often
  std::vector<std::string> complaints;
  std::optional<Effect> hit;  ///< the first effect that went wrong; empty: a clean run
  std::size_t counted = 0;    ///< effects that could have
  bool refused = false;       ///< the store was found damaged, said so, and nothing was done any more
  std::string trace;
};

/// One story, told again for every fault. Somebody is hired and somebody's name changes, and both are taken
/// back by an undo; then somebody is hired whose create is answered by nobody, one is locked out, one leaves
/// whom only a person may let go, and one is changed in the portal. The real cycle, policies, provider code
/// and store; a fault at one effect of all that, or at all from there on; then a new process and a world
/// without faults, until nothing is left to do.
class Stories {
 public:
  explicit Stories(Api api);
  Ending play(const Fault& fault);

 private:
  friend class Scene;
  void prepare();

  Api api_;
  Profile profile_;
  RuleSet rules_;
  Effects effects_;
  simulate::MemoryDisk disk_;
  simulate::FaultyDisk faulty_{[this](simulate::DiskCall call) { return effects_.ask_disk(call); }};
  simulate::MemoryDisk::Image image_;  ///< of a store that knows everybody
  sim::World world_;
  Duration passed_{0};
  std::size_t exchanges_ = 0;  ///< in the audit log of that store
};

}  // namespace usersyncd::faults
