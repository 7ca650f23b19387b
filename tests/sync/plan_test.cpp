#include "sync/plan.hpp"

#include <doctest/doctest.h>

#include "samples.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

const Value on{true};
const Value off{false};

const Drift* drift_of(const Plan& plan, const std::string& kind) {
  for (const auto& drift : plan.drifts) {
    if (drift.kind == kind) return &drift;
  }
  return nullptr;
}

bool mentions(const Action& action, const std::string& part) {
  return action.reason.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("operations: the contract's names, both ways") {
  for (const Operation operation : all_operations) {
    CHECK(operation_from_name(name_of(operation)) == operation);
  }
  CHECK(name_of(Operation::remove) == "delete");
  CHECK(!operation_from_name("remove"));
  CHECK(!operation_from_name(""));
}

TEST_CASE("A1 A3: an incomplete observation gives no actions and no drift, and says why") {
  Case c{{entry("new"), leaver("old")}, {live("old", {{Field::enabled, on}}), live("stranger")}};
  c.ways.strangers = UnmanagedWay::deprovision;
  c.observed.complete = false;
  c.observed.reasons = {"page 3 failed: 503"};
  const auto plan = c.plan();
  CHECK(!plan.complete);
  CHECK(plan.reasons == c.observed.reasons);
  CHECK(plan.actions.empty());
  CHECK(plan.drifts.empty());
  CHECK(plan.in_sync == 0);
}

TEST_CASE("A54: whose entry is frozen is neither changed, nor created, nor taken for unmanaged or absent") {
  Case c{{entry("ann", {{Field::phone, text("1")}}), leaver("bob"), entry("new"), entry("cat")},
         {live("ann"), live("bob", {{Field::enabled, on}}), live("old.cat"),
          live("stranger", {{Field::enabled, on}})}};
  c.desired.users[3].previously = {"old.cat"};
  for (auto& user : c.desired.users) user.frozen = "a.yaml:1:1: wrong";
  c.ways.strangers = UnmanagedWay::deprovision;
  const auto plan = c.plan();
  CHECK(plan.complete);
  REQUIRE(plan.actions.size() == 1);
  CHECK(plan.actions[0].username == "stranger");
  CHECK(plan.in_sync == 0);
  REQUIRE(plan.notes.size() == 4);
  CHECK(plan.notes[0].rule == frozen_rule);
  CHECK(plan.notes[0].username == "ann");
  CHECK(plan.notes[0].message.find("a.yaml:1:1: wrong") != std::string::npos);
}

TEST_CASE("A6: what was observed of another account plans nothing") {
  Case c{{leaver("jdoe")}, {live("jdoe", {{Field::enabled, on}})}};
  c.observed.account = "5500002";
  CHECK(!c.plan().complete);
  CHECK(c.plan().actions.empty());
  CHECK(c.plan().reasons.size() == 1);
}

TEST_CASE("A49: users that were observed twice plan nothing at all") {
  Case twice{{leaver("jdoe")}, {live("jdoe", {{Field::enabled, on}}), live("JDOE", {{Field::enabled, off}})}};
  CHECK(!twice.plan().complete);
  CHECK(twice.plan().actions.empty());
  Case renamed{{entry("jdoe")}, {live("john.doe", {}, "u7")}};
  renamed.memory.found_by_lookup = {live("jdoe", {}, "u7")};
  CHECK(!renamed.plan().complete);
  CHECK(renamed.plan().actions.empty());
}

TEST_CASE("create: whoever is wanted and not there, with every written field") {
  auto wanted = entry("jdoe", {{Field::email, text("j@example.com")}, {Field::enabled, on}});
  wanted.roles = grants({"Admin"});
  Case c{{wanted}, {}};
  c.observed.catalog = catalog_of({{"r1", "Admin"}}, {});
  const auto plan = c.plan();
  const auto& action = only_action(plan);
  CHECK(action.operation == Operation::create);
  CHECK(action.username == "jdoe");
  CHECK(action.before == User{});
  CHECK(action.after ==
        live("jdoe",
             {{Field::email, text("j@example.com")}, {Field::enabled, on}, {Field::roles, set({"r1"})}}));
  REQUIRE(action.changes.size() == 3);
  for (const auto& change : action.changes) CHECK(!change.from);
  CHECK(action.place.text() == "users.yaml:7:5");
  CHECK(mentions(action, "users.yaml:7:5"));
  CHECK(can_be_sent(action));
  CHECK(*drift_of(plan, "missing") == Drift{"jdoe", "missing", "present", "absent", ""});
  CHECK(plan.in_sync == 0);
}

TEST_CASE("look-up: a user that the list lacks but a look-up found is there") {
  Case c{{entry("jdoe", {{Field::email, text("a")}})}, {}};
  c.memory.found_by_lookup = {live("JDoe", {{Field::email, text("b")}})};
  CHECK(briefs(c.plan()) == Lines{"update JDoe"});
  c.observed.users = {live("jdoe", {{Field::email, text("a")}})};
  CHECK(c.plan().actions.empty());
  CHECK(c.plan().live_users == 1);
}

TEST_CASE("A45: with the same desired state, a remote edit is planned back") {
  Case c{{entry("jdoe", {{Field::first_name, text("Ann")}})},
         {live("jdoe", {{Field::first_name, text("Ann")}})}};
  CHECK(c.plan().actions.empty());
  CHECK(c.plan().in_sync == 1);
  c.observed.users[0].fields.set(Field::first_name, text("Bob"));
  const auto plan = c.plan();
  const auto& action = only_action(plan);
  CHECK(brief(action) == "update jdoe");
  CHECK(action.changes == std::vector<Change>{{Field::first_name, text("Bob"), text("Ann")}});
  CHECK(action.way_rules == Lines{"drift"});
  CHECK(*drift_of(plan, "firstName") == Drift{"jdoe", "firstName", "Ann", "Bob", "drift"});
}

TEST_CASE("A23: a new e-mail or name is exactly one update, never a create or a delete") {
  Case c{{entry("jdoe", {{Field::first_name, text("Ann")},
                         {Field::last_name, text("New")},
                         {Field::email, text("new@example.com")}})},
         {live("jdoe",
               {{Field::first_name, text("Anne")},
                {Field::last_name, text("Old")},
                {Field::email, text("old@example.com")},
                {Field::phone, text("1")}},
               "u1")}};
  c.ways.strangers = UnmanagedWay::deprovision;
  c.ways.deprovisioning = DeprovisionWay::remove;
  const auto plan = c.plan();
  const auto& action = only_action(plan);
  CHECK(brief(action) == "update jdoe");
  CHECK(action.user_id == "u1");
  CHECK(action.changes.size() == 3);
  CHECK(*action.after.fields.text(Field::phone) == "1");
}

TEST_CASE("A23: a rename is for a person to do; what else differs is planned on the user that is there") {
  auto wanted = entry("mary.smith", {{Field::last_name, text("Smith")}});
  wanted.previously = {"mary.stone", "Mary.Jones"};
  Case c{{wanted}, {live("mary.jones", {{Field::last_name, text("Jones")}}, "u1")}};
  c.ways.strangers = UnmanagedWay::deprovision;
  const auto plan = c.plan();
  CHECK(make_set(briefs(plan)) == Lines{"manual update mary.jones", "update mary.jones"});
  const auto& rename = plan.actions[0].cause == Cause::rename ? plan.actions[0] : plan.actions[1];
  CHECK(rename.after.username == "mary.smith");
  CHECK(rename.manual_only);
  CHECK(*drift_of(plan, "rename") == Drift{"mary.jones", "rename", "mary.smith", "mary.jones", ""});
  c.desired.users[0].absent = true;
  c.observed.users[0].fields.set(Field::enabled, on);
  CHECK(briefs(c.plan()) == Lines{"disable mary.jones"});
}

TEST_CASE("A23: once the rename is done nothing is left of it") {
  auto wanted = entry("mary.smith");
  wanted.previously = {"mary.jones"};
  CHECK(Case({wanted}, {live("mary.smith")}).plan().actions.empty());
  CHECK(briefs(Case({wanted}, {}).plan()) == Lines{"create mary.smith"});
}

TEST_CASE("A24: moving an entry to another file or line changes no action") {
  Case c{{entry("jdoe", {{Field::phone, text("1")}}), entry("new")},
         {live("jdoe", {{Field::phone, text("2")}})}};
  const auto before = c.plan();
  for (auto& user : c.desired.users) user.place = Place{"moved.yaml", 70, 3};
  const auto after = c.plan();
  REQUIRE(after.actions.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) CHECK(after.actions[i].id == before.actions[i].id);
  CHECK(after.drifts == before.drifts);
  c.desired.users = {entry("jdoe", {{Field::phone, text("2")}})};
  CHECK(c.plan().actions.empty());
}

TEST_CASE("A43: absent roles are not compared, empty roles take every role away") {
  Case c{{entry("jdoe")}, {live("jdoe", {{Field::roles, set({"r1", "r2"})}, {Field::accounts, set({"1"})}})}};
  CHECK(c.plan().actions.empty());
  c.desired.users[0].roles.emplace();
  const auto plan = c.plan();
  const auto& action = only_action(plan);
  CHECK(brief(action) == "update jdoe");
  CHECK(action.changes == std::vector<Change>{{Field::roles, set({"r1", "r2"}), set({})}});
}

TEST_CASE("A69: what was not observed is unknown: no change is planned from it") {
  auto wanted =
      entry("jdoe", {{Field::email, text("j@example.com")}, {Field::enabled, on}, {Field::phone, text("1")}});
  wanted.roles = grants({"r1"});
  wanted.accounts = account_grants({"1"});
  Case c{{wanted}, {live("jdoe", {{Field::email, text("J@example.com")}})}};
  CHECK(c.plan().actions.empty());
  CHECK(c.plan().drifts.empty());
  CHECK(c.plan().in_sync == 1);
}

TEST_CASE("A69 A50: a leaver whose enabled flag was not seen is not disabled again and again") {
  Case c{{leaver("jdoe")}, {live("jdoe")}};
  CHECK(c.plan().actions.empty());
  CHECK(c.plan().drifts.empty());
  c.observed.users[0].fields.set(Field::enabled, on);
  CHECK(briefs(c.plan()) == Lines{"disable jdoe"});
  c.observed.users[0].fields.set(Field::enabled, off);
  CHECK(c.plan().actions.empty());
  c.observed.users[0].fields.erase(Field::enabled);
  c.ways.deprovisioning = DeprovisionWay::remove;
  CHECK(briefs(c.plan()) == Lines{"delete jdoe"});
}

TEST_CASE("A69 A50: an unmanaged user whose enabled flag was not seen is not disabled again and again") {
  Case c{{}, {live("jdoe")}};
  c.ways.strangers = UnmanagedWay::deprovision;
  CHECK(c.plan().actions.empty());
  CHECK(c.plan().notes.empty());
  c.observed.users[0].fields.set(Field::enabled, on);
  CHECK(briefs(c.plan()) == Lines{"disable jdoe"});
  c.observed.users[0].fields.erase(Field::enabled);
  c.memory.unread["jdoe"] = "could not be read: 503";
  const auto plan = c.plan();
  CHECK(plan.actions.empty());
  REQUIRE(plan.notes.size() == 1);
  CHECK(plan.notes[0].rule == unread_rule);
}

TEST_CASE(
    "where the provider never tells who is enabled, whoever is to leave is left to a person, not forgotten") {
  Case c{{leaver("ann")}, {live("ann"), live("stranger")}};
  c.ways.strangers = UnmanagedWay::deprovision;
  c.observed.tells_enabled = false;
  CHECK(briefs(c.plan()) == Lines{"disable ann", "disable stranger"});
}

TEST_CASE("A47: case and phone formatting never make a plan") {
  Case c{{entry("JDoe", {{Field::email, text("JDoe@EX.com")}, {Field::phone, text("+1 (919) 555-1234")}})},
         {live("jdoe", {{Field::email, text("jdoe@ex.com")}, {Field::phone, text("+19195551234")}})}};
  c.ways.strangers = UnmanagedWay::deprovision;
  CHECK(c.plan().actions.empty());
  CHECK(c.plan().in_sync == 1);
  auto renamed = entry("JDOE");
  renamed.previously = {"jdoe", "JDoe"};
  CHECK(Case({renamed}, {live("jdoe")}).plan().actions.empty());
}

TEST_CASE("A49: one entry for two live users touches neither and says so") {
  auto wanted = entry("mary.smith", {{Field::last_name, text("Smith")}});
  wanted.previously = {"mary.jones"};
  Case c{{wanted}, {live("mary.jones", {{Field::last_name, text("Jones")}}), live("mary.smith")}};
  c.ways.strangers = UnmanagedWay::deprovision;
  for (const bool absent : {false, true}) {
    CAPTURE(absent);
    c.desired.users[0].absent = absent;
    const auto plan = c.plan();
    const auto& action = only_action(plan);
    CHECK(action.manual_only);
    CHECK(action.changes.empty());
    CHECK(mentions(action, "mary.jones, mary.smith"));
    CHECK(drift_of(plan, "ambiguous") != nullptr);
    CHECK(plan.in_sync == 0);
  }
}

TEST_CASE("A49 A25: two entries for one live user touch them in no way") {
  auto renamed = entry("mary.smith", {{Field::enabled, on}});
  renamed.previously = {"mary.jones"};
  const auto found = live("mary.jones", {{Field::enabled, off}});
  for (const auto& other : {entry("mary.jones", {{Field::enabled, off}}), leaver("mary.jones")}) {
    CAPTURE(other.absent);
    const auto plan = Case({other, renamed}, {found}).plan();
    CHECK(briefs(plan) == Lines{"manual update mary.jones", "manual update mary.jones"});
    CHECK(plan.actions[0].id != plan.actions[1].id);
  }
  auto also = renamed;
  also.username = "mary.stone";
  CHECK(briefs(Case({renamed, also}, {found}).plan()) == Lines(2, "manual update mary.jones"));
  CHECK(briefs(Case({entry("Twin"), leaver("twin")}, {live("twin", {{Field::enabled, on}})}).plan()) ==
        Lines(2, "manual update twin"));
  CHECK(briefs(Case({entry("twin"), entry("twin")}, {}).plan()) == Lines(2, "manual update twin"));
}

TEST_CASE("A49: an earlier name that somebody else has today is theirs") {
  auto smith = entry("mary.smith");
  smith.previously = {"mary.jones"};
  const auto next = entry("mary.jones", {{Field::phone, text("1")}});
  Case c{{next, smith}, {live("mary.jones", {{Field::phone, text("2")}}), live("mary.smith")}};
  CHECK(briefs(c.plan()) == Lines{"update mary.jones"});
  c.observed.users = {live("mary.smith")};
  CHECK(briefs(c.plan()) == Lines{"create mary.jones"});
  c.desired.users[1].absent = true;  // and stays theirs when the leaver is gone
  c.observed.users = {live("mary.jones", {{Field::phone, text("2")}})};
  CHECK(briefs(c.plan()) == Lines{"update mary.jones"});
}

TEST_CASE(
    "A49: an earlier name that somebody else is to have is disputed from the start, not once one is there") {
  auto smith = entry("mary.smith");
  smith.previously = {"mary.jones"};
  Case c{{entry("mary.jones"), smith}, {}};
  CHECK(briefs(c.plan()) == Lines{"manual update mary.jones", "manual update mary.smith"});
  c.desired.users[0].username = "mary.stone";
  c.desired.users[0].previously = {"mary.jones"};
  CHECK(briefs(c.plan()) == Lines{"create mary.smith", "create mary.stone"});
}

TEST_CASE("A48: every user with the e-mail waits for a person, and an empty e-mail is nobody's") {
  Case c{{entry("jdoe", {{Field::email, text("j@example.com")}})},
         {live("a", {{Field::email, text("j@example.com")}, {Field::enabled, on}}),
          live("b", {{Field::email, text("j@example.com")}, {Field::enabled, on}})}};
  c.ways.strangers = UnmanagedWay::deprovision;
  CHECK(briefs(c.plan()) == Lines{"manual disable a", "manual disable b", "manual create jdoe"});
  for (auto* fields : {&c.desired.users[0].fields, &c.observed.users[0].fields})
    fields->set(Field::email, text(""));
  CHECK(briefs(c.plan()) == Lines{"disable a", "disable b", "create jdoe"});
}

TEST_CASE(
    "A48: nobody is created whose e-mail an unmanaged user has, and that user is not deprovisioned "
    "meanwhile") {
  Case c{{entry("jdoe", {{Field::email, text("J@example.com")}})},
         {live("john.doe", {{Field::email, text("j@EXAMPLE.com")}, {Field::enabled, on}})}};
  c.ways.strangers = UnmanagedWay::deprovision;
  c.ways.deprovisioning = DeprovisionWay::remove;
  CHECK(briefs(c.plan()) == Lines{"manual create jdoe", "manual delete john.doe"});
  CHECK(mentions(c.plan().actions[0], "john.doe"));
  c.ways.strangers = UnmanagedWay::report;
  CHECK(briefs(c.plan()) == Lines{"manual create jdoe", "report delete john.doe"});
  c.ways.strangers = UnmanagedWay::ignore;
  CHECK(briefs(c.plan()) == Lines{"manual create jdoe"});
  c.desired.users.push_back(entry("john.doe"));
  CHECK(briefs(c.plan()) == Lines{"create jdoe"});
}

TEST_CASE("A51: what the provider overrides is reported and left alone, for every way to change it") {
  Case c{{entry("jdoe", {{Field::phone, text("1")}, {Field::email, text("a")}})},
         {live("jdoe", {{Field::phone, text("2")}, {Field::email, text("b")}})}};
  c.memory.overridden["jdoe\nphone"] = "the provider overrides it";
  const auto plan = c.plan();
  CHECK(make_set(briefs(plan)) == Lines{"report update jdoe", "update jdoe"});
  for (const auto& action : plan.actions) {
    REQUIRE(action.changes.size() == 1);
    CHECK((action.changes[0].field == Field::phone) == action.report_only);
    if (action.report_only) CHECK(action.way_rules == Lines{"provider-overrides"});
  }
  Case leaving{{leaver("jdoe")},
               {live("JDoe", {{Field::enabled, on}}), live("stranger", {{Field::enabled, on}})}};
  leaving.ways.strangers = UnmanagedWay::deprovision;
  leaving.memory.overridden = {{"jdoe\nenabled", "x"}, {"stranger\nenabled", "x"}};
  CHECK(briefs(leaving.plan()) == Lines{"manual disable JDoe", "manual disable stranger"});
  leaving.ways.deprovisioning = DeprovisionWay::remove;
  CHECK(briefs(leaving.plan()) == Lines{"delete JDoe", "delete stranger"});
}

TEST_CASE("ways: drift is enforced, reported or ignored, field by field") {
  Case c{
      {entry("jdoe", {{Field::first_name, text("a")}, {Field::phone, text("a")}, {Field::email, text("a")}})},
      {live("jdoe", {{Field::first_name, text("b")}, {Field::phone, text("b")}, {Field::email, text("b")}})}};
  c.ways.drift_of = {{Field::phone, DriftWay::report}, {Field::email, DriftWay::ignore}};
  const auto plan = c.plan();
  REQUIRE(make_set(briefs(plan)) == Lines{"report update jdoe", "update jdoe"});
  for (const auto& action : plan.actions) {
    REQUIRE(action.changes.size() == 1);
    CHECK(action.changes[0].field == (action.report_only ? Field::phone : Field::first_name));
  }
  CHECK(drift_of(plan, "phone") != nullptr);
  CHECK(drift_of(plan, "email") == nullptr);
}

TEST_CASE("ways: leavers are disabled, deleted or reported") {
  struct Row {
    DeprovisionWay way;
    Value enabled;
    Lines planned;
  };
  const std::vector<Row> rows{
      {DeprovisionWay::disable, on, {"disable jdoe"}},       {DeprovisionWay::disable, off, {}},
      {DeprovisionWay::remove, on, {"delete jdoe"}},         {DeprovisionWay::remove, off, {"delete jdoe"}},
      {DeprovisionWay::report, on, {"report disable jdoe"}}, {DeprovisionWay::report, off, {}}};
  for (const auto& row : rows) {
    Case c{{leaver("jdoe")}, {live("jdoe", {{Field::enabled, row.enabled}})}};
    c.ways.deprovisioning = row.way;
    CHECK(briefs(c.plan()) == row.planned);
    CHECK(c.plan().in_sync == (row.planned.empty() ? 1 : 0));
  }
  CHECK(Case({leaver("gone")}, {}).plan().actions.empty());
}

TEST_CASE("ways: an unmanaged user is only touched where both rules say so") {
  struct Row {
    UnmanagedWay stranger;
    DeprovisionWay way;
    Lines planned;
  };
  const std::vector<Row> rows{{UnmanagedWay::ignore, DeprovisionWay::remove, {}},
                              {UnmanagedWay::report, DeprovisionWay::remove, {"report delete x"}},
                              {UnmanagedWay::report, DeprovisionWay::disable, {"report disable x"}},
                              {UnmanagedWay::deprovision, DeprovisionWay::report, {"report disable x"}},
                              {UnmanagedWay::deprovision, DeprovisionWay::disable, {"disable x"}},
                              {UnmanagedWay::deprovision, DeprovisionWay::remove, {"delete x"}}};
  for (const auto& row : rows) {
    Case c{{}, {live("x", {{Field::enabled, on}})}};
    c.ways.strangers = row.stranger;
    c.ways.deprovisioning = row.way;
    CHECK(briefs(c.plan()) == row.planned);
    for (const auto& action : c.plan().actions) CHECK(action.cause == Cause::unmanaged);
  }
}

TEST_CASE("enabled: turning on or off is a step of its own, and one of the two") {
  Case c{{entry("jdoe", {{Field::enabled, on}, {Field::phone, text("1")}})},
         {live("jdoe", {{Field::enabled, off}, {Field::phone, text("2")}})}};
  CHECK(briefs(c.plan()) == Lines{"update jdoe", "enable jdoe"});
  c.desired.users[0].fields.set(Field::enabled, off);
  c.observed.users[0].fields.set(Field::enabled, on);
  CHECK(briefs(c.plan()) == Lines{"update jdoe", "disable jdoe"});
}

TEST_CASE("immutable fields: a person has to change them, the others go on") {
  Case c{{entry("jdoe", {{Field::scope, text("A")}, {Field::phone, text("1")}})},
         {live("jdoe", {{Field::scope, text("B")}, {Field::phone, text("2")}})}};
  c.observed.immutable = {Field::scope};
  CHECK(make_set(briefs(c.plan())) == Lines{"manual update jdoe", "update jdoe"});
}

TEST_CASE("a field that the provider does not have is never as wanted: a person has to see to it") {
  Case c{{entry("jdoe", {{Field::scope, text("A")}, {Field::phone, text("1")}, {Field::enabled, on}})},
         {live("jdoe", {{Field::phone, text("2")}})}};
  c.desired.users[0].accounts = account_grants({"1"});
  CHECK(briefs(c.plan()) == Lines{"update jdoe"});  // what was not carried is unknown
  c.observed.lacking = {Field::scope, Field::enabled, Field::accounts};
  const auto plan = c.plan();
  CHECK(make_set(briefs(plan)) == Lines{"manual update jdoe", "update jdoe"});
  CHECK(plan.in_sync == 0);
  CHECK(plan.drifts.size() == 3);
  c.desired.users[0].fields.set(Field::enabled, off);
  CHECK(make_set(briefs(c.plan())) == Lines{"manual disable jdoe", "manual update jdoe", "update jdoe"});
}

TEST_CASE("a new user is enabled where nobody can be disabled") {
  Case c{{entry("jdoe", {{Field::enabled, on}})}, {}};
  c.observed.lacking = {Field::enabled};
  const auto plan = c.plan();
  REQUIRE(plan.actions.size() == 1);
  CHECK(plan.actions[0].changes.empty());
}

TEST_CASE("reach: roles that our credential cannot see are kept in what is sent, and reported") {
  Case c{{entry("jdoe")},
         {live("jdoe", {{Field::roles, set({"r1", "secret"})}, {Field::accounts, set({"1", "9"})}})}};
  c.desired.users[0].roles = grants({"r2"});
  c.desired.users[0].accounts = account_grants({"1"});
  c.observed.catalog = catalog_of({{"r1", "One"}, {"r2", "Two"}}, {"1", "2"});
  const auto plan = c.plan();
  REQUIRE(make_set(briefs(plan)) == Lines{"report update jdoe", "update jdoe"});
  for (const auto& action : plan.actions) {
    if (action.report_only) {
      CHECK(action.cause == Cause::credential);
      CHECK(action.changes.size() == 2);
    } else {
      CHECK(action.changes ==
            std::vector<Change>{{Field::roles, set({"r1", "secret"}), set({"r2", "secret"})}});
    }
  }
}

TEST_CASE("reach: a role out of reach that is wanted anyway is nothing to report") {
  Case c{{entry("jdoe")}, {live("jdoe", {{Field::roles, set({"r1", "secret"})}})}};
  c.desired.users[0].roles = grants({"r2", "secret"});
  c.observed.catalog = catalog_of({{"r1", "One"}, {"r2", "Two"}}, {});
  CHECK(briefs(c.plan()) == Lines{"update jdoe"});
}

TEST_CASE("reach: an empty catalogue, true or a lie, takes nothing away") {
  Case c{{entry("jdoe")}, {live("jdoe", {{Field::roles, set({"r1", "r2"})}, {Field::accounts, set({"1"})}})}};
  c.desired.users[0].roles.emplace();
  c.desired.users[0].accounts.emplace();
  c.observed.catalog = catalog_of({}, {});
  for (const auto& action : c.plan().actions) CHECK(action.report_only);
}

TEST_CASE("waiting: one user's trouble holds that user's actions, whatever their case, and nobody else's") {
  Case c{{entry("jdoe", {{Field::enabled, on}, {Field::phone, text("1")}}),
          entry("other", {{Field::phone, text("1")}})},
         {live("JDOE", {{Field::enabled, off}, {Field::phone, text("2")}}),
          live("other", {{Field::phone, text("2")}})}};
  c.memory.waiting["jdoe"] = "unresolved";
  const auto plan = c.plan();
  CHECK(plan.actions.size() == 3);
  for (const auto& action : plan.actions) {
    CHECK(action.must_wait == (action.username == "other" ? "" : "unresolved"));
  }
}

TEST_CASE("who could not be read is not called in sync, and nothing is done to them") {
  Case c{{entry("same", {{Field::phone, text("1")}}), entry("other", {{Field::phone, text("1")}}),
          entry("fine", {{Field::phone, text("1")}})},
         {live("SAME", {{Field::phone, text("1")}}), live("other", {{Field::phone, text("2")}}),
          live("fine", {{Field::phone, text("1")}})}};
  c.memory.unread["same"] = c.memory.unread["other"] = "could not be read: 503";
  const auto plan = c.plan();
  CHECK(only_action(plan).username == "other");
  CHECK(only_action(plan).must_wait == "could not be read: 503");
  CHECK(plan.in_sync == 1);
  REQUIRE(plan.notes.size() == 1);
  CHECK(plan.notes[0].rule == unread_rule);
  CHECK(plan.notes[0].username == "same");
  CHECK(plan.notes[0].message.find("could not be read: 503") != std::string::npos);
}

TEST_CASE("waiting: a create whose fate is unknown waits") {
  Case c{{entry("JDoe")}, {}};
  c.memory.waiting["jdoe"] = "the answer to an earlier create was lost";
  CHECK(!only_action(c.plan()).must_wait.empty());
}

TEST_CASE("A1: after a failed look-up nobody is disabled or deleted, and everybody else goes on") {
  Case c{{entry("new"), entry("back", {{Field::enabled, on}}), entry("jdoe", {{Field::phone, text("1")}}),
          leaver("old")},
         {live("jdoe", {{Field::phone, text("2")}}), live("old", {{Field::enabled, on}}),
          live("back", {{Field::enabled, off}}), live("stranger", {{Field::enabled, on}})}};
  c.memory.no_removals = "a look-up failed";
  for (const auto way : {DeprovisionWay::disable, DeprovisionWay::remove}) {
    c.ways.deprovisioning = way;
    c.ways.strangers = UnmanagedWay::deprovision;
    const auto plan = c.plan();
    CHECK(plan.actions.size() == 5);
    for (const auto& action : plan.actions) {
      const bool takes = action.operation == Operation::disable || action.operation == Operation::remove;
      CHECK(action.must_wait == (takes ? "a look-up failed" : ""));
    }
  }
}

TEST_CASE("A13: an action's id is a digest of what it says, and of nothing else") {
  Action base;
  base.account = "1";
  base.username = "jdoe";
  base.user_id = "u";
  base.changes = {{Field::phone, text("1"), text("2")}};
  std::vector<Action> others(8, base);
  others[0].account = "2";
  others[1].operation = Operation::enable;
  others[2].username = "jdo";
  others[3].user_id = "v";
  others[4].changes[0].to = text("3");
  others[5].changes[0].from.reset();
  others[6].changes[0].field = Field::email;
  others[7].changes.clear();
  StringSet ids{id_of(base)};
  for (const auto& other : others) ids.push_back(id_of(other));
  CHECK(make_set(ids).size() == 9);
  auto same = base;
  same.username = "JDOE";
  same.reason = "another";
  same.place = Place{"x", 1, 1};
  same.report_only = same.manual_only = true;
  same.way_rules = {"r"};
  CHECK(id_of(same) == id_of(base));
  CHECK(id_of(base).size() == 32);
}

TEST_CASE("validity: expired or not yet valid is disabled, never absent") {
  auto wanted = entry("jdoe");
  wanted.valid_until = noon;
  Case c{{wanted}, {live("jdoe", {{Field::enabled, on}})}};
  c.ways.deprovisioning = DeprovisionWay::remove;
  CHECK(briefs(c.plan()) == Lines{"disable jdoe"});
  c.now = noon - Duration{1};
  CHECK(c.plan().actions.empty());
}
