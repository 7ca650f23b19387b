#pragma once

#include <optional>
#include <set>
#include <string>

#include "policies/rules.hpp"
#include "reconcile/account.hpp"
#include "sync/believe.hpp"
#include "sync/desired.hpp"
#include "sync/plan.hpp"

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

/// The same for what people wrote: a desired state that was cut short takes nobody's place away (A55). Only a
/// person's approval helps; what stands in a file does not change by being read again.
class DesiredGuard {
 public:
  DesiredGuard(const AccountContext& account, Store& store, const std::optional<ShrinkRule>& rule);

  /// What has to be accepted of `desired`: that so many entries are gone since the last good one. An entry
  /// that says `state: absent` is not gone, and neither is one that was renamed.
  std::optional<Unaccepted> check(const Desired& desired, Time now);

  /// From now on `desired` is the last good one.
  void accept(const Desired& desired);

 private:
  const AccountContext& account_;
  Store& store_;
  const std::optional<ShrinkRule>& rule_;
};

/// The revision of the last desired state of the account that was accepted; empty: there was none.
std::string last_good_revision(Store& store, const std::string& account);

/// The same for an account in which nobody was ever seen: its list may be empty because it is new, or because
/// the answer is of the wrong place (A2, A6). Nobody is created on the word of such a list alone.
class EmptyListGuard {
 public:
  EmptyListGuard(const AccountContext& account, Store& store, const std::optional<ShrinkRule>& rule);

  /// What has to be accepted before the users of `desired` are created. Counts the poll when `counting`.
  std::optional<Unaccepted> check(const Desired& desired, bool counting, Time now);

  /// From now on the account may be empty, if anybody is wanted in it.
  void accept(const Desired& desired);

 private:
  const AccountContext& account_;
  Store& store_;
  const std::optional<ShrinkRule>& rule_;
};

}  // namespace usersyncd
