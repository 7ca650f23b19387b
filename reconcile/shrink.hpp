#pragma once

#include <optional>
#include <set>
#include <string>

#include "policies/rules.hpp"
#include "reconcile/account.hpp"
#include "sync/believe.hpp"

namespace usersyncd {

/// What it takes to believe a list that shrank beyond the limit: a person's approval of exactly this
/// shrinkage, or, where the rule says so, seeing it unchanged in so many further polls.
class ShrinkGuard {
 public:
  ShrinkGuard(const AccountContext& account, Store& store, const std::optional<ShrinkRule>& rule);

  /// The limit for `believe`, if there is any.
  std::optional<ShrinkLimit> limit() const;

  /// Whether the shrinkage that `belief` refuses may be believed now. Counts the poll when `counting`.
  bool accepts(const Belief& belief, bool counting, Time now);

  /// What a person would approve: the loss of exactly these users.
  static std::string id_of(const std::string& account, const Belief& belief);

 private:
  const AccountContext& account_;
  Store& store_;
  const std::optional<ShrinkRule>& rule_;
};

}  // namespace usersyncd
