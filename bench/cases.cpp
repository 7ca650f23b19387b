#include "bench/cases.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "config/desired_file.hpp"
#include "policies/judge.hpp"
#include "policies/ways.hpp"
#include "providers/codec.hpp"
#include "providers/tree.hpp"
#include "store/store.hpp"

namespace usersyncd::bench {
namespace {

namespace json = boost::json;

constexpr const char* account = "5500001";
const Time now = parse_time("2026-11-18T12:00:00Z").value();

/// The person with this number, the same on every machine.
struct Person {
  explicit Person(std::size_t number)
      : username("person." + std::to_string(number * 7919 % 1'000'003)),
        email(username + "@example.com"),
        phone("+1919555" + std::to_string(1000 + number % 9000)),
        admin(number % 25 == 0),
        enabled(number % 12 != 3) {
    roles = {"basicAccess"};
    for (std::size_t i = 0; i < number % 4; ++i) roles.push_back("role" + std::to_string((number + i) % 12));
    roles = make_set(roles);
  }
  std::string username, email, phone;
  bool admin, enabled;
  std::vector<std::string> roles;
};

Catalog catalog() {
  Catalog made;
  made.roles = {Role{"basicAccess", "Basic Access"}};
  for (int i = 0; i < 12; ++i)
    made.roles->push_back(Role{"role" + std::to_string(i), "Role " + std::to_string(i)});
  made.accounts = StringSet{account};
  return made;
}

Fields fields_of(const Person& person) {
  Fields fields;
  fields.set(Field::first_name, "Ann");
  fields.set(Field::last_name, "van der Berg");
  fields.set(Field::email, person.email);
  fields.set(Field::phone, person.phone);
  fields.set(Field::scope, person.admin ? "ACCOUNT_ADMIN" : "ACCOUNT");
  fields.set(Field::enabled, person.enabled);
  return fields;
}

Observation observe(std::size_t count) {
  Observation observed;
  observed.account = account;
  observed.observed_at = now;
  observed.complete = true;
  observed.catalog = catalog();
  for (std::size_t i = 0; i < count; ++i) {
    const Person person{i};
    User user{person.username, {}, fields_of(person)};
    user.fields.set(Field::roles, person.roles);
    user.fields.set(Field::accounts, StringSet{account});
    observed.users.push_back(std::move(user));
  }
  std::sort(observed.users.begin(), observed.users.end(),
            [](const User& a, const User& b) { return a.username < b.username; });
  return observed;
}

Desired want(std::size_t count) {
  Desired desired;
  desired.account = account;
  desired.revision = "bench";
  for (std::size_t i = 0; i < count; ++i) {
    const Person person{i};
    DesiredUser user;
    user.username = person.username;
    user.fields = fields_of(person);
    user.roles.emplace();
    for (const auto& role : person.roles) user.roles->push_back(RoleGrant{role, {}, {}});
    user.accounts = {AccountGrant{account, {}}};
    user.place = {"users.yaml", static_cast<int>(i) + 4, 5};
    desired.users.push_back(std::move(user));
  }
  std::sort(desired.users.begin(), desired.users.end(),
            [](const DesiredUser& a, const DesiredUser& b) { return a.username < b.username; });
  return desired;
}

/// A directory that goes with the last copy of the pass that works in it.
class Directory {
 public:
  Directory() {
    const std::filesystem::path memory = "/dev/shm";
    const auto parent =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string pattern = parent / "usersyncd-bench-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string path(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

Pass prepare_load(std::size_t size) {
  const auto directory = std::make_shared<Directory>();
  std::ofstream file{directory->path("users.yaml")};
  file << "version: 1\naccount: \"" << account << "\"\nusers:\n";
  for (std::size_t i = 0; i < size; ++i) {
    const Person person{i};
    file << "  - username: " << person.username << "\n    firstName: Ann\n    lastName: van der Berg\n"
         << "    email: " << person.email << "\n    phone: \"" << person.phone << "\"\n    roles: [";
    for (const auto& role : person.roles) file << (&role == &person.roles.front() ? "" : ", ") << role;
    file << "]\n    accounts: [\"" << account
         << "\"]\n    scope: " << (person.admin ? "ACCOUNT_ADMIN" : "ACCOUNT")
         << "\n    enabled: " << (person.enabled ? "true" : "false") << "\n";
  }
  return [directory] {
    Problems problems;
    const std::vector<std::string> accounts{account};
    const auto loaded = load_desired(directory->path("users.yaml"), accounts, problems);
    if (!loaded) throw std::runtime_error(problems.text());
    return loaded->front().users.size();
  };
}

std::string list_answer(std::size_t size) {
  json::array items;
  for (std::size_t i = 0; i < size; ++i) {
    const Person person{i};
    items.push_back(json::object{{"username", person.username},
                                 {"firstName", "Ann"},
                                 {"lastName", "van der Berg"},
                                 {"email", person.email},
                                 {"phone", person.phone},
                                 {"accountScope", person.admin ? "ACCOUNT_ADMIN" : "ACCOUNT"},
                                 {"roles", json::array(person.roles.begin(), person.roles.end())},
                                 {"accounts", json::array{account}},
                                 {"active", person.enabled},
                                 {"allowedApiOrigin", "GUI"}});
  }
  json::object data{{"items", std::move(items)}, {"totalCount", size}};
  return json::serialize(
      json::object{{"links", json::array{}}, {"data", std::move(data)}, {"errors", json::array{}}});
}

Pass prepare_decode(std::size_t size) {
  Problems problems;
  auto profile = std::make_shared<std::optional<Profile>>(load_profile("bandwidth-v1", problems));
  if (!*profile) throw std::runtime_error(problems.text());
  return [profile, body = list_answer(size), known = catalog()] {
    const auto tree = parse_tree("application/json", body);
    const auto entries = list_entries((*profile)->answers.users, tree.value());
    std::size_t roles = 0;
    for (const auto* entry : entries.value()) {
      const auto user = decode_user((*profile)->fields, *entry, known);
      roles += user.value().fields.set_of(Field::roles)->size();
    }
    return roles;
  };
}

Pass prepare_diff(std::size_t size) {
  auto observed = observe(size);
  for (std::size_t i = 0; i < size; i += 10) {
    observed.users[i].fields.set(Field::phone, "+19195550666");
    observed.users[i].fields.set(Field::roles, StringSet{"role0", "role11"});
  }
  const auto ways = std::make_shared<PolicyWays>(RuleSet::built_in(), account, observed.catalog);
  return [ways, observed = std::move(observed), desired = want(size)] {
    const auto plan = make_plan(desired, observed, *ways, PlanMemory{}, now);
    return plan.actions.size() + plan.drifts.size();
  };
}

Pass prepare_plan(std::size_t size) {
  auto observed = observe(size);
  JudgeFacts facts;
  facts.now = now;
  facts.own_logins = {"api-user"};
  facts.catalog = observed.catalog;
  facts.users = observed.users;
  const auto ways = std::make_shared<PolicyWays>(RuleSet::built_in(), account, observed.catalog);
  return [ways, facts, observed = std::move(observed), desired = want(size)] {
    auto plan = make_plan(desired, observed, *ways, PlanMemory{}, now);
    const auto judged = Judge::judge(std::move(plan), RuleSet::built_in(), facts);
    return judged.plan().in_sync + judged.actions().size();
  };
}

AuditEntry exchange(std::size_t number) {
  AuditEntry entry;
  entry.kind = AuditKind::exchange;
  entry.time = now + Duration{static_cast<Duration::rep>(number)};
  entry.run = "20261118T120000Z-bench";
  entry.account = account;
  entry.actor = "daemon";
  entry.username = "person." + std::to_string(number);
  const std::string url = "https://api.example.com/api/v1/users/" + entry.username;
  entry.request = AuditRequest{"GET", url, Headers{{"Accept", "application/json"}}, {}};
  entry.response = AuditResponse{200, {{"Content-Type", "application/json"}}, list_answer(2)};
  entry.duration = Duration{21};
  return entry;
}

Pass prepare_append(std::size_t size) {
  const auto directory = std::make_shared<Directory>();
  const auto store = std::make_shared<Store>(directory->path("usersyncd.db"), Access::read_write);
  std::vector<AuditEntry> entries;
  for (std::size_t i = 0; i < size; ++i) entries.push_back(exchange(i));
  return [directory, store, entries] {
    for (const auto& entry : entries) store->audit().append(entry);
    return static_cast<std::size_t>(store->audit().newest_appended());
  };
}

}  // namespace

const std::vector<Case>& cases() {
  static const std::vector<Case> all{{"load", prepare_load, 500},
                                     {"decode", prepare_decode, 1000},
                                     {"diff", prepare_diff, 1000},
                                     {"plan", prepare_plan, 1000},
                                     {"append", prepare_append, 100}};
  return all;
}

}  // namespace usersyncd::bench
