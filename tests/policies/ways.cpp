#include "policies/ways.hpp"

#include "bench.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

namespace {

PolicyWays ways(const std::string& lines) {
  return {rules(lines), account, Catalog{}};
}

}  // namespace

TEST_CASE("the built-in ways: enforce drift, report unmanaged users, disable leavers") {
  const PolicyWays built_in(RuleSet::built_in(), account, Catalog{});
  const auto drift = built_in.drift(user("ann"), Field::phone);
  CHECK(drift.way == DriftWay::enforce);
  CHECK(drift.rules == std::vector<std::string>{"drift"});
  CHECK(built_in.unmanaged(user("ann")).way == UnmanagedWay::report);
  CHECK(built_in.deprovision(user("ann")).way == DeprovisionWay::disable);
}

TEST_CASE("the more restrictive way wins, and its rules are named") {
  struct Row {
    const char* lines;
    DriftWay way;
    std::vector<std::string> rules;
  };
  const std::vector<Row> rows{
      {"  - { name: a, effect: { drift: report } }\n", DriftWay::report, {"a"}},
      {"  - { name: a, effect: { drift: report } }\n  - { name: b, effect: { drift: ignore } }\n",
       DriftWay::ignore,
       {"b"}},
      {"  - { name: b, match: { fields: [phone] }, effect: { drift: report } }\n"
       "  - { name: a, match: { users: [\"A*\"] }, effect: { drift: report } }\n",
       DriftWay::report,
       {"a", "b"}},
      {"  - { name: a, match: { fields: [email] }, effect: { drift: ignore } }\n",
       DriftWay::enforce,
       {"drift"}},
      {"  - { name: a, match: { users: [bob] }, effect: { drift: ignore } }\n", DriftWay::enforce, {"drift"}},
      {"  - { name: a, match: { accounts: [\"1\"] }, effect: { drift: ignore } }\n",
       DriftWay::enforce,
       {"drift"}},
      {"  - { name: a, match: { roles: [admin] }, effect: { drift: ignore } }\n", DriftWay::ignore, {"a"}},
      {"  - { name: a, match: { operations: [create] }, effect: { drift: ignore } }\n",
       DriftWay::enforce,
       {"drift"}},
      {"  - { name: drift, effect: allow }\n", DriftWay::report, {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.lines);
    const auto chosen = ways(row.lines).drift(user("ann", {"Admin"}), Field::phone);
    CHECK(chosen.way == row.way);
    CHECK(chosen.rules == row.rules);
  }
}

TEST_CASE("report over disable over delete; ignore over report over deprovision") {
  const std::string remove = "  - { name: leavers, effect: { deprovision: delete } }\n";
  const std::string disable = "  - { name: d, effect: { deprovision: disable } }\n";
  const std::string report = "  - { name: r, effect: { deprovision: report } }\n";
  CHECK(ways(remove).deprovision(user("ann")).way == DeprovisionWay::remove);
  CHECK(ways(remove + disable).deprovision(user("ann")).way == DeprovisionWay::disable);
  CHECK(ways(remove + disable + report).deprovision(user("ann")).way == DeprovisionWay::report);

  const std::string deprovision = "  - { name: unmanaged, effect: { unmanaged: deprovision } }\n";
  const std::string ignore =
      "  - { name: i, match: { users: [\"svc-*\"] }, effect: { unmanaged: ignore } }\n";
  CHECK(ways(deprovision).unmanaged(user("ann")).way == UnmanagedWay::deprovision);
  CHECK(ways(ignore).unmanaged(user("SVC-mail")).way == UnmanagedWay::ignore);
  CHECK(ways(deprovision + ignore).unmanaged(user("ann")).way == UnmanagedWay::deprovision);
}

TEST_CASE("where no rule chooses a way, nothing is done") {
  const PolicyWays none(RuleSet::only({}), account, Catalog{});
  CHECK(none.drift(user("ann"), Field::email).way == DriftWay::report);
  CHECK(none.deprovision(user("ann")).way == DeprovisionWay::report);
  CHECK(none.unmanaged(user("ann")).way == UnmanagedWay::report);
}

TEST_CASE("leavers are disabled today and deleted in 30 days") {
  const auto chosen = ways(
      "  - { name: leavers, effect: { deprovision: delete } }\n"
      "  - { name: deletes-wait, match: { operations: [delete] }, effect: { disabledFor: 30d } }\n");
  const auto enabled = chosen.deprovision(user("ann"));
  CHECK(enabled.way == DeprovisionWay::disable);
  CHECK(enabled.rules == std::vector<std::string>{"deletes-wait", "leavers"});
  CHECK(chosen.deprovision(user("ann", {}, false)).way == DeprovisionWay::remove);
}

TEST_CASE("a rule by role can only restrict a user whose roles are not known") {
  User unknown = user("ann");
  unknown.fields.erase(Field::roles);
  const auto lets =
      ways("  - { name: leavers, match: { roles: [Temp] }, effect: { deprovision: delete } }\n");
  CHECK(lets.deprovision(unknown).way == DeprovisionWay::report);
  CHECK(lets.deprovision(user("ann", {"Temp"})).way == DeprovisionWay::remove);
  const auto holds =
      ways("  - { name: admins, match: { roles: [Admin] }, effect: { deprovision: report } }\n");
  CHECK(holds.deprovision(unknown).way == DeprovisionWay::report);
  CHECK(holds.deprovision(user("ann")).way == DeprovisionWay::disable);
}

TEST_CASE("a role is the same by name and by id, in whatever case") {
  Catalog catalog;
  catalog.roles = std::vector<Role>{{"r1", "Admin"}};
  const PolicyWays by_name(rules("  - { name: a, match: { roles: [ADMIN] }, effect: { drift: ignore } }\n"),
                           account, catalog);
  CHECK(by_name.drift(user("ann", {"r1"}), Field::phone).way == DriftWay::ignore);
  CHECK(by_name.drift(user("ann", {"r2"}), Field::phone).way == DriftWay::enforce);
}
