#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "policies/judge.hpp"
#include "policies/read.hpp"
#include "policies/rules.hpp"
#include "policies/ways.hpp"

// Small builders, so that a test says only what it is about.

namespace usersyncd::testing {

inline const std::string account = "5500001";

inline Time at(const std::string& text) {
  return parse_time(text).value();
}

inline User user(const std::string& name, StringSet roles = {}, bool enabled = true,
                 const std::string& scope = "ACCOUNT") {
  User made;
  made.username = name;
  made.fields.set(Field::email, Value{name + "@example.com"});
  made.fields.set(Field::scope, Value{scope});
  made.fields.set(Field::enabled, Value{enabled});
  made.fields.set(Field::roles, Value{make_set(std::move(roles))});
  return made;
}

inline Action finished(Action action) {
  action.account = account;
  action.reason = "a test wants it";
  action.after = action.before;
  if (action.after.username.empty()) action.after.username = action.username;
  for (const auto& change : action.changes) {
    if (change.to) action.after.fields.set(change.field, *change.to);
  }
  action.id = id_of(action);
  return action;
}

inline Action on(Operation operation, const User& before, Cause cause = Cause::desired) {
  Action action;
  action.operation = operation;
  action.cause = cause;
  action.username = before.username;
  action.before = before;
  if (operation == Operation::disable || operation == Operation::enable)
    action.changes.push_back(
        {Field::enabled, before.fields.get(Field::enabled), operation == Operation::enable});
  return finished(action);
}

inline Action leaver(Operation operation, const User& before) {
  return on(operation, before, Cause::leaver);
}

inline Action change(const User& before, Field field, Value to) {
  Action action = on(Operation::update, before);
  action.changes.push_back({field, before.fields.get(field), std::move(to)});
  return finished(action);
}

inline Action create(const User& wanted) {
  Action action;
  action.operation = Operation::create;
  action.username = wanted.username;
  for (const Field field : all_fields) {
    if (wanted.fields.has(field)) action.changes.push_back({field, std::nullopt, wanted.fields.get(field)});
  }
  return finished(action);
}

inline Plan plan_of(std::vector<Action> actions, std::size_t live_users = 100) {
  Plan plan;
  plan.account = account;
  plan.complete = true;
  plan.actions = std::move(actions);
  plan.live_users = live_users;
  return plan;
}

/// Facts at a Wednesday noon in which nothing stands against anything.
inline JudgeFacts facts() {
  JudgeFacts made;
  made.now = at("2026-11-18T12:00:00Z");
  for (const char* name : {"root1", "root2", "root3"})
    made.users.push_back(user(name, {"Admin"}, true, "ACCOUNT_ADMIN"));
  return made;
}

/// The rules written under `rules:`, over the built-in ones.
inline RuleSet rules(const std::string& lines) {
  Problems problems;
  const std::string list = lines.empty() ? " []\n" : "\n" + lines;
  auto read = read_policy_text("policy.yaml", "version: 1\nrules:" + list, problems);
  const std::string found = problems.text();
  CAPTURE(found);
  REQUIRE(read.has_value());
  return *read;
}

/// Only the rules written, and ways that let everything be done.
inline RuleSet only(const std::string& lines) {
  auto kept = rules(lines).rules();
  std::erase_if(kept, [](const Rule& rule) { return rule.built_in; });
  kept.push_back({"zz-drift", {}, DriftWay::enforce, {}, false});
  kept.push_back({"zz-leavers", {}, DeprovisionWay::remove, {}, false});
  kept.push_back({"zz-unmanaged", {}, UnmanagedWay::deprovision, {}, false});
  return RuleSet::only(std::move(kept));
}

inline JudgedAction judge_one(Action action, const RuleSet& with, const JudgeFacts& given = facts()) {
  const auto judged = Judge::judge(plan_of({std::move(action)}), with, given);
  return judged.actions().front();
}

inline std::vector<Verdict> verdicts(const JudgedPlan& judged) {
  std::vector<Verdict> result;
  for (const auto& action : judged.actions()) result.push_back(action.verdict);
  return result;
}

inline std::size_t count(const JudgedPlan& judged, Verdict verdict) {
  const auto all = verdicts(judged);
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), verdict));
}

inline std::vector<User> crowd(std::size_t size) {
  std::vector<User> users;
  for (std::size_t i = 0; i < size; ++i) users.push_back(user("user" + std::to_string(i)));
  return users;
}

inline std::vector<Action> leavers(Operation operation, std::size_t size) {
  std::vector<Action> actions;
  for (const auto& gone : crowd(size)) actions.push_back(leaver(operation, gone));
  return actions;
}

}  // namespace usersyncd::testing
