#include "policies/read.hpp"

#include <filesystem>
#include <fstream>

#include "bench.hpp"
#include "policies/check.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

namespace {

// What contract section 4 shows, with two lines broken.
constexpr const char* contract_example = R"(version: 1
rules:
  - { name: break-glass, match: { users: ["breakglass-*"] }, effect: deny }
  - { name: drift-in-phone, match: { fields: [phone] }, effect: { drift: report } }
  - { name: leavers, effect: { deprovision: disable } }
  - { name: unmanaged, effect: { unmanaged: report } }
  - { name: deletes-need-a-person, match: { operations: [delete] }, effect: requireApproval }
  - { name: deletes-wait, match: { operations: [delete] }, effect: { disabledFor: 30d } }
  - { name: admins-need-a-person, match: { roles: [Admin] }, effect: requireApproval }
  - { name: working-hours, match: { operations: [delete, disable] }, effect: { window: { days:
      [mon, tue, wed, thu, fri], hours: "08:00-18:00", timezone: America/New_York } } }
  - { name: blast-radius, effect: { limit: { count: 50, percent: 20, atLeast: 5, per: run } } }
  - { name: leaver-budget, match: { operations: [disable, delete] }, effect:
      { limit: { count: 15, per: 24h } } }
  - { name: believable-list, effect: { shrink: { percent: 30, atLeast: 2 } } }
  - { name: keep-admins, effect: { keep: { role: Admin, atLeast: 2 } } }
  - { name: ours-only, effect: { require: { email: "*@example.com" } } }
  - { name: four-eyes, effect: { forbidTogether: [Billing Reports, Ordering] } }
)";

const Rule& named(const RuleSet& set, const std::string& name) {
  const auto found = std::find_if(set.rules().begin(), set.rules().end(),
                                  [&](const Rule& rule) { return rule.name == name; });
  REQUIRE(found != set.rules().end());
  return *found;
}

std::string problems_of(const std::string& text) {
  Problems problems;
  CHECK_FALSE(read_policy_text("policy.yaml", text, problems).has_value());
  return problems.text();
}

std::string problems_of_rule(const std::string& rule) {
  return problems_of("version: 1\nrules:\n  - " + rule + "\n");
}

/// A directory that is gone when the test is.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "policies-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const auto path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("the contract's example reads without problems, and says what it says") {
  Problems problems;
  const auto set = read_policy_text("policy.yaml", contract_example, problems);
  const std::string found = problems.text();
  CAPTURE(found);
  REQUIRE(set.has_value());
  CHECK(set->rules().size() == 17);  // 14 and three built-in ones of other names: drift, last-admin, own-user
  const auto& limit = std::get<Limit>(named(*set, "blast-radius").effect);
  CHECK(limit.count == 50);
  CHECK(limit.percent == 20);
  CHECK(limit.at_least == 5);
  CHECK(std::get<Limit>(named(*set, "leaver-budget").effect).per == Limit::Per::day);
  CHECK(std::get<DisabledFor>(named(*set, "deletes-wait").effect).duration == std::chrono::hours{24 * 30});
  CHECK(std::get<Keep>(named(*set, "keep-admins").effect).role == "Admin");
  CHECK(named(*set, "four-eyes").place == Place{"policy.yaml", 18, 5});
}

TEST_CASE("the built-in rules are those of the contract, and nothing but") {
  std::vector<std::string> names;
  for (const auto& rule : RuleSet::built_in().rules()) names.push_back(rule.name);
  CHECK(names == std::vector<std::string>{"believable-list", "blast-radius", "deletes-need-a-person", "drift",
                                          "last-admin", "leaver-budget", "leavers", "own-user", "unmanaged"});
  const auto& blast = std::get<Limit>(named(RuleSet::built_in(), "blast-radius").effect);
  CHECK_FALSE(blast.count.has_value());
  CHECK(blast.percent == 20);
  CHECK(blast.at_least == 5);
  const auto& budget = named(RuleSet::built_in(), "leaver-budget");
  CHECK(budget.match.operations == std::vector<Operation>{Operation::disable, Operation::remove});
  CHECK(std::get<Limit>(budget.effect).percent == 5);
  CHECK(std::get<Limit>(budget.effect).at_least == 1);
  CHECK(named(RuleSet::built_in(), "own-user").match.own_login);
  CHECK(std::get<Keep>(named(RuleSet::built_in(), "last-admin").effect).scope == "ACCOUNT_ADMIN");
}

TEST_CASE("a rule of the same name replaces a built-in one, and allow switches it off") {
  const auto set = rules(
      "  - { name: leavers, effect: { deprovision: delete } }\n"
      "  - { name: blast-radius, effect: allow }\n");
  CHECK(std::get<DeprovisionWay>(named(set, "leavers").effect) == DeprovisionWay::remove);
  CHECK_FALSE(named(set, "leavers").built_in);
  CHECK(std::holds_alternative<Allow>(named(set, "blast-radius").effect));
  CHECK(set.rules().size() == RuleSet::built_in().rules().size());
}

TEST_CASE("everything that is wrong with a rule has its place and says what would be right") {
  struct Row {
    const char* rule;
    const char* says;
  };
  const std::vector<Row> rows{
      {"{ name: a, efect: deny }", "3:16: error: unknown key `efect`; did you mean `effect`?"},
      {"{ name: a }", "`effect`"},
      {"{ effect: deny }", "`name`"},
      {"{ name: \"\", effect: deny }", "3:13"},
      {"{ name: a, effect: denied }", "expected one of `deny`, `requireApproval` or `allow`"},
      {"{ name: a, effect: { drift: fix } }", "3:33"},
      {"{ name: a, effect: { deprovision: never } }", "report"},
      {"{ name: a, effect: { drift: report, unmanaged: report } }", "3:"},
      {"{ name: a, effect: {} }", "3:"},
      {"{ name: a, match: { operations: [remove] }, effect: deny }", "delete"},
      {"{ name: a, match: { fields: [mail] }, effect: deny }", "email"},
      {"{ name: a, match: { user: [x] }, effect: deny }", "did you mean `users`?"},
      {"{ name: a, match: { users: [] }, effect: deny }", "an empty list matches nothing"},
      {"{ name: a, match: { roles: [\"\"] }, effect: deny }", "3:"},
      {"{ name: a, match: null, effect: deny }", "3:"},
      {"{ name: a, effect: { disabledFor: 30 } }", "3:"},
      {"{ name: a, match: { users: [\"u00[0-9]\"] }, effect: deny }", "3:33"},
      {"{ name: a, match: { users: [ok, \"{a,b}*\"] }, effect: deny }", "3:37"},
      {"{ name: a, effect: { require: { email: \"*@[ab].com\" } } }", "3:"},
      {"{ name: a, effect: { disabledFor: 0s } }", "3:"},
      {"{ name: a, effect: { window: { days: [monday], timezone: UTC } } }", "mon"},
      {"{ name: a, effect: { window: { days: [mon] } } }", "`timezone`"},
      {"{ name: a, effect: { window: { timezone: UTC } } }", "`days` or `hours`"},
      {"{ name: a, effect: { window: { days: [mon], timezone: America/NewYork } } }", "America/New_York"},
      {"{ name: a, effect: { window: { hours: \"8-18\", timezone: UTC } } }", "08:00-18:00"},
      {"{ name: a, effect: { window: { hours: \"08:00-24:01\", timezone: UTC } } }", "08:00-18:00"},
      {"{ name: a, effect: { window: { hours: \"24:00-08:00\", timezone: UTC } } }", "08:00-18:00"},
      {"{ name: a, effect: { window: { hours: \"08:60-18:00\", timezone: UTC } } }", "08:00-18:00"},
      {"{ name: a, effect: { window: { hours: \"08:00-08:00\", timezone: UTC } } }", "00:00-24:00"},
      {"{ name: a, effect: { limit: { percent: 101 } } }", "3:"},
      {"{ name: a, effect: { limit: { percent: -1 } } }", "3:"},
      {"{ name: a, effect: { limit: { count: 3.5 } } }", "3:"},
      {"{ name: a, effect: { limit: { atLeast: 3 } } }", "`count` or `percent`"},
      {"{ name: a, effect: { limit: { count: 0, atLeast: 1 } } }", "above count"},
      {"{ name: a, effect: { limit: { count: 1, per: 25h } } }", "24h"},
      {"{ name: a, effect: { shrink: { atLeast: 2 } } }", "`percent`"},
      {"{ name: a, match: { users: [x] }, effect: { shrink: { percent: 30 } } }", "accounts only"},
      {"{ name: a, effect: { keep: { atLeast: 1 } } }", "3:"},
      {"{ name: a, effect: { keep: { role: A, scope: B, atLeast: 1 } } }", "3:"},
      {"{ name: a, effect: { keep: { role: A, atLeast: 0 } } }", "3:"},
      {"{ name: a, match: { roles: [B] }, effect: { keep: { role: A, atLeast: 1 } } }", "accounts and users"},
      {"{ name: a, effect: { require: {} } }", "at least one field"},
      {"{ name: a, effect: { require: { roles: A } } }", "unknown key `roles`"},
      {"{ name: a, effect: { forbidTogether: [A] } }", "at least two"},
      {"{ name: a, effect: { forbidTogether: [A, A] } }", "at least two"},
      {"{ name: own-user, effect: allow }", "cannot be replaced"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.rule);
    const auto found = problems_of_rule(row.rule);
    CAPTURE(found);
    CHECK(found.find(row.says) != std::string::npos);
    CHECK(found.find("policy.yaml:3:") == 0);
  }
}

TEST_CASE("all problems of a file are told at once, and two rules of one name with both places") {
  const auto found = problems_of(
      "version: 1\nrules:\n  - { name: a, effect: deny }\n  - { name: a, effect: allow }\n"
      "  - { name: own-user, effect: deny }\n");
  CHECK(found.find("policy.yaml:4:5: error: there is a rule `a` already at policy.yaml:3:5") !=
        std::string::npos);
  CHECK(found.find("policy.yaml:5:5: error: the built-in rule `own-user`") != std::string::npos);
  CHECK(problems_of("version: 2\nrules: []\n").find("policy.yaml:1:10") == 0);
  CHECK(problems_of("version: 1\n").find("`rules`") != std::string::npos);
}

TEST_CASE("a directory is read as one, names are unique over all files, and a bad file spoils the whole") {
  const Folder folder;
  folder.write("a.yaml", "version: 1\nrules:\n  - { name: a, effect: deny }\n");
  folder.write("deep/b.yml", "version: 1\nrules:\n  - { name: b, effect: deny }\n");
  Problems none;
  const auto set = read_policies(folder.path(), none);
  REQUIRE(set.has_value());
  CHECK(set->rules().size() == RuleSet::built_in().rules().size() + 2);

  folder.write("deep/c.yaml", "version: 1\nrules:\n  - { name: a, effect: allow }\n");
  Problems twice;
  CHECK_FALSE(read_policies(folder.path(), twice).has_value());
  CHECK(twice.text().find("c.yaml:3:5") != std::string::npos);
  CHECK(twice.text().find("a.yaml:3:5") != std::string::npos);

  Problems missing;
  CHECK_FALSE(read_policies(folder.path() + "/nothing", missing).has_value());
  Problems built_in_only;
  CHECK(read_policies("", built_in_only)->rules().size() == RuleSet::built_in().rules().size());
}

TEST_CASE("the schema knows every effect and every way") {
  const auto schema = policy_schema();
  for (const char* word :
       {"requireApproval", "deny", "allow", "drift", "deprovision", "unmanaged", "disabledFor", "window",
        "limit", "shrink", "keep", "require", "forbidTogether", "confirmAfter"}) {
    CAPTURE(word);
    CHECK(schema.find("\"" + std::string(word) + "\"") != std::string::npos);
  }
}

TEST_CASE("a rule that asks for what the provider cannot do is an error with its place") {
  Capabilities can;
  can.remove = can.scopes = false;
  const auto set = rules(
      "  - { name: leavers, effect: { deprovision: delete } }\n"
      "  - { name: other, match: { accounts: [\"7\"] }, effect: { deprovision: delete } }\n"
      "  - { name: bosses, effect: { keep: { scope: BOSS, atLeast: 1 } } }\n");
  const auto errors = check_against_capabilities(set, can, account);
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].where == "policy.yaml:5:5");
  CHECK(errors[1].where == "policy.yaml:3:5");
  CHECK(errors[1].message.find("cannot delete") != std::string::npos);
  CHECK(errors[1].kind == ErrorKind::desired);
  CHECK(check_against_capabilities(RuleSet::built_in(), can, account).empty());

  Capabilities nothing;
  nothing.remove = nothing.disable = nothing.roles = nothing.scopes = false;
  const auto many = rules(
      "  - { name: leavers, effect: { deprovision: disable } }\n"
      "  - { name: unmanaged, effect: { unmanaged: deprovision } }\n"
      "  - { name: wait, effect: { disabledFor: 1d } }\n"
      "  - { name: eyes, effect: { forbidTogether: [A, B] } }\n"
      "  - { name: keep, effect: { keep: { role: A, atLeast: 1 } } }\n"
      "  - { name: roles, match: { roles: [A] }, effect: deny }\n"
      "  - { name: fine, effect: { deprovision: report } }\n");
  CHECK(check_against_capabilities(many, nothing, account).size() == 6);
  CHECK(check_against_capabilities(many, Capabilities{}, account).empty());
}

TEST_CASE("a rule for an account that the config does not have is an error") {
  const auto set = rules("  - { name: a, match: { accounts: [\"5500002\"] }, effect: deny }\n");
  CHECK(check_against_accounts(set, {"5500002"}).empty());
  const auto errors = check_against_accounts(set, {account});
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("did you mean `5500001`?") != std::string::npos);
}

TEST_CASE("of several shrink rules the strictest of each number holds") {
  const auto built_in = shrink_rule(RuleSet::built_in(), account);
  REQUIRE(built_in.has_value());
  CHECK(built_in->limit.percent == 30);
  CHECK(built_in->limit.at_least == 2);
  CHECK_FALSE(built_in->confirm_after.has_value());
  const auto both = shrink_rule(
      rules(
          "  - { name: believable-list, effect: { shrink: { percent: 10, atLeast: 9, confirmAfter: 2 } } }\n"
          "  - { name: b, effect: { shrink: { percent: 50, atLeast: 3, confirmAfter: 5 } } }\n"
          "  - { name: c, match: { accounts: [\"7\"] }, effect: { shrink: { percent: 0 } } }\n"),
      account);
  REQUIRE(both.has_value());
  CHECK(both->limit.percent == 10);
  CHECK(both->limit.at_least == 3);
  CHECK(both->confirm_after == 5);
  CHECK(both->rules == std::vector<std::string>{"b", "believable-list"});
  const auto person =
      shrink_rule(rules("  - { name: b, effect: { shrink: { percent: 50, confirmAfter: 5 } } }\n"), account);
  CHECK_FALSE(person->confirm_after.has_value());
  CHECK_FALSE(shrink_rule(rules("  - { name: believable-list, effect: allow }\n"), account).has_value());
}
