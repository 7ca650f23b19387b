#include "config/desired_file.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "config/desired_entries.hpp"
#include "config/file.hpp"
#include "config/nearest.hpp"
#include "sync/plan.hpp"

namespace usersyncd {
namespace {

constexpr std::size_t largest_desired = 64U << 20U;  // one file
constexpr std::size_t most_bytes = 512U << 20U;      // of all files of a directory together

/// Expands the role sets of one file.
class RoleSets {
 public:
  RoleSets(const std::map<std::string, RoleSet>& sets, Problems& problems)
      : sets_(sets), problems_(problems) {
    for (const auto& [name, set] : sets) {
      const auto [other, is_new] = names_.emplace(key_of(name), name);
      if (!is_new)
        problems_.add(set.place,
                      "the role sets `" + other->second + "` and `" + name + "` differ in case only");
      check(name, set);
    }
  }

  /// The grants that `written` stands for, sorted by role, each role once.
  std::vector<RoleGrant> expand(const std::vector<RoleGrant>& written) const {
    std::map<std::string, RoleGrant> grants;
    std::map<std::string, Place> seen;
    for (const RoleGrant& grant : written) {
      const auto [first, is_new] = seen.emplace(grant.role, grant.place);
      if (!is_new)
        problems_.add(grant.place, "the role `" + grant.role + "` is written twice; the first is at " +
                                       first->second.text());
      const auto set = sets_.find(grant.role);
      if (set == sets_.end()) {
        refuse_other_case(grant);
        add(grants, grant);
        continue;
      }
      for (const auto& role : set->second.value) add(grants, {role.value, grant.until, grant.place});
    }
    std::vector<RoleGrant> result;
    for (auto& [role, grant] : grants) result.push_back(std::move(grant));
    return result;
  }

  /// Adds a grant; of two for one role the longer one stays.
  static void add(std::map<std::string, RoleGrant>& grants, const RoleGrant& grant) {
    const auto [existing, is_new] = grants.emplace(grant.role, grant);
    RoleGrant& kept = existing->second;
    if (!is_new && kept.until && (!grant.until || *grant.until > *kept.until)) kept = grant;
  }

 private:
  void check(const std::string& name, const RoleSet& set) const {
    if (set.value.empty())
      problems_.add(set.place, "the role set `" + name + "` is empty; a user with it would lose every role");
    for (const auto& role : set.value)
      if (sets_.contains(role.value))
        problems_.add(role.place, "`" + role.value + "` is a role set; a role set holds roles only");
  }

  /// Roles are found without regard to case, so this could be meant either way.
  void refuse_other_case(const RoleGrant& grant) const {
    const auto name = names_.find(key_of(grant.role));
    if (name != names_.end())
      problems_.add(grant.place,
                    "`" + grant.role + "` differs from the role set `" + name->second + "` in case only");
  }

  const std::map<std::string, RoleSet>& sets_;
  std::map<std::string, std::string> names_;  ///< of the sets, by key
  Problems& problems_;
};

std::optional<std::vector<RoleGrant>> merged_roles(const UserEntry& user, const AccessEntry& defaults,
                                                   const std::vector<RoleGrant>& default_roles,
                                                   const RoleSets& sets) {
  if (!user.access.roles && !defaults.roles) return std::nullopt;
  std::map<std::string, RoleGrant> grants;
  if (user.access.roles)
    for (const RoleGrant& grant : sets.expand(*user.access.roles)) RoleSets::add(grants, grant);
  for (const RoleGrant& grant : default_roles) RoleSets::add(grants, grant);
  std::vector<RoleGrant> result;
  for (auto& [role, grant] : grants) result.push_back(std::move(grant));
  return result;
}

/// Sorted, each account once.
std::vector<AccountGrant> sorted_accounts(std::vector<AccountGrant> grants, Problems& problems) {
  const auto less = [](const AccountGrant& left, const AccountGrant& right) {
    return left.account < right.account;
  };
  std::stable_sort(grants.begin(), grants.end(), less);
  for (std::size_t i = 1; i < grants.size(); ++i)
    if (grants[i].account == grants[i - 1].account)
      problems.add(grants[i].place, "the account `" + grants[i].account +
                                        "` is written twice; the first is at " + grants[i - 1].place.text());
  return grants;
}

void set_text(Fields& fields, Field field, const std::optional<std::string>& text) {
  if (text) fields.set(field, *text);
}

DesiredUser named_user(const UserEntry& entry) {
  DesiredUser user;
  user.username = entry.username.value;
  user.place = entry.place;
  for (const auto& earlier : entry.previously) user.previously.push_back(earlier.value);
  return user;
}

/// Somebody who is there, of whom nothing is wanted until the entry is mended.
DesiredUser frozen_user(const UserEntry& entry, std::string why) {
  DesiredUser user = named_user(entry);
  user.frozen = std::move(why);
  return user;
}

DesiredUser merged_user(const UserEntry& entry, const AccessEntry& defaults,
                        const std::vector<RoleGrant>& default_roles, const RoleSets& sets,
                        Problems& problems) {
  if (!entry.frozen.empty()) return frozen_user(entry, entry.frozen);
  DesiredUser user = named_user(entry);
  user.absent = entry.absent;
  if (entry.absent) return user;

  set_text(user.fields, Field::first_name, entry.first_name);
  set_text(user.fields, Field::last_name, entry.last_name);
  set_text(user.fields, Field::email, entry.email);
  set_text(user.fields, Field::phone, entry.phone);
  set_text(user.fields, Field::scope, entry.access.scope ? entry.access.scope : defaults.scope);
  const std::optional<bool> enabled = entry.access.enabled ? entry.access.enabled : defaults.enabled;
  if (enabled) user.fields.set(Field::enabled, *enabled);
  user.roles = merged_roles(entry, defaults, default_roles, sets);
  const auto& accounts = entry.access.accounts ? entry.access.accounts : defaults.accounts;
  if (accounts) user.accounts = sorted_accounts(*accounts, problems);
  user.valid_from = entry.valid_from;
  user.valid_until = entry.valid_until;
  return user;
}

/// Gathers the users of all files by account.
class Collector {
 public:
  Collector(const std::optional<std::vector<std::string>>& known_accounts, Problems& problems)
      : known_accounts_(known_accounts), problems_(problems) {}

  void read(const YamlDocument& document) {
    const auto file = read_described<DesiredFile>(document, problems_);
    if (!file) return claim_names(document);
    const std::string& account = file->account.value;
    const auto& known = known_accounts_;
    if (known && std::find(known->begin(), known->end(), account) == known->end())
      problems_.add(file->account.place,
                    "the account `" + account + "` is not in the config; " + suggestion(account, *known));
    add(*file);
  }

  /// Of a file that is refused: who is written twice is told all the same.
  void claim_names(const YamlDocument& document) {
    const YamlNode* account = document.root.find("account");
    const YamlNode* users = document.root.find("users");
    if (!account || !users) return;
    PerAccount& claimed = accounts_[account->text];
    claimed.refused = true;
    for (const YamlNode& user : users->items) {
      const YamlNode* name = user.find("username");
      if (name && !name->text.empty())
        claim(claimed, Written<std::string>{name->text, document.place_of(*name)});
    }
  }

  void add(const DesiredFile& file) {
    const RoleSets sets(file.role_sets, problems_);
    const auto default_roles = sets.expand(file.defaults.roles.value_or(std::vector<RoleGrant>{}));
    PerAccount& account = accounts_[file.account.value];
    if (account.place.file.empty()) account.place = file.users.place;
    for (const UserEntry& entry : file.users.value) {
      claim(account, entry.username);
      for (const auto& earlier : entry.previously) claim(account, earlier);
      const auto before = problems_.count();
      account.users.push_back(merged_user(entry, file.defaults, default_roles, sets, problems_));
      if (problems_.count() > before && entry.frozen.empty())
        account.users.back() = frozen_user(entry, problems_.message_since(before));
      problems_.confine_since(before);
    }
  }

  std::vector<Desired> finish() {
    std::vector<Desired> result;
    for (auto& [id, account] : accounts_) {
      if (account.users.empty() && !account.refused)
        problems_.add(account.place, "nobody is wanted in account `" + id +
                                         "`; if that is meant, write its users with `state: absent`");
      std::sort(account.users.begin(), account.users.end(),
                [](const DesiredUser& left, const DesiredUser& right) {
                  return key_of(left.username) < key_of(right.username);
                });
      Desired desired;
      desired.account = id;
      desired.users = std::move(account.users);
      desired.revision = revision_of(desired);
      result.push_back(std::move(desired));
    }
    return result;
  }

 private:
  struct PerAccount {
    Place place;
    std::vector<DesiredUser> users;
    std::map<std::string, Place> names;  ///< by key: usernames and earlier usernames
    bool refused = false;                ///< a file of it could not be read
  };

  /// A name, present or earlier, belongs to one entry: else one person's rename is another's removal.
  void claim(PerAccount& account, const Written<std::string>& name) {
    const auto [first, is_new] = account.names.emplace(key_of(name.value), name.place);
    if (!is_new)
      problems_.add(name.place, "the user `" + name.value + "` is written twice; the first is at " +
                                    first->second.text());
  }

  static std::string revision_of(const Desired& desired) {
    std::string text = "desired 1\n" + desired.account + "\n";
    for (const DesiredUser& user : desired.users) text += digest_of(user) + "\n";
    return sha256_hex(text);
  }

  const std::optional<std::vector<std::string>>& known_accounts_;
  Problems& problems_;
  std::map<std::string, PerAccount> accounts_;
};

std::string digest_line(const FileText& file) {
  return sha256_hex(*file.text) + ' ' + file.path + '\n';
}

}  // namespace

std::optional<std::vector<Desired>> read_desired(
    const std::vector<YamlDocument>& documents, const std::optional<std::vector<std::string>>& known_accounts,
    Problems& problems) {
  const std::size_t before = problems.grave();
  Collector collector(known_accounts, problems);
  for (const YamlDocument& document : documents) collector.read(document);
  std::vector<Desired> desired = collector.finish();
  if (problems.grave() != before) return std::nullopt;
  return desired;
}

std::optional<std::string> digest_of_desired(const std::string& path) {
  Problems ignored;
  const auto paths = list_yaml_files(path, ignored);
  if (!paths) return std::nullopt;
  std::string all;
  for (const std::string& name : *paths) {
    const auto file = read_file(name, largest_desired, ignored);
    if (!file) return std::nullopt;
    all += digest_line(*file);
  }
  return sha256_hex(all);
}

std::optional<LoadedDesired> load_desired(const std::string& path,
                                          const std::optional<std::vector<std::string>>& known_accounts,
                                          Problems& problems) {
  const std::size_t before = problems.grave();
  const auto paths = list_yaml_files(path, problems);
  if (!paths) return std::nullopt;

  LoadedDesired loaded;
  std::vector<FileText> files;
  Collector collector(known_accounts, problems);
  std::size_t bytes = 0;
  std::string digests;
  for (const std::string& name : *paths) {
    auto file = read_file(name, largest_desired, problems);
    if (!file) continue;
    bytes += file->text->size();
    if (bytes > most_bytes) {
      problems.add({path, 0, 0},
                   "the files hold more than " + std::to_string(most_bytes) + " bytes together");
      return std::nullopt;
    }
    digests += digest_line(*file);
    // One document at a time: as a tree it is many times the size of its file.
    if (const auto document = parse_yaml(name, file->text, problems)) collector.read(*document);
    file->text.reset();
    files.push_back(std::move(*file));
  }
  loaded.accounts = collector.finish();
  loaded.digest = sha256_hex(digests);

  for (const FileText& file : files) still_same(file, problems);
  const auto paths_now = list_yaml_files(path, problems);
  if (paths_now && *paths_now != *paths)
    problems.add({path, 0, 0},
                 "files came or went while they were read; read them again when they are complete");
  if (problems.grave() != before) return std::nullopt;
  return loaded;
}

std::string desired_schema() {
  return schema_of<DesiredFile>("usersyncd desired state");
}

}  // namespace usersyncd
