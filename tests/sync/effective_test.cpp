#include <doctest/doctest.h>

#include "samples.hpp"
#include "sync/believe.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

const Catalog catalog =
    catalog_of({{"r1", "Admin"}, {"r2", "Ordering"}, {"Ordering", "Odd one"}, {"BasicAccess", "Basic"}},
               {"5500001", "5500002"});

std::optional<bool> enabled_at(const DesiredUser& user, std::string_view time) {
  return effective_fields(user, catalog, at(time)).flag(Field::enabled);
}

}  // namespace

TEST_CASE("roles: exact id, then exact name, then either without regard to case") {
  CHECK(catalog.role_id("r1") == "r1");
  CHECK(catalog.role_id("Admin") == "r1");
  CHECK(catalog.role_id("Ordering") == "Ordering");
  CHECK(catalog.role_id("basicaccess") == "BasicAccess");
  CHECK(catalog.role_id("ADMIN") == "r1");
  CHECK(catalog.role_id("R1") == "r1");
  CHECK(!catalog.role_id("Nobody"));
  CHECK(!catalog.role_id(""));
  CHECK(!Catalog{}.role_id("r1"));
}

TEST_CASE("A43: roles that are not written are not managed, none written takes all") {
  auto user = entry("jdoe", {{Field::email, text("j@example.com")}});
  CHECK(!effective_fields(user, catalog, noon).has(Field::roles));
  CHECK(!effective_fields(user, catalog, noon).has(Field::accounts));
  user.roles.emplace();
  user.accounts.emplace();
  REQUIRE(effective_fields(user, catalog, noon).set_of(Field::roles) != nullptr);
  CHECK(effective_fields(user, catalog, noon).set_of(Field::roles)->empty());
  CHECK(effective_fields(user, catalog, noon).set_of(Field::accounts)->empty());
}

TEST_CASE("effective fields: roles become canonical ids, one of each, and unknown ones stay as written") {
  auto user = entry("jdoe");
  user.roles = grants({"Admin", "r1", "ADMIN", "Unknown"});
  user.accounts = account_grants({"5500002", "5500001", "5500002"});
  const auto fields = effective_fields(user, catalog, noon);
  CHECK(*fields.set_of(Field::roles) == StringSet{"Unknown", "r1"});
  CHECK(*fields.set_of(Field::accounts) == StringSet{"5500001", "5500002"});
  CHECK(*effective_fields(user, Catalog{}, noon).set_of(Field::roles) ==
        StringSet{"ADMIN", "Admin", "Unknown", "r1"});
}

TEST_CASE("effective fields: a role ends at its instant, not before") {
  auto user = entry("jdoe");
  user.roles = grants({"r1", "r2"});
  user.roles->back().until = at("2026-12-31");
  CHECK(effective_fields(user, catalog, at("2026-12-30T23:59:59.999Z")).set_of(Field::roles)->size() == 2);
  CHECK(*effective_fields(user, catalog, at("2026-12-31")).set_of(Field::roles) == StringSet{"r1"});
}

TEST_CASE("effective fields: the same role granted twice lasts as long as the longer grant") {
  auto user = entry("jdoe");
  user.roles = grants({"Admin", "r1"});
  user.roles->front().until = at("2026-01-01");
  CHECK(*effective_fields(user, catalog, noon).set_of(Field::roles) == StringSet{"r1"});
}

TEST_CASE("validity: outside of it a user is as if disabled, whatever else is written") {
  auto user = entry("jdoe", {{Field::enabled, Value{true}}});
  user.valid_from = at("2026-06-01");
  user.valid_until = at("2027-01-31");
  CHECK(enabled_at(user, "2026-05-31T23:59:59.999Z") == false);
  CHECK(enabled_at(user, "2026-06-01") == true);
  CHECK(enabled_at(user, "2027-01-30T23:59:59.999Z") == true);
  CHECK(enabled_at(user, "2027-01-31") == false);
  CHECK(enabled_at(user, "2030-01-01") == false);
}

TEST_CASE("validity: it never enables whom the entry disables, and manages no more than it has to") {
  auto user = entry("jdoe", {{Field::enabled, Value{false}}});
  user.valid_from = at("2026-06-01");
  CHECK(enabled_at(user, "2026-07-01") == false);
  user = entry("jdoe");
  user.valid_until = at("2027-01-31");
  CHECK(enabled_at(user, "2026-07-01") == std::nullopt);
  CHECK(enabled_at(user, "2027-02-01") == false);
  user = entry("jdoe");
  user.valid_from = at("2026-06-01");
  CHECK(enabled_at(user, "2026-05-01") == false);
  CHECK(enabled_at(user, "2026-07-01") == true);
  CHECK(enabled_at(entry("jdoe"), "2026-07-01") == std::nullopt);
}

TEST_CASE("catalogue check: unknown roles and accounts are errors with a place and what there is") {
  Desired desired;
  desired.account = "5500001";
  desired.users = {entry("jdoe"), entry("mary")};
  desired.users[0].roles = grants({"Admin", "Amdin"});
  desired.users[0].roles->back().place = Place{"a.yaml", 3, 9};
  desired.users[1].accounts = account_grants({"5500001", "9"});
  desired.users[1].accounts->back().place = Place{"b.yaml", 4, 2};
  const auto errors = check_against_catalog(desired, catalog);
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].kind == ErrorKind::desired);
  CHECK(errors[0].where == "a.yaml:3:9");
  CHECK(errors[0].message.find("\"Amdin\"") != std::string::npos);
  CHECK(errors[0].message.find("r1 (Admin)") != std::string::npos);
  CHECK(errors[1].where == "b.yaml:4:2");
  CHECK(errors[1].message.find("5500001, 5500002") != std::string::npos);
  CHECK(check_against_catalog(desired, Catalog{}).empty());
}

TEST_CASE("A13: a role name that several roles share is an error, for no order of the catalogue may decide") {
  Desired desired;
  desired.users = {entry("jdoe")};
  const auto twins = catalog_of({{"r1", "Admin"}, {"r2", "Admin"}}, {});
  for (const auto* written : {"Admin", "admin"}) {
    CAPTURE(written);
    desired.users[0].roles = grants({written});
    const auto errors = check_against_catalog(desired, twins);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].message.find("r1 (Admin), r2 (Admin)") != std::string::npos);
  }
  desired.users[0].roles = grants({"r2"});
  CHECK(check_against_catalog(desired, twins).empty());
  desired.users[0].roles = grants({"Admin"});
  CHECK(check_against_catalog(desired, catalog_of({{"r1", "Admin"}, {"r2", "ADMIN"}}, {})).empty());
}

TEST_CASE("A54: entries that ask for what is not there are frozen, each with what is wrong, and no others") {
  const auto admin_only = catalog_of({{"r1", "Admin"}}, {});
  Desired desired;
  desired.account = "5500001";
  desired.users = {entry("ann"), entry("bob"), entry("cat")};
  desired.users[0].roles = grants({"Admin"});
  desired.users[1].roles = grants({"Amdin", "Nimda"});
  std::vector<Error> errors;
  const auto frozen = freeze_unknown(desired, admin_only, errors);
  CHECK(errors.size() == 2);
  CHECK(frozen.users[0].frozen.empty());
  CHECK(frozen.users[1].frozen.find("Amdin") != std::string::npos);
  CHECK(frozen.users[2].frozen.empty());
  CHECK(digest_of(frozen.users[1]) != digest_of(desired.users[1]));
}

TEST_CASE("what happens by itself is announced seven days ahead, to the instant") {
  auto user = entry("ann");
  const auto said = [&](Time now) { return announcements(user, now).size(); };
  const auto week = std::chrono::days{7};
  user.valid_until = noon;
  CHECK(said(noon - week - Duration{1}) == 0);
  CHECK(said(noon - week) == 1);
  CHECK(said(noon - Duration{1}) == 1);
  CHECK(said(noon) == 0);
  user.valid_from = noon - std::chrono::days{1};
  user.roles = grants({"Admin", "Reporting"});
  user.roles->front().until = noon - std::chrono::days{2};
  const auto notes = announcements(user, noon - week);
  REQUIRE(notes.size() == 3);
  CHECK(notes[0].rule == "validFrom");
  CHECK(notes[1] == Note{"validUntil", "ann", "is to be disabled at 2026-11-21T12:00:00Z", "users.yaml:7:5"});
  CHECK(notes[2].rule == "until");
  CHECK(notes[2].message.find("is to lose the role Admin at 2026-11-19T12:00:00Z") == 0);

  auto disabled = user;
  disabled.fields.set(Field::enabled, Value{false});
  CHECK(announcements(disabled, noon - week).empty());
  auto frozen = user;
  frozen.frozen = "wrong";
  CHECK(announcements(frozen, noon - week).empty());
  auto absent = user;
  absent.absent = true;
  CHECK(announcements(absent, noon - week).empty());
}

TEST_CASE("places: file, line and column, or the file alone") {
  CHECK(Place{"a.yaml", 3, 9}.text() == "a.yaml:3:9");
  CHECK(Place{"a.yaml", 0, 0}.text() == "a.yaml");
}

TEST_CASE("A24: the digest of an entry tells what it says, not where") {
  auto user = entry("jdoe", {{Field::email, text("j@example.com")}});
  user.roles = grants({"a", "b"});
  user.accounts = account_grants({"1", "2"});
  user.previously = {"x", "y"};
  const auto digest = digest_of(user);
  auto same = user;
  same.place = Place{"elsewhere.yaml", 99, 1};
  same.roles = grants({"b", "a"});
  same.roles->front().place = Place{"elsewhere.yaml", 100, 1};
  same.accounts = account_grants({"2", "1"});
  same.previously = {"y", "x"};
  CHECK(digest_of(same) == digest);
  CHECK(digest.size() == 32);
}

TEST_CASE("A45: every edit of an entry changes its digest") {
  auto base = entry("jdoe", {{Field::email, text("j@example.com")}});
  base.roles = grants({"a"});
  std::vector<DesiredUser> edits(12, base);
  edits[0].username = "jdo";
  edits[1].fields.set(Field::email, text("k@example.com"));
  edits[2].fields.set(Field::enabled, Value{true});
  edits[3].fields.erase(Field::email);
  edits[4].roles = grants({"b"});
  edits[5].roles.reset();
  edits[6].roles.emplace();
  edits[7].roles->front().until = noon;
  edits[8].accounts.emplace();
  edits[9].previously = {"x"};
  edits[10].absent = true;
  edits[11].valid_from = noon;
  auto until = base;
  until.valid_until = noon;
  edits.push_back(until);
  auto epoch = base;
  epoch.roles->front().until = time_from_millis(0);
  edits.push_back(epoch);
  edits.push_back(base);
  StringSet digests;
  for (const auto& edit : edits) digests.push_back(digest_of(edit));
  CHECK(make_set(digests).size() == edits.size());
}

TEST_CASE("digests: SHA-256 in lower-case hex") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("canonicalize: role ids where the catalogue knows them; unknown and absent roles stay") {
  auto user = live("jdoe", {{Field::roles, set({"Admin", "Ghost", "r1"})}, {Field::accounts, set({"1"})}});
  canonicalize(user, catalog);
  CHECK(*user.fields.set_of(Field::roles) == StringSet{"Ghost", "r1"});
  CHECK(*user.fields.set_of(Field::accounts) == StringSet{"1"});
  auto thin = live("jdoe");
  canonicalize(thin, catalog);
  CHECK(!thin.fields.has(Field::roles));
}

TEST_CASE("overlay: the upper value where there is one, else the lower") {
  const auto under = fields_of({{Field::email, text("a")}, {Field::roles, set({"x"})}});
  const auto over = fields_of({{Field::email, text("b")}, {Field::enabled, Value{false}}});
  const auto merged = overlay(under, over);
  CHECK(*merged.text(Field::email) == "b");
  CHECK(*merged.set_of(Field::roles) == StringSet{"x"});
  CHECK(merged.flag(Field::enabled) == false);
  CHECK(!merged.has(Field::phone));
}
