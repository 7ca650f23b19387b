#include "config/write_desired.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "config/desired_file.hpp"
#include "config/yaml.hpp"

namespace usersyncd {
namespace {

const Time now = time_from_millis(1'795'000'000'000);

std::vector<DesiredUser> read_back(const std::string& text) {
  Problems problems;
  const auto document = parse_yaml("w.yaml", text, problems);
  std::optional<std::vector<Desired>> desired;
  if (document) desired = read_desired({*document}, std::nullopt, problems);
  CHECK_MESSAGE(problems.text() == "", text);
  return desired ? desired->front().users : std::vector<DesiredUser>{};
}

/// All fields, roles and accounts among them, as they were written.
Fields fields_of(const DesiredUser& user) {
  Fields fields = user.fields;
  std::vector<std::string> roles, accounts;
  for (const RoleGrant& grant : user.roles.value_or(std::vector<RoleGrant>{})) roles.push_back(grant.role);
  for (const auto& grant : user.accounts.value_or(std::vector<AccountGrant>{}))
    accounts.push_back(grant.account);
  if (user.roles) fields.set(Field::roles, make_set(roles));
  if (user.accounts) fields.set(Field::accounts, make_set(accounts));
  return fields;
}

/// Text of the characters that YAML readers stumble over, and others.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> pieces{"a",
                                               "Z",
                                               "0",
                                               "7",
                                               "e",
                                               " ",
                                               "\t",
                                               "\n",
                                               "\r",
                                               "\\",
                                               "\"",
                                               "'",
                                               ":",
                                               ": ",
                                               " #",
                                               "#",
                                               "-",
                                               "- ",
                                               "?",
                                               "!",
                                               "&",
                                               "*",
                                               "|",
                                               ">",
                                               "%",
                                               "@",
                                               "`",
                                               "{",
                                               "}",
                                               "[",
                                               "]",
                                               ",",
                                               "~",
                                               "null",
                                               "yes",
                                               "true",
                                               "\x01",
                                               "\x1b",
                                               "\x7f",
                                               "\xc2\x85",
                                               "\xc2\xa0",
                                               "\xc3\xa9",
                                               "\xe2\x80\xa8",
                                               "\xef\xbb\xbf",
                                               "\xf0\x9f\x98\x80",
                                               std::string(1, '\0')};
  std::string text;
  const std::size_t count = 1 + random() % 8;
  for (std::size_t i = 0; i < count; ++i) text += pieces[random() % pieces.size()];
  return text;
}

TEST_CASE("a scalar is quoted where some reader of YAML would take it for something else") {
  for (const char* text : {"Ann", "Ann-Marie", "TN Lookup", "ann@example.com", "basicAccess", "a.b_c"})
    CHECK(yaml_scalar(text) == text);
  for (const char* text :
       {"",     "007",   "1e3",  "+1919", "yes", "NO", "On",         "y",          "null",  "~",
        "True", "false", ".inf", "nan",   " a",  "a ", "a: b",       "a #b",       "#a",    "-",
        "- a",  "a:",    "*a",   "&a",    "!a",  "<<", "2027-01-31", "0x1F",       "1_000", "12:30:45",
        "{a",   "[a",    "a,b",  "=",     "%a",  "@a", "`a",         "J\xc3\xb6rg"})
    CHECK_MESSAGE(yaml_scalar(text) == "\"" + std::string(text) + "\"", text);
  CHECK(yaml_scalar("a\"\\\n\t\r\x01") == "\"a\\\"\\\\\\n\\t\\r\\u0001\"");
  CHECK(yaml_scalar("\xe2\x80\xae"
                    "x\xef\xbb\xbf") == "\"\\u202Ex\\uFEFF\"");
}

TEST_CASE("what is written for import is in order and readable") {
  User bob{"bob", "17", {}};
  User ann{"Ann", "", {}};
  ann.fields.set(Field::first_name, std::string("Ann"));
  ann.fields.set(Field::phone, std::string("0412345678"));
  ann.fields.set(Field::roles, make_set({"TN Lookup", "007"}));
  ann.fields.set(Field::accounts, StringSet{});
  ann.fields.set(Field::enabled, false);
  CHECK(write_desired("5500001", {bob, ann}, time_from_millis(0)).text ==
        "# The users of account \"5500001\" as they were found at 1970-01-01T00:00:00Z.\n"
        "# A field that is not written is neither compared nor changed.\n"
        "version: 1\n"
        "account: \"5500001\"\n"
        "users:\n"
        "  - username: Ann\n"
        "    firstName: Ann\n"
        "    phone: \"0412345678\"\n"
        "    roles: [\"007\", TN Lookup]\n"
        "    accounts: []\n"
        "    enabled: false\n"
        "  - username: bob\n");
}

bool has_control(const std::string& text) {
  const bool c0 =
      std::any_of(text.begin(), text.end(), [](unsigned char byte) { return byte < 0x20 || byte == 0x7F; });
  return c0 || text.find("\xc2\x85") != std::string::npos;
}

// Property: whatever a provider sends, the file reads back to the same values; what cannot be said is left
// out.
TEST_CASE("import of random texts reads back identically") {
  std::mt19937 random(20261121);
  for (int round = 0; round < 300; ++round) {
    User user{"u" + std::to_string(random() % 1000), "", {}};
    const std::string first = random_text(random), last = random_text(random);
    user.fields.set(Field::first_name, first);
    user.fields.set(Field::last_name, last);
    user.fields.set(Field::phone, random_text(random));
    user.fields.set(Field::roles, make_set({"r" + random_text(random), "s" + random_text(random)}));
    user.fields.set(Field::accounts, make_set({"a" + random_text(random)}));
    user.fields.set(Field::enabled, random() % 2 == 0);
    const std::string account = "x" + random_text(random);
    const std::string text = write_desired(account, {user}, now).text;
    CAPTURE(text);
    Fields expected = user.fields;
    if (first.find_first_not_of(" \t\r\n") == std::string::npos) expected.erase(Field::first_name);
    if (last.find_first_not_of(" \t\r\n") == std::string::npos) expected.erase(Field::last_name);
    for (Field field : {Field::first_name, Field::last_name, Field::phone}) {
      const auto* value = expected.text(field);
      if (value && has_control(*value)) expected.erase(field);
    }
    const auto users = read_back(text);
    REQUIRE(users.size() == 1);
    CHECK(users[0].username == user.username);
    CHECK(fields_of(users[0]) == expected);
  }
}

TEST_CASE("what a desired state cannot say is left out with a comment") {
  User odd{"a b", "", {}};
  User ann{"ann", "", {}};
  User twin{"ANN", "", {}};
  ann.fields.set(Field::first_name, std::string());
  ann.fields.set(Field::email, std::string("none\nroles: [Admin]"));
  ann.fields.set(Field::scope, std::string("OTHER"));
  ann.fields.set(Field::roles, StringSet{""});
  const auto written = write_desired("1", {odd, ann, twin}, now);
  const std::string& text = written.text;
  CHECK(written.left_out == std::vector<std::string>{"a b", "ANN"});
  CHECK(text.find("  # left out: the user a b: a username has only letters") != std::string::npos);
  CHECK(text.find("    # left out: firstName: \"\" (") != std::string::npos);
  CHECK(text.find("differs from another one in case only") != std::string::npos);
  const auto users = read_back(text);
  REQUIRE(users.size() == 1);
  CHECK(fields_of(users[0]) == Fields{});
}

TEST_CASE("A2: importing an empty account gives a file that is not believed") {
  const std::string text = write_desired("1", {}, now).text;
  Problems problems;
  const auto document = parse_yaml("w.yaml", text, problems);
  REQUIRE(document);
  CHECK_FALSE(read_desired({*document}, std::nullopt, problems));
  CHECK(problems.text().find("nobody is wanted in account `1`") != std::string::npos);
}

}  // namespace
}  // namespace usersyncd
