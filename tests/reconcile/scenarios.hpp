#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/reconcile/harness.hpp"

namespace usersyncd::test {

/// Something that people do, on either side. After `begin` the account has converged once and knows its
/// users, and what is left to do is what the scenario is about.
struct Scenario {
  std::string name;
  std::function<void(Harness&)> begin;
};

/// Every scenario gets a test of its own, and all faults and crashes at every step.
std::vector<Scenario> all_scenarios();

}  // namespace usersyncd::test
