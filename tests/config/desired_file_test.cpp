#include "config/desired_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/config/scratch_directory.hpp"

namespace usersyncd {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;
using Grants = std::map<std::string, std::optional<Time>>;

constexpr const char* head = "version: 1\naccount: \"1\"\n";

std::optional<std::vector<Desired>> read(const Files& files, Problems& problems) {
  std::vector<YamlDocument> documents;
  for (const auto& [name, text] : files) {
    auto document = parse_yaml(name, text, problems);
    if (document) documents.push_back(std::move(*document));
  }
  if (documents.size() < files.size()) return std::nullopt;
  return read_desired(documents, std::vector<std::string>{"1", "5500001"}, problems);
}

/// The desired state of the only account that `files` speak of.
Desired good(const Files& files) {
  Problems problems;
  auto desired = read(files, problems);
  CHECK(problems.text() == "");
  REQUIRE(desired);
  REQUIRE(desired->size() == 1);
  return std::move(desired->front());
}

DesiredUser good_user(const std::string& users, const std::string& before = "") {
  Desired desired = good({{"a.yaml", head + before + "users:\n" + users}});
  REQUIRE(desired.users.size() == 1);
  return std::move(desired.users.front());
}

Grants grants_of(const DesiredUser& user) {
  Grants grants;
  REQUIRE(user.roles);
  for (const RoleGrant& grant : *user.roles) CHECK(grants.emplace(grant.role, grant.until).second);
  return grants;
}

TEST_CASE("the contract's desired state is read") {
  Problems problems;
  const auto desired = load_desired(SOURCE_DIR "/tests/config/data/contract_desired.yaml",
                                    std::vector<std::string>{"5500001"}, problems);
  CHECK(problems.text() == "");
  REQUIRE(desired);
  REQUIRE(desired->size() == 1);
  CHECK(desired->front().account == "5500001");
  CHECK(desired->front().revision.size() == 64);
  const auto& users = desired->front().users;
  REQUIRE(users.size() == 3);

  CHECK(users[0].username == "jdoe");
  CHECK(*users[0].fields.text(Field::first_name) == "John");
  CHECK(*users[0].fields.text(Field::phone) == "+19195551234");
  CHECK(*users[0].fields.text(Field::scope) == "ACCOUNT_ADMIN");
  CHECK(users[0].fields.flag(Field::enabled) == true);
  CHECK(grants_of(users[0]) == Grants{{"TN Lookup", {}},
                                      {"Reporting", {}},
                                      {"basicAccess", {}},
                                      {"Ordering", parse_time("2026-12-31")}});
  REQUIRE(users[0].accounts);
  CHECK(users[0].accounts->size() == 2);
  CHECK(users[0].valid_until == parse_time("2027-01-31"));

  CHECK(users[1].username == "mary.smith");
  CHECK(users[1].previously == std::vector<std::string>{"mary.jones"});
  CHECK_FALSE(users[1].accounts);
  CHECK(grants_of(users[1]) == Grants{{"basicAccess", {}}});

  CHECK(users[2].username == "old.contractor");
  CHECK(users[2].absent);
  CHECK_FALSE(users[2].roles);
}

TEST_CASE("A43: roles absent, empty and null are three things") {
  CHECK_FALSE(good_user("  - username: ann\n").roles);
  const DesiredUser none = good_user("  - {username: ann, roles: []}\n");
  REQUIRE(none.roles);
  CHECK(none.roles->empty());
  for (const char* null : {" null", " ~", ""}) {
    Problems problems;
    CHECK_FALSE(read({{"a.yaml", std::string(head) + "users:\n  - username: ann\n    roles:" + null + "\n"}},
                     problems));
    CHECK(problems.text().find("error: expected a list, found nothing (null); an empty list is written []") !=
          std::string::npos);
    CHECK(problems.all().front().place.line == 5);
  }
}

TEST_CASE("A24: moving a user between files changes neither the users nor the revision") {
  const std::string ann = "  - {username: ann, roles: [B, A], email: ann@example.com}\n";
  const std::string bob = "  - {username: Bob, accounts: [\"2\", \"1\"], previously: [rob]}\n";
  const std::string file = std::string(head) + "users:\n";
  const std::vector<Files> layouts{
      {{"a.yaml", file + ann + bob}},
      {{"a.yaml", file + bob + ann}},
      {{"a.yaml", file + ann}, {"b.yaml", file + bob}},
      {{"a.yaml", file + bob}, {"sub/b.yaml", file + ann}},
      {{"a.yaml", file + bob},
       {"b.yaml",
        "account: 1\nversion: 1\nusers:\n  # moved\n  - roles: [A, B]\n"
        "    email: \"ann@example.com\"\n    username: ann\n"}},
  };
  const Desired first = good(layouts.front());
  for (const Files& files : layouts) {
    const Desired desired = good(files);
    CHECK(desired.revision == first.revision);
    REQUIRE(desired.users.size() == 2);
    CHECK(desired.users[0].username == "ann");
    CHECK(desired.users[1].username == "Bob");
    CHECK(grants_of(desired.users[0]) == grants_of(first.users[0]));
    CHECK(desired.users[1].accounts->front().account == "1");
  }
}

TEST_CASE("A45: whatever an entry says changes the revision") {
  std::vector<std::string> revisions;
  for (const char* user :
       {"{username: ann}", "{username: ann, roles: []}", "{username: ann, roles: [A]}",
        "{username: ann, roles: [{name: A, until: 2027-01-01}]}", "{username: ann, accounts: []}",
        "{username: ann, enabled: true}", "{username: ann, enabled: false}", "{username: ann, state: absent}",
        "{username: ann, previously: [bob]}", "{username: ann, validFrom: 2027-01-01}",
        "{username: ann, validUntil: 2027-01-01}", "{username: ann, phone: \"1\"}",
        "{username: ann, firstName: \"1\"}", "{username: bob}"})
    revisions.push_back(good({{"a.yaml", std::string(head) + "users:\n  - " + user + "\n"}}).revision);
  const std::size_t count = revisions.size();
  std::sort(revisions.begin(), revisions.end());
  revisions.erase(std::unique(revisions.begin(), revisions.end()), revisions.end());
  CHECK(revisions.size() == count);
}

TEST_CASE("role sets are expanded, and the longest of several grants stays") {
  const std::string sets = "roleSets:\n  t1: [A, B]\n  t2: [B, C]\n";
  const auto day = parse_time("2027-01-01");
  CHECK(grants_of(good_user("  - {username: u, roles: [t1, t2, D]}\n", sets)) ==
        Grants{{"A", {}}, {"B", {}}, {"C", {}}, {"D", {}}});
  CHECK(grants_of(good_user("  - {username: u, roles: [{name: t1, until: 2027-01-01}]}\n", sets)) ==
        Grants{{"A", day}, {"B", day}});
  CHECK(grants_of(good_user("  - {username: u, roles: [{name: t1, until: 2027-01-01}, B]}\n", sets)) ==
        Grants{{"A", day}, {"B", {}}});
  CHECK(grants_of(good_user("  - {username: u, roles: [{name: t1, until: 2027-01-01}, {name: A, until: "
                            "2026-01-01}]}\n",
                            sets)) == Grants{{"A", day}, {"B", day}});
}

TEST_CASE("defaults: roles are merged into every user's, other fields stand in for what is not written") {
  const std::string defaults =
      "defaults: {roles: [base], accounts: [\"1\"], scope: ACCOUNT, enabled: true}\n";
  const DesiredUser plain = good_user("  - username: u\n", defaults);
  CHECK(grants_of(plain) == Grants{{"base", {}}});
  CHECK(plain.accounts->size() == 1);
  CHECK(*plain.fields.text(Field::scope) == "ACCOUNT");
  CHECK(plain.fields.flag(Field::enabled) == true);

  const DesiredUser own = good_user(
      "  - {username: u, roles: [X], accounts: [], scope: ACCOUNT_ADMIN, enabled: false}\n", defaults);
  CHECK(grants_of(own) == Grants{{"X", {}}, {"base", {}}});
  CHECK(own.accounts->empty());
  CHECK(*own.fields.text(Field::scope) == "ACCOUNT_ADMIN");
  CHECK(own.fields.flag(Field::enabled) == false);

  CHECK(grants_of(good_user("  - {username: u, roles: []}\n", defaults)) == Grants{{"base", {}}});
  const DesiredUser gone = good_user("  - {username: u, state: absent}\n", defaults);
  CHECK_FALSE(gone.roles);
  CHECK(gone.fields == Fields{});
}

// Property: what is wanted of a user does not depend on which file of the account holds the entry, the role
// set that it names, or the defaults.
TEST_CASE("defaults and role sets are for the whole account, however its entries are spread over files") {
  const std::string defaults = "defaults: {roles: [base], scope: ACCOUNT}\n";
  const std::string sets = "roleSets: {t1: [A, B]}\n";
  const std::string ann = "{username: ann, roles: [t1]}", bob = "{username: bob}";
  const auto file = [](const std::string& above, const std::string& users) {
    return head + above + "users: [" + users + "]\n";
  };
  const std::vector<Files> layouts{
      {{"a.yaml", file(defaults + sets, ann + ", " + bob)}},
      {{"a.yaml", file(defaults + sets, ann)}, {"b.yaml", file("", bob)}},
      {{"a.yaml", file(defaults + sets, bob)}, {"b.yaml", file("", ann)}},
      {{"a.yaml", file(defaults, ann)}, {"b.yaml", file(sets, bob)}},
      {{"a.yaml", file("", ann + ", " + bob)}, {"z.yaml", file(defaults + sets, "")}},
      {{"a.yaml", file(defaults + sets, ann)}, {"b.yaml", file(sets + defaults, bob)}},
      {{"a.yaml", file(defaults + sets, ann)},
       {"b.yaml", file("defaults: {scope: ACCOUNT}\nroleSets: {t1: [B, A]}\n", bob)}},
  };
  const Desired first = good(layouts.front());
  CHECK(grants_of(first.users[0]) == Grants{{"A", {}}, {"B", {}}, {"base", {}}});
  CHECK(grants_of(first.users[1]) == Grants{{"base", {}}});
  CHECK(*first.users[1].fields.text(Field::scope) == "ACCOUNT");
  for (const Files& files : layouts) {
    CAPTURE(files.back().second);
    CHECK(good(files).revision == first.revision);
  }

  Problems problems;
  const auto apart = read({{"a.yaml", file(defaults, bob)},
                           {"b.yaml", "version: 1\naccount: 5500001\nusers: [{username: cid}]\n"}},
                          problems);
  CHECK(problems.text() == "");
  REQUIRE(apart);
  CHECK_FALSE(apart->at(1).users[0].roles);  // another account
}

TEST_CASE("files of one account that define the same name differently are refused, naming both places") {
  const std::vector<std::array<std::string, 3>> cases{
      {"roleSets: {t: [A]}", "roleSets: {t: [B]}",
       "b.yaml:3:15: error: the role set `t` is not the same as at a.yaml:3:15; it is for all users of the "
       "account, in whichever file they stand"},
      {"roleSets: {t: [A]}", "roleSets: {t: [A, B]}", "the role set `t` is not the same as at a.yaml:3:15"},
      {"roleSets: {t: [A]}", "roleSets: {T: [A]}",
       "b.yaml:3:15: error: the role sets `t` and `T` differ in case only; the first is at a.yaml:3:15"},
      {"roleSets: {t: [A]}", "roleSets: {s: [t]}",
       "b.yaml:3:16: error: `t` is a role set; a role set holds roles only; the set is at a.yaml:3:15\n"},
      {"roleSets: {s: [t]}", "roleSets: {t: [A]}",
       "a.yaml:3:16: error: `t` is a role set; a role set holds roles only; the set is at b.yaml:3:15\n"},
      {"defaults: {roles: [T]}", "roleSets: {t: [A]}",
       "a.yaml:3:20: error: `T` differs from the role set `t` in case only; the set is at b.yaml:3:15\n"},
      {"defaults: {roles: [A]}", "defaults: {roles: [A, B]}",
       "b.yaml:3:19: error: the default `roles` is not the same as at a.yaml:3:19"},
      {"defaults: {roles: [A]}", "defaults: {roles: [{name: A, until: 2027-01-01}]}",
       "the default `roles` is not the same as at a.yaml:3:19"},
      {"defaults: {accounts: [\"8\"]}", "defaults: {accounts: [\"9\"]}",
       "b.yaml:3:22: error: the default `accounts` is not the same as at a.yaml:3:22"},
      {"defaults: {scope: ACCOUNT}", "defaults: {scope: ACCOUNT_ADMIN}",
       "b.yaml:3:19: error: the default `scope` is not the same as at a.yaml:3:19"},
      {"defaults: {enabled: true}", "defaults: {enabled: false}",
       "b.yaml:3:21: error: the default `enabled` is not the same as at a.yaml:3:21"},
  };
  for (const auto& [first, second, message] : cases) {
    const std::string shown = first + " | " + second;
    CAPTURE(shown);
    Problems problems;
    CHECK_FALSE(read({{"a.yaml", head + first + "\nusers: [{username: ann}]\n"},
                      {"b.yaml", head + second + "\nusers: [{username: bob}]\n"}},
                     problems));
    CHECK_MESSAGE(problems.text().find(message) != std::string::npos, problems.text());
    CHECK(problems.count() == 1);
    CHECK(problems.grave() == 1);
  }
}

// Property: which file is read first does not matter, and no user is to blame for a default.
TEST_CASE(
    "a default that is written twice in one list is refused in whichever file of the account it stands") {
  const std::vector<std::array<std::string, 3>> cases{
      {"roles: [A]", "roles: [A, A]", ":3:23: error: the role `A` is written twice; the first is at %:3:20"},
      {"roles: [{name: A, until: 2027-01-01}]", "roles: [{name: A, until: 2027-01-01}, A]",
       ":3:50: error: the role `A` is written twice; the first is at %:3:20"},
      {"accounts: [\"8\"]", "accounts: [\"8\", \"8\"]",
       ":3:28: error: the account `8` is written twice; the first is at %:3:23"},
  };
  const auto file = [](const std::string& defaults, const std::string& user) {
    return head + ("defaults: {" + defaults + "}\nusers: [{username: " + user + "}]\n");
  };
  for (const auto& [once, twice, message] : cases) {
    for (const std::string name : {"a.yaml", "c.yaml"}) {
      const std::string shown = name + ": " + twice;
      CAPTURE(shown);
      Problems problems;
      Files files{{"b.yaml", file(once, "ann")}, {name, file(twice, "bob")}};
      std::sort(files.begin(), files.end());
      CHECK_FALSE(read(files, problems));
      auto expected = name + message;
      expected.replace(expected.find('%'), 1, name);
      CHECK_MESSAGE(problems.text().find(expected) != std::string::npos, problems.text());
      CHECK(problems.count() == 1);
      CHECK(problems.grave() == 1);
    }
  }
}

// Property: each mistake is one problem, at its place.
TEST_CASE("A44: a desired state of which nobody can tell what is meant is refused") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[{username: ann, rolles: [A]}]", "3:25: error: unknown key `rolles`; did you mean `roles`?"},
      {"[{firstName: Ann}]", "3:9: error: the key `username` is missing here"},
      {"[{username: ann, username: bob}]", "3:25: error: the key `username` is written twice"},
      {"[{username: \"a b\"}]", "3:20: error: a username has only letters"},
      {"[{username: \"a/b\"}]", "3:20: error: a username has only letters"},
      {"[{username: " + std::string(101, 'a') + "}]", "3:20: error: a username has at most 100"},
      {"[{username: \"..\"}]", "3:20: error: a username does not consist of dots only"},
      {"[{username: u, roles: [{nme: A}]}]", "error: the key `name` is missing here"},
      {"[{username: u, previously: [U]}]",
       "3:36: error: the user `U` is written twice; the first is at f.yaml:3:20"},
      {"[{username: u}, {username: U}]",
       "3:35: error: the user `U` is written twice; the first is at f.yaml:3:20"},
      {"[{username: u}, {username: v, previously: [U]}]", "3:51: error: the user `U` is written twice"},
      {"[]", "3:8: error: nobody is wanted in account `1`"},
      {"[{username: u}]\nroleSets: {s: [A], t: [s]}",
       "4:24: error: `s` is a role set; a role set holds roles only"},
      {"[{username: u}]\nroleSets: {s: []}", "4:15: error: the role set `s` is empty"},
      {"[{username: u}]\nroleSets: {s: [A], S: [B]}", "differ in case only"},
      {"[{username: u}]\ndefaults: {roles: []}", "4:19: error: an empty list here would take everything"},
      {"[{username: u}]\ndefaults: {email: a@b.c}", "4:12: error: unknown key `email`"},
  };
  for (const auto& [users, message] : cases) {
    const std::string shown = users;
    CAPTURE(shown);
    Problems problems;
    CHECK_FALSE(read({{"f.yaml", std::string(head) + "users: " + users + "\n"}}, problems));
    CHECK_MESSAGE(problems.text().find(message) != std::string::npos, problems.text());
    CHECK(problems.grave() == problems.count());
  }
}

TEST_CASE("A54: a wrong value within an entry freezes its user, and is a problem all the same") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[{username: u, email: u}]", "3:30: error: expected an e-mail address"},
      {"[{username: u, email: \"u@x@y\"}]", "3:30: error: expected an e-mail address"},
      {"[{username: u, firstName: \"\"}]", "3:34: error: a name is not empty"},
      {"[{username: u, lastName: " + std::string(101, 'a') + "}]", "3:33: error: a name has at most 100"},
      {"[{username: u, scope: ADMIN}]", "3:30: error: expected ACCOUNT or ACCOUNT_ADMIN"},
      {"[{username: u, enabled: \"true\"}]", "3:32: error: expected true or false"},
      {"[{username: u, roles: A}]", "3:30: error: expected a list, found `A`"},
      {"[{username: u, roles: [A, B, A]}]",
       "3:37: error: the role `A` is written twice; the first is at f.yaml:3:31"},
      {"[{username: u, roles: [{name: A, until: soon}]}]", "3:48: error: expected a date such as 2027-01-31"},
      {"[{username: u, accounts: [\"1\", \"1\"]}]", "3:39: error: the account `1` is written twice"},
      {"[{username: u, state: gone}]", "3:30: error: expected one of `present` or `absent`"},
      {"[{username: u, state: absent, enabled: false}]",
       "3:47: error: a user with `state: absent` has no `enabled`"},
      {"[{username: u, validFrom: 2027-02-01, validUntil: 2027-02-01}]",
       "3:58: error: validUntil is not after"},
      {"[{username: u, roles: [S]}]\nroleSets: {s: [A]}",
       "3:31: error: `S` differs from the role set `s` in case only; the set is at f.yaml:4:15\n"},
  };
  for (const auto& [users, message] : cases) {
    const std::string shown = users;
    CAPTURE(shown);
    Problems problems;
    const auto end = users.substr(0, users.find('\n')).rfind("]");
    const auto others = users.substr(0, end) + ", {username: other, phone: \"1\"}" + users.substr(end);
    const auto desired = read({{"f.yaml", std::string(head) + "users: " + others + "\n"}}, problems);
    REQUIRE(desired.has_value());
    CHECK_MESSAGE(problems.text().find(message) != std::string::npos, problems.text());
    CHECK(problems.count() > 0);
    CHECK(problems.grave() == 0);
    REQUIRE(desired->front().users.size() == 2);
    const auto& other = desired->front().users[0];
    CHECK(other.frozen.empty());
    CHECK(*other.fields.text(Field::phone) == "1");
    const auto& frozen = desired->front().users[1];
    CHECK(frozen.username == "u");
    CHECK(frozen.frozen.find("f.yaml:3:") == 0);
    CHECK(frozen.fields == Fields{});
    CHECK_FALSE(frozen.roles.has_value());
    CHECK_FALSE(frozen.absent);
  }
}

TEST_CASE("A54: what is wrong with one file or with a second user is not hidden behind a frozen one") {
  for (const char* second : {"{username: v, rolles: [A]}", "{username: U}", "{username: v, roles: null}",
                             "{username: v, previously: old}", "{username: v, previously: [\"o ld\"]}"}) {
    CAPTURE(second);
    Problems problems;
    CHECK_FALSE(read({{"f.yaml", std::string(head) + "users: [{username: u, email: u}, " + second + "]\n"}},
                     problems));
    CHECK(problems.count() == 2);
    CHECK(problems.grave() == 1);
  }
}

TEST_CASE("A44: the same user in two files names both places") {
  Problems problems;
  CHECK_FALSE(read({{"a.yaml", std::string(head) + "users:\n  - username: Ann\n"},
                    {"b.yaml", std::string(head) + "users:\n  - username: bob\n  - username: ann\n"}},
                   problems));
  CHECK(problems.text() ==
        "b.yaml:5:15: error: the user `ann` is written twice; the first is at a.yaml:4:15\n"
        "      - username: ann\n                  ^\n");
}

TEST_CASE("what is wrong with the text of a file hides nothing that is wrong with it or with another one") {
  const auto file = [](const std::string& users) { return head + ("users: [" + users + "]\n"); };
  Problems problems;
  CHECK_FALSE(read({{"a.yaml", file("{username: ann, enabled: yes}, {username: bob, rolles: [A]}")},
                    {"b.yaml", file("{username: Ann}, {username: cid, email: none}")}},
                   problems));
  CHECK(problems.count() == 4);
  for (const char* message :
       {"a.yaml:3:34: error: `yes` is a word", "a.yaml:3:56: error: unknown key `rolles`",
        "b.yaml:3:20: error: the user `Ann` is written twice; the first is at a.yaml:3:20",
        "b.yaml:3:49: error: expected an e-mail address"})
    CHECK_MESSAGE(problems.text().find(message) != std::string::npos, problems.text());
}

TEST_CASE("a file with a fault in its text is never believed, however little is wrong with it") {
  for (const char* users : {"[&a {username: ann}]", "[{username: no}]", "[{username: ann, username: ann}]",
                            "[{username: ann\t}]", "[{username: ann}]\n---\nversion: 1"}) {
    CAPTURE(users);
    Problems problems;
    CHECK_FALSE(read({{"a.yaml", std::string(head) + "users: " + users + "\n"}}, problems));
    CHECK_MESSAGE(problems.count() == 1, problems.text());
    CHECK(problems.grave() == 1);
  }
}

TEST_CASE("the same username in two accounts is two people") {
  Problems problems;
  const auto desired = read({{"a.yaml", "version: 1\naccount: 5500001\nusers: [{username: ann}]\n"},
                             {"b.yaml", std::string(head) + "users: [{username: ann}]\n"}},
                            problems);
  CHECK(problems.text() == "");
  REQUIRE(desired);
  CHECK(desired->size() == 2);
  CHECK(desired->at(0).account == "1");
  CHECK(desired->at(0).revision != desired->at(1).revision);
}

TEST_CASE("A6: an account that the config does not know is an error, not an empty set") {
  Problems problems;
  CHECK_FALSE(read({{"a.yaml", "version: 1\naccount: \"5500010\"\nusers: [{username: ann}]\n"}}, problems));
  CHECK(problems.text().starts_with(
      "a.yaml:2:10: error: the account `5500010` is not in the config; did you mean `5500001`?"));
}

TEST_CASE("A5: a missing, empty or broken desired state is refused whole") {
  const ScratchDirectory scratch;
  const auto loads = [&] {
    Problems problems;
    const bool loaded = load_desired(scratch.path(), std::nullopt, problems).has_value();
    CHECK(loaded == problems.empty());
    return loaded;
  };
  CHECK_FALSE(loads());
  scratch.write("a.yaml", std::string(head) + "users: [{username: ann}]\n");
  CHECK(loads());
  scratch.write("b.yaml", "");
  CHECK_FALSE(loads());
  scratch.write("b.yaml", std::string(head) + "users: [{username: bob}]\n");
  CHECK(loads());
  scratch.write("b.yaml", std::string(head) + "users:\n");
  CHECK_FALSE(loads());
  scratch.write("b.yaml", std::string(head) + "users:\n  - username: bob\n    firstName: \"B\n");
  CHECK_FALSE(loads());
  std::filesystem::remove(scratch.path("b.yaml"));
  std::filesystem::create_symlink(scratch.path("nowhere"), scratch.path("b.yaml"));
  CHECK_FALSE(loads());
}

// Property: no prefix of a file in block style that ends inside a text or before a value is believed by
// accident: either it is refused, or it is a whole file itself.
TEST_CASE("A55: a half-written file never crashes, and is refused where that can be seen") {
  const std::string text =
      std::string(head) +
      "roleSets:\n  t: [A, B]\nusers:\n  - username: ann\n    email: \"ann@example.com\"\n"
      "    roles: [t, {name: C, until: 2027-01-01}]\n";
  for (std::size_t length = 0; length < text.size(); ++length) {
    Problems problems;
    const auto desired = read({{"a.yaml", text.substr(0, length)}}, problems);
    CHECK(desired.has_value() == problems.empty());
    const std::string last_line =
        text.substr(0, length).substr(text.rfind('\n', length ? length - 1 : 0) + 1);
    const bool open = std::count(last_line.begin(), last_line.end(), '"') == 1 || last_line.ends_with(':') ||
                      std::count(last_line.begin(), last_line.end(), '[') >
                          std::count(last_line.begin(), last_line.end(), ']');
    if (open) CHECK_FALSE(desired);
  }
}

}  // namespace
}  // namespace usersyncd
