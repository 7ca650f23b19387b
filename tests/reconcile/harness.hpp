#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reconcile/cycle.hpp"
#include "reconcile/in_doubt.hpp"
#include "tests/reconcile/world.hpp"
#include "tests/support/temp_store.hpp"

namespace usersyncd::test {

/// Time that passes only when somebody sleeps or a test says so.
class FakeClock : public Clock {
 public:
  Time now() const override { return time_from_millis(1'795'000'000'000) + passed_ + wall_; }
  Duration steady() const override { return passed_; }
  Awaitable<bool> sleep_for(Duration duration) override;
  bool stopping() const override { return stopped_; }
  void advance(Duration duration) { passed_ += duration; }
  /// Somebody sets the clock on the wall, forward or back.
  void set_wall(Duration by) { wall_ += by; }
  void stop() { stopped_ = true; }

 private:
  Duration passed_{0}, wall_{0};
  bool stopped_ = false;
};

/// Numbers that look random and are the same in every run.
class FakeRandom : public Random {
 public:
  double uniform() override;

 private:
  std::uint64_t state_ = 1;
};

class RecordedEvents : public EventSink {
 public:
  std::vector<Event> events;
  void emit(const Event& event) override { events.push_back(event); }
  std::size_t count(std::string_view name, const std::string& username = {}) const;
};

/// What is wanted of one user, written as briefly as a test needs it.
DesiredUser wanted(const std::string& username);
DesiredUser wanted_absent(const std::string& username);
/// Everything that the user has at the provider.
DesiredUser wanted_as(const User& user);
void set_roles(DesiredUser& user, const StringSet& roles);

/// A rule of the given name over the built-in ones.
Rule rule(const std::string& name, Effect effect);
/// The built-in rules without limits and without approvals, so that a test is about the cycle alone.
RuleSet free_rules(std::vector<Rule> more = {});

/// One account with its world, a real store on a real file, and cycles like those of the daemon.
class Harness {
 public:
  Harness();

  World world;
  FakeClock clock;
  FakeRandom random;
  RecordedEvents events;
  AccountContext account;
  RuleSet rules = free_rules();
  TempStore file{quick_directory()};
  std::unique_ptr<Store> store;
  std::unique_ptr<InDoubt> in_doubt;  ///< of the process, as the store

  Look look;           ///< of the last cycle
  Acted acted;         ///< of the last cycle
  std::string broken;  ///< the error that ended the last cycle; empty: none
  /// Names the rules for glance(), which then is tried in each cycle; empty: every look is a close one.
  std::string rules_name;

  Desired& desired() { return desired_; }
  /// Adds or replaces an entry.
  void want(const DesiredUser& user);
  void want_no_more(const std::string& username);

  /// One cycle, the way the daemon does it. A crash comes out; any other exception ends the cycle.
  void cycle();
  /// Cycles, a minute apart, until nothing is left to do. Fails the test after `most`; returns how many.
  int converge(int most = 12);
  /// Whether the last cycle left something to do, now or later.
  bool settled() const;
  /// All objects of the process are made anew on the same file.
  void restart();

  const ActionResult* result_of(const std::string& username) const;
  const JudgedAction* judged(const std::string& username) const;
  std::size_t unresolved() const;
  /// Lets the n-th write to the store from now on fail, and all later ones, as on a full disk.
  void fail_store_at(int number);
  void mend_store();

  /// What must hold after any story: the audit chain verifies, each write has its intent and record, nobody
  /// was created twice, no two writes met on one user, and one more cycle does nothing at all.
  void check_invariants();

 private:
  void name_revision();
  Awaitable<void> run_cycle();
  void check_writes_are_recorded();
  void check_quiet();

  Desired desired_;
};

}  // namespace usersyncd::test
