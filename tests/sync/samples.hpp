#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sync/plan.hpp"

// Small worlds to plan in: short names for people, fields, catalogues and ways.

namespace usersyncd::test {

inline Time at(std::string_view text) {
  const auto time = parse_time(text);
  REQUIRE_MESSAGE(time.has_value(), "not a time: " << text);
  return *time;
}

inline const Time noon = time_from_millis(1'795'262'400'000);  // 2026-11-21T12:00:00Z

using Values = std::vector<std::pair<Field, Value>>;

inline Fields fields_of(const Values& values) {
  Fields fields;
  for (const auto& [field, value] : values) fields.set(field, value);
  return fields;
}

inline Value text(std::string value) {
  return Value{std::move(value)};
}
inline Value set(std::vector<std::string> items) {
  return Value{make_set(std::move(items))};
}

inline User live(std::string username, const Values& values = {}, std::string user_id = "") {
  User user;
  user.username = std::move(username);
  user.user_id = std::move(user_id);
  user.fields = fields_of(values);
  return user;
}

inline DesiredUser entry(std::string username, const Values& values = {}) {
  DesiredUser user;
  user.username = std::move(username);
  user.fields = fields_of(values);
  user.place.file = "users.yaml";
  user.place.line = 7;
  user.place.column = 5;
  return user;
}

inline DesiredUser leaver(std::string username) {
  auto user = entry(std::move(username));
  user.absent = true;
  return user;
}

inline std::vector<RoleGrant> grants(const std::vector<std::string>& roles) {
  std::vector<RoleGrant> granted;
  for (const auto& role : roles) granted.push_back({role, std::nullopt, {}});
  return granted;
}

inline std::vector<AccountGrant> account_grants(const std::vector<std::string>& accounts) {
  std::vector<AccountGrant> granted;
  for (const auto& account : accounts) granted.push_back({account, {}});
  return granted;
}

inline Catalog catalog_of(const std::vector<Role>& roles, const std::vector<std::string>& accounts) {
  Catalog catalog;
  catalog.roles = roles;
  catalog.accounts = make_set(accounts);
  return catalog;
}

/// What policies say, fixed beforehand.
struct FixedWays final : Ways {
  DriftWay all_drift = DriftWay::enforce;
  std::map<Field, DriftWay> drift_of;
  DeprovisionWay deprovisioning = DeprovisionWay::disable;
  UnmanagedWay strangers = UnmanagedWay::report;

  Chosen<DriftWay> drift(const User&, Field field) const override {
    const auto own = drift_of.find(field);
    if (own == drift_of.end()) return {all_drift, {"drift"}};
    return {own->second, {"drift-in-" + std::string{name_of(field)}}};
  }
  Chosen<DeprovisionWay> deprovision(const User&) const override { return {deprovisioning, {"leavers"}}; }
  Chosen<UnmanagedWay> unmanaged(const User&) const override { return {strangers, {"unmanaged"}}; }
};

/// One account as wanted and as found, and all else that a plan is made from.
struct Case {
  Desired desired;
  Observation observed;
  FixedWays ways;
  PlanMemory memory;
  Time now = noon;

  Case(std::vector<DesiredUser> wanted, std::vector<User> found) {
    desired.account = observed.account = "5500001";
    desired.revision = "r1";
    desired.users = std::move(wanted);
    observed.users = std::move(found);
    observed.observed_at = noon;
    observed.complete = true;
  }

  Plan plan() const { return make_plan(desired, observed, ways, memory, now); }
};

/// Whether anything could ever send this action.
inline bool can_be_sent(const Action& action) {
  return !action.report_only && !action.manual_only && action.must_wait.empty();
}

/// `update jdoe`, with `report` or `manual` in front where it is not to be sent.
inline std::string brief(const Action& action) {
  const std::string how = action.report_only ? "report " : action.manual_only ? "manual " : "";
  return how + std::string{name_of(action.operation)} + " " + action.username;
}

inline std::vector<std::string> briefs(const Plan& plan) {
  std::vector<std::string> lines;
  for (const auto& action : plan.actions) lines.push_back(brief(action));
  return lines;
}

inline const Action& only_action(const Plan& plan) {
  REQUIRE(plan.actions.size() == 1);
  return plan.actions.front();
}

using Lines = std::vector<std::string>;

}  // namespace usersyncd::test
