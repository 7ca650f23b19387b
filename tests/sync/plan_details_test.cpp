#include <doctest/doctest.h>

#include "judge.hpp"
#include "samples.hpp"
#include "sync/plan.hpp"
#include "sync/plan_json.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

// What a plan says beside what it does: reasons, rules, causes, drifts. People and policies go by it.

namespace {

const Value on{true};
const Value off{false};

std::vector<std::pair<std::string, std::string>> names_and_kinds(const Plan& plan) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& drift : plan.drifts) found.emplace_back(drift.username, drift.kind);
  return found;
}

}  // namespace

TEST_CASE("plan: drifts are sorted by user, then by kind") {
  Case c{{entry("b", {{Field::phone, text("1")}, {Field::email, text("x")}}), entry("a")},
         {live("c"), live("b", {{Field::phone, text("2")}, {Field::email, text("y")}})}};
  CHECK(names_and_kinds(c.plan()) ==
        std::vector<std::pair<std::string, std::string>>{
            {"a", "missing"}, {"b", "email"}, {"b", "phone"}, {"c", "unmanaged"}});
}

TEST_CASE("plan: a difference says what each field is and what it is to be") {
  Case c{{entry("jdoe", {{Field::phone, text("1")}, {Field::email, text("x")}})},
         {live("jdoe", {{Field::phone, text("2")}, {Field::email, text("y")}})}};
  const auto plan = c.plan();
  CHECK(only_action(plan).reason == "email is \"y\", wanted \"x\"; phone is \"2\", wanted \"1\"");
  CHECK(only_action(plan).account == "5500001");
}

TEST_CASE("plan: what is reported only is caused by the entry, and is nothing for a person to do") {
  Case c{{entry("jdoe", {{Field::phone, text("1")}})}, {live("jdoe", {{Field::phone, text("2")}})}};
  c.ways.all_drift = DriftWay::report;
  const auto plan = c.plan();
  CHECK(only_action(plan).cause == Cause::desired);
  CHECK(only_action(plan).report_only);
  CHECK_FALSE(only_action(plan).manual_only);
}

TEST_CASE("plan: an unmanaged user is reported by the rule on such users, deprovisioned by both rules") {
  Case c{{}, {live("x", {{Field::enabled, on}})}};
  CHECK(only_action(c.plan()).way_rules == Lines{"unmanaged"});
  CHECK(c.plan().drifts == std::vector<Drift>{{"x", "unmanaged", "absent", "present", "unmanaged"}});
  c.ways.strangers = UnmanagedWay::deprovision;
  CHECK(only_action(c.plan()).way_rules == Lines{"leavers", "unmanaged"});
  c.ways.strangers = UnmanagedWay::report;
  c.observed.users[0].fields.set(Field::enabled, off);
  CHECK(c.plan().drifts == std::vector<Drift>{{"x", "unmanaged", "absent", "disabled", "unmanaged"}});
  CHECK(only_action(c.plan()).changes.empty());
  c.observed.users[0].fields.erase(Field::enabled);
  CHECK(only_action(c.plan()).changes == std::vector<Change>{{Field::enabled, std::nullopt, off}});
}

TEST_CASE("plan: a leaver's drift says whether they are still enabled") {
  Case c{{leaver("jdoe")}, {live("jdoe", {{Field::enabled, off}})}};
  c.ways.deprovisioning = DeprovisionWay::remove;
  CHECK(c.plan().drifts == std::vector<Drift>{{"jdoe", "leaver", "absent", "disabled", "leavers"}});
  c.observed.users[0].fields.set(Field::enabled, on);
  CHECK(c.plan().drifts == std::vector<Drift>{{"jdoe", "leaver", "absent", "present", "leavers"}});
}

TEST_CASE("A51: a leaver whom the provider keeps enabling is left to a person, with what happened") {
  Case c{{leaver("jdoe")}, {live("jdoe", {{Field::enabled, on}})}};
  c.memory.overridden["jdoe\nenabled"] = "the provider enabled jdoe again";
  const auto plan = c.plan();
  CHECK(only_action(plan).manual_only);
  CHECK_FALSE(only_action(plan).report_only);
  CHECK(only_action(plan).reason ==
        "the provider enabled jdoe again: disable the user in the provider's portal");
  CHECK(only_action(plan).way_rules == Lines{"provider-overrides"});
  c.ways.deprovisioning = DeprovisionWay::report;
  CHECK(only_action(c.plan()).report_only);
  CHECK_FALSE(only_action(c.plan()).manual_only);
  // Nor is it said without a word of whom an entry disables, or is told of whom a rule only reports.
  Case locked{{entry("jdoe", {{Field::enabled, off}})}, {live("jdoe", {{Field::enabled, on}})}};
  locked.memory = c.memory;
  CHECK(briefs(locked.plan()) == Lines{"manual disable jdoe"});
  CHECK(only_action(locked.plan()).way_rules == Lines{"provider-overrides"});
  Case stranger{{}, {live("jdoe", {{Field::enabled, on}})}};
  stranger.memory = c.memory;
  stranger.ways.strangers = UnmanagedWay::report;
  CHECK(briefs(stranger.plan()) == Lines{"report disable jdoe"});
  CHECK_FALSE(only_action(stranger.plan()).reason.starts_with("the provider enabled"));
}

TEST_CASE("A49: who is disputed is told with the places of all entries, and who is mistakable why") {
  auto one = entry("jdoe"), two = entry("other");
  one.place.line = 3;
  two.place.line = 9;
  two.previously = {"jdoe"};
  const Case disputed{{one, two}, {live("jdoe")}};
  const auto plan = disputed.plan();
  CHECK(plan.actions.front().reason.find("the entries at users.yaml:3:5, users.yaml:9:5 speak for") !=
        std::string::npos);

  Case mistakable{{entry("new", {{Field::email, text("x")}})},
                  {live("old", {{Field::email, text("x")}, {Field::enabled, on}})}};
  mistakable.ways.strangers = UnmanagedWay::deprovision;
  const auto both = mistakable.plan();
  CHECK(briefs(both) == Lines{"manual create new", "manual disable old"});
  CHECK(both.actions[1].reason.find("has the e-mail of somebody who is to be created") != std::string::npos);
}

TEST_CASE("catalogue check: a role that one other spelling fits is no error") {
  Desired desired;
  desired.users = {entry("jdoe")};
  desired.users[0].roles = grants({"ADMIN", "R2"});
  CHECK(check_against_catalog(desired, catalog_of({{"r1", "Admin"}, {"r2", "Ordering"}}, {})).empty());
}

TEST_CASE("A45: other dates and other accounts are another digest") {
  auto base = entry("jdoe");
  base.accounts = account_grants({"1"});
  base.valid_from = base.valid_until = noon;
  std::vector<DesiredUser> edits(4, base);
  edits[1].accounts = account_grants({"2"});
  edits[2].valid_from = noon + Duration{1};
  edits[3].valid_until = noon + Duration{1};
  StringSet digests;
  for (const auto& edit : edits) digests.push_back(digest_of(edit));
  CHECK(make_set(digests).size() == 4);
}

TEST_CASE("json: a document of several accounts has a revision of its own, made from all of theirs") {
  const auto revision = [](const std::string& second) {
    auto one = Case{{}, {}}.plan(), two = one;
    two.account = "5500002";
    two.desired_revision = second;
    const auto judged_one = Judge::judged(one, {}), judged_two = Judge::judged(two, {});
    const auto document = plan_document({&judged_one, &judged_two}, noon);
    return std::string{document.at("desiredRevision").get_string()};
  };
  CHECK(revision("r2").size() == 64);
  CHECK(revision("r2") != revision("r3"));
}

TEST_CASE("json: the document begins with its version, its id of 32 digits and its time") {
  const auto judged = Judge::judged(Case{{}, {}}.plan(), {});
  const auto document = plan_document({&judged}, noon);
  CHECK(document.at("id").get_string().size() == 32);
  std::vector<std::string> keys;
  for (const auto& [key, value] : document) keys.emplace_back(key);
  CHECK(keys == Lines{"version", "id", "createdAt", "desiredRevision", "summary", "accounts"});
}
