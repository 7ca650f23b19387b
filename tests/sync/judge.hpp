#pragma once

#include <utility>
#include <vector>

#include "sync/judged.hpp"

namespace usersyncd {

/// policies/ is not linked to these tests, so the one friend of JudgedPlan can be ours.
class Judge {
 public:
  static JudgedPlan judged(Plan plan, std::vector<JudgedAction> actions) {
    return JudgedPlan{std::move(plan), std::move(actions)};
  }
};

}  // namespace usersyncd
