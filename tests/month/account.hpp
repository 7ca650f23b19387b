#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policies/rules.hpp"
#include "providers/profile.hpp"
#include "simulate/dice.hpp"
#include "sync/desired.hpp"
#include "tests/faults/far_side.hpp"

namespace usersyncd::month {

/// What a cycle came to.
struct Cycled {
  bool believed = false;
  std::size_t writes = 0;
  double cpu = 0;  ///< seconds of it
};

/// What the store holds.
struct Kept {
  std::size_t idle_runs = 0;  ///< that wrote nothing
  std::size_t checkpoints = 0;
};

/// An account with many users, people on both sides who change something every day, and the daemon's parts
/// that look after it: the real provider code, cycle, policies, store on a real disk, and audit keeper.
class Account {
 public:
  /// `store` is where the store is made; `retention` is the audit log's.
  Account(std::size_t users, std::string store, Duration retention);
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  Cycled cycle();
  /// Time goes on.
  void pass(Duration duration);
  /// What people do in a day: somebody is hired, somebody leaves, some entries change, and some users in the
  /// portal. Those who left three days ago are deleted, so that there are always as many.
  void live_a_day();
  /// The daemon stops, and a new one starts.
  void restart();

  const std::vector<std::string>& complaints() const { return far_.complaints; }
  Kept kept();
  std::size_t users() const { return far_.world.users().size(); }

 private:
  struct Daemon;
  void want(DesiredUser user);
  void revise();
  DesiredUser* somebody();

  std::string store_;
  Duration retention_;
  Duration passed_{0};
  faults::Effects effects_;  // none of which ever fails
  faults::FarSide far_{faults::Api::v1, effects_, passed_};
  Profile profile_;
  RuleSet rules_;
  Desired desired_;
  simulate::Dice dice_{1, "month"};
  std::vector<std::vector<std::string>> leavers_;  ///< by day
  std::size_t hired_ = 0;
  std::uint64_t revision_ = 0;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace usersyncd::month
