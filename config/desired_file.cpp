#include "config/desired_file.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "config/desired_definitions.hpp"
#include "config/desired_entries.hpp"
#include "config/file.hpp"
#include "config/nearest.hpp"
#include "sync/plan.hpp"

namespace usersyncd {
namespace {

constexpr std::size_t largest_desired = 64U << 20U;  // one file
constexpr std::size_t most_bytes = 512U << 20U;      // of all files of a directory together

std::optional<std::vector<RoleGrant>> merged_roles(const UserEntry& user,
                                                   const AccountDefinitions& definitions) {
  if (!user.access.roles && !definitions.defaults().roles) return std::nullopt;
  std::map<std::string, RoleGrant> grants;
  if (user.access.roles)
    for (const RoleGrant& grant : definitions.expand(*user.access.roles)) add_grant(grants, grant);
  for (const RoleGrant& grant : definitions.default_roles()) add_grant(grants, grant);
  std::vector<RoleGrant> result;
  result.reserve(grants.size());
  for (auto& [role, grant] : grants) result.push_back(std::move(grant));
  return result;
}

bool comes_before(const AccountGrant& left, const AccountGrant& right) {
  return left.account < right.account;
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

/// What an entry says itself, or else the default.
template <class T>
std::optional<T> own_or_default(const std::optional<T>& own, const std::optional<Written<T>>& other) {
  if (own || !other) return own;
  return other->value;
}

DesiredUser merged_user(const UserEntry& entry, const AccountDefinitions& definitions, Problems& problems) {
  if (!entry.frozen.empty()) return frozen_user(entry, entry.frozen);
  DesiredUser user = named_user(entry);
  user.absent = entry.absent;
  if (entry.absent) return user;

  if (entry.access.roles) refuse_repeated(*entry.access.roles, problems);
  if (entry.access.accounts) refuse_repeated(*entry.access.accounts, problems);
  const DefaultsEntry& defaults = definitions.defaults();
  set_text(user.fields, Field::first_name, entry.first_name);
  set_text(user.fields, Field::last_name, entry.last_name);
  set_text(user.fields, Field::email, entry.email);
  set_text(user.fields, Field::phone, entry.phone);
  set_text(user.fields, Field::scope, own_or_default(entry.access.scope, defaults.scope));
  const auto enabled = own_or_default(entry.access.enabled, defaults.enabled);
  if (enabled) user.fields.set(Field::enabled, *enabled);
  user.roles = merged_roles(entry, definitions);
  user.accounts = own_or_default(entry.access.accounts, defaults.accounts);
  if (user.accounts) std::sort(user.accounts->begin(), user.accounts->end(), comes_before);
  user.valid_from = entry.valid_from;
  user.valid_until = entry.valid_until;
  return user;
}

using Accounts = std::optional<std::vector<std::string>>;

Accounts sorted(Accounts accounts) {
  if (accounts) std::sort(accounts->begin(), accounts->end());
  return accounts;
}

/// Gathers the users of several files by account. `known_accounts` are sorted.
class Collector {
 public:
  Collector(const Accounts& known_accounts, Problems& problems)
      : known_accounts_(known_accounts), problems_(problems) {}

  void read(const YamlDocument& document) {
    auto file = read_described<DesiredFile>(document, problems_);
    if (!file) return claim_names(document);
    const std::string& account = file->account.value;
    const auto& known = known_accounts_;
    if (known && !std::binary_search(known->begin(), known->end(), account))
      problems_.add(file->account.place,
                    "the account `" + account + "` is not in the config; " + suggestion(account, *known));
    add(std::move(*file));
  }

  /// Of a file that is refused: who is written twice is told all the same.
  void claim_names(const YamlDocument& document) {
    const YamlNode* account = document.root.find("account");
    const YamlNode* users = document.root.find("users");
    if (!account || !users) return;
    PerAccount& claimed = account_of(account->text);
    claimed.refused = true;
    for (const YamlNode& user : users->items) {
      const YamlNode* name = user.find("username");
      if (name && !name->text.empty())
        claim(claimed, Written<std::string>{name->text, document.place_of(*name)});
    }
  }

  void add(DesiredFile file) {
    PerAccount& account = account_of(file.account.value);
    if (account.place.file.empty()) account.place = file.users.place;
    for (const UserEntry& entry : file.users.value) {
      claim(account, entry.username);
      for (const auto& earlier : entry.previously) claim(account, earlier);
    }
    account.definitions.add(file.role_sets, file.defaults);
    account.entries.push_back(std::move(file.users.value));
  }

  std::vector<Desired> finish() {
    std::vector<Desired> result;
    for (auto& [id, account] : accounts_) {
      merge_users(account);
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
    explicit PerAccount(Problems& problems) : definitions(problems) {}

    Place place;
    AccountDefinitions definitions;
    std::vector<std::vector<UserEntry>> entries;  ///< of each file, until they are merged
    std::vector<DesiredUser> users;
    std::map<std::string, Place> names;  ///< by key: usernames and earlier usernames
    bool refused = false;                ///< a file of it could not be read
  };

  PerAccount& account_of(const std::string& id) { return accounts_.try_emplace(id, problems_).first->second; }

  /// A name, present or earlier, belongs to one entry: else one person's rename is another's removal.
  void claim(PerAccount& account, const Written<std::string>& name) {
    const auto [first, is_new] = account.names.emplace(key_of(name.value), name.place);
    if (!is_new)
      problems_.add(name.place, "the user `" + name.value + "` is written twice; the first is at " +
                                    first->second.text());
  }

  /// When all files were read: what one of them defines is for the users of all.
  void merge_users(PerAccount& account) {
    account.definitions.finish();
    for (auto& entries : account.entries) {
      const std::vector<UserEntry> of_file = std::move(entries);
      for (const UserEntry& entry : of_file) {
        const auto before = problems_.count();
        account.users.push_back(merged_user(entry, account.definitions, problems_));
        if (problems_.count() > before && entry.frozen.empty())
          account.users.back() = frozen_user(entry, problems_.message_since(before));
        problems_.confine_since(before);
      }
    }
  }

  static std::string revision_of(const Desired& desired) {
    std::string text = "desired 1\n" + desired.account + "\n";
    for (const DesiredUser& user : desired.users) text += digest_of(user) + "\n";
    return sha256_hex(text);
  }

  const Accounts& known_accounts_;
  Problems& problems_;
  std::map<std::string, PerAccount> accounts_;
};

/// The account that a file seems to speak of, by the first line that says `account:` at its very start. Only
/// the reader of YAML can tell for sure.
std::string_view seeming_account(std::string_view text) {
  constexpr std::string_view key = "account:";
  auto at = text.starts_with(key) ? 0 : text.find("\naccount:");
  if (at == std::string_view::npos) return {};
  at = text.find(key, at) + key.size();
  auto value = text.substr(at, text.find('\n', at) - at);
  value = value.substr(0, value.find(" #"));
  const auto outer = [](char c) { return c == ' ' || c == '\r' || c == '"' || c == '\''; };
  while (!value.empty() && outer(value.front())) value.remove_prefix(1);
  while (!value.empty() && outer(value.back())) value.remove_suffix(1);
  return value;
}

/// A file before its YAML is read. The text is not kept: all files together may be more than fits into
/// memory.
struct SeenFile {
  FileText file;
  std::string digest;
};

/// Files that speak of the same account, as far as can be seen.
struct Group {
  std::vector<SeenFile> files;

  /// It says how files are read as well: a store may know what a program read in another way.
  std::string digest() const {
    std::string all = "definitions for the account\n";
    for (const auto& seen : files) all += seen.digest + ' ' + seen.file.path + '\n';
    return sha256_hex(all);
  }
};

/// Reads the files of one load, group by group.
class FilesReader {
 public:
  FilesReader(const std::string& path, const Accounts& accounts, const DesiredReading& reading,
              Problems& problems)
      : path_(path), accounts_(accounts), reading_(reading), problems_(problems) {}

  /// Empty, with a problem, if the files cannot be read or are too large.
  std::optional<std::map<std::string, Group>> look(const std::vector<std::string>& paths) {
    std::map<std::string, Group> groups;
    std::size_t bytes = 0;
    for (const std::string& name : paths) {
      auto file = read_file(name, largest_desired, problems_);
      if (!file) continue;
      bytes += file->text->size();
      if (bytes > most_bytes) {
        problems_.add({path_, 0, 0},
                      "the files hold more than " + std::to_string(most_bytes) + " bytes together");
        return std::nullopt;
      }
      auto& group = groups[std::string(seeming_account(*file->text))];
      auto digest = sha256_hex(*file->text);
      file->text.reset();
      group.files.push_back({std::move(*file), std::move(digest)});
    }
    return groups;
  }

  /// False if two groups speak of one account: then they have to be read as one. `use_known`: what is known
  /// is not read again.
  bool read(const std::map<std::string, Group>& groups, bool use_known) {
    sources_.clear();
    for (const auto& [account, group] : groups) {
      const auto digest = group.digest();
      const auto* known = use_known ? find_known(digest) : nullptr;
      if (!(known ? add_known(*known, digest) : read_group(group, digest))) return false;
    }
    return true;
  }

  std::map<std::string, DesiredSource> take_sources() { return std::move(sources_); }

 private:
  const std::map<std::string, std::string>* find_known(const std::string& digest) const {
    const auto known = reading_.known.find(digest);
    if (known == reading_.known.end()) return nullptr;
    // An account that has left the config is an error that has to be told with its place.
    const bool expected =
        !accounts_ || std::all_of(known->second.begin(), known->second.end(), [&](const auto& one) {
          return std::binary_search(accounts_->begin(), accounts_->end(), one.first);
        });
    return expected ? &known->second : nullptr;
  }

  bool add_known(const std::map<std::string, std::string>& revisions, const std::string& digest) {
    return std::all_of(revisions.begin(), revisions.end(), [&](const auto& one) {
      return sources_.emplace(one.first, DesiredSource{digest, one.second, true}).second;
    });
  }

  bool read_group(const Group& group, const std::string& digest) {
    const auto before = problems_.count();
    const auto grave_before = problems_.grave();
    Collector collector(accounts_, problems_);
    for (const SeenFile& seen : group.files) {
      const auto file = read_file(seen.file.path, largest_desired, problems_);
      if (!file) continue;
      // Both readings have to be of the same bytes, or what is kept under their digest is something else.
      if (sha256_hex(*file->text) != seen.digest) {
        report_changed(seen.file.path, problems_);
        continue;
      }
      // One document at a time: as a tree it is many times the size of its file.
      if (const auto document = parse_yaml(file->path, file->text, problems_)) collector.read(*document);
    }
    auto accounts = collector.finish();
    const bool sound = problems_.count() == before;
    // What was cut short must not take the place of what an earlier reading kept under the same digest.
    const bool whole = problems_.grave() == grave_before;
    for (auto& desired : accounts) {
      const DesiredSource source{digest, desired.revision, sound};
      if (!sources_.emplace(desired.account, source).second) return false;
      if (whole) reading_.receive(std::move(desired), digest);
    }
    for (const SeenFile& seen : group.files) {
      if (sound) problems_.forget_source(seen.file.path);
    }
    return true;
  }

  const std::string& path_;
  const Accounts& accounts_;
  const DesiredReading& reading_;
  Problems& problems_;
  std::map<std::string, DesiredSource> sources_;
};

/// All in one group, in the order of their paths.
std::map<std::string, Group> merged(std::map<std::string, Group> groups) {
  Group all;
  for (auto& [account, group] : groups) {
    for (auto& file : group.files) all.files.push_back(std::move(file));
  }
  std::sort(all.files.begin(), all.files.end(),
            [](const SeenFile& left, const SeenFile& right) { return left.file.path < right.file.path; });
  std::map<std::string, Group> result;
  result[""] = std::move(all);
  return result;
}

}  // namespace

std::optional<std::vector<Desired>> read_desired(
    const std::vector<YamlDocument>& documents, const std::optional<std::vector<std::string>>& known_accounts,
    Problems& problems) {
  const std::size_t before = problems.grave();
  const auto accounts = sorted(known_accounts);
  Collector collector(accounts, problems);
  for (const YamlDocument& document : documents) collector.read(document);
  std::vector<Desired> desired = collector.finish();
  const bool faulty = std::any_of(documents.begin(), documents.end(),
                                  [](const YamlDocument& document) { return document.faulty; });
  if (faulty || problems.grave() != before) return std::nullopt;
  return desired;
}

std::optional<std::map<std::string, DesiredSource>> read_desired_files(const std::string& path,
                                                                       const Accounts& known_accounts,
                                                                       const DesiredReading& reading,
                                                                       Problems& problems) {
  const std::size_t before = problems.grave();
  const auto paths = list_yaml_files(path, problems);
  if (!paths) return std::nullopt;
  const auto accounts = sorted(known_accounts);
  FilesReader reader(path, accounts, reading, problems);
  auto groups = reader.look(*paths);
  if (!groups) return std::nullopt;
  const Problems as_it_was = problems;
  if (!reader.read(*groups, true)) {
    problems = as_it_was;
    groups = merged(std::move(*groups));
    reader.read(*groups, false);
  }

  for (const auto& [account, group] : *groups) {
    for (const SeenFile& seen : group.files) still_same(seen.file, problems);
  }
  const auto paths_now = list_yaml_files(path, problems);
  if (paths_now && *paths_now != *paths)
    problems.add({path, 0, 0},
                 "files came or went while they were read; read them again when they are complete");
  if (problems.grave() != before) return std::nullopt;
  return reader.take_sources();
}

std::optional<std::vector<Desired>> load_desired(const std::string& path, const Accounts& known_accounts,
                                                 Problems& problems) {
  std::map<std::string, Desired> read;
  DesiredReading reading;
  reading.receive = [&read](Desired desired, const std::string&) {
    auto& place = read[desired.account];
    place = std::move(desired);
  };
  if (!read_desired_files(path, known_accounts, reading, problems)) return std::nullopt;
  std::vector<Desired> accounts;
  for (auto& [account, desired] : read) accounts.push_back(std::move(desired));
  return accounts;
}

std::string desired_schema() {
  return schema_of<DesiredFile>("usersyncd desired state");
}

}  // namespace usersyncd
