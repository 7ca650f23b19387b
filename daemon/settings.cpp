#include "daemon/settings.hpp"

#include <pwd.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/config_file.hpp"
#include "config/desired_file.hpp"
#include "config/file.hpp"
#include "config/yaml.hpp"
#include "policies/check.hpp"
#include "policies/read.hpp"

namespace usersyncd {
namespace {

void read_profiles(Settings& settings, Problems& problems) {
  std::map<std::string, std::shared_ptr<const Profile>> read;
  for (const auto& account : settings.config.accounts) {
    auto& profile = read[account.provider];
    if (!profile) {
      auto loaded = load_profile(account.provider, problems, account.place);
      if (loaded) profile = std::make_shared<const Profile>(std::move(*loaded));
    }
    if (profile) settings.accounts.push_back(AccountSettings{account, profile});
  }
}

std::vector<std::string> account_ids(const Config& config) {
  std::vector<std::string> ids;
  for (const auto& account : config.accounts) ids.push_back(account.id);
  return ids;
}

void add_errors(const std::vector<RuleProblem>& errors, Problems& problems) {
  for (const auto& error : errors) problems.add(error.place, error.message);
}

std::string owner_of(const std::string& path, std::int64_t& newest) {
  struct ::stat info {};
  if (::stat(path.c_str(), &info) != 0 || info.st_mtim.tv_sec < newest) return {};
  newest = info.st_mtim.tv_sec;
  // What a deployment wrote as root was changed by somebody else, nobody here knows whom.
  if (info.st_uid == 0) return {};
  const auto* entry = ::getpwuid(info.st_uid);
  return entry ? entry->pw_name : "";
}

// Who last changed the desired state, for the rules that want somebody else to approve; empty: not known. A
// file that was named for it and does not tell is a problem: the rules would hold nobody back.
std::string author_of(const Config& config, Problems& problems) {
  std::string author;
  if (!config.author_path.empty()) {
    std::ifstream file{config.author_path};
    std::getline(file, author);
    while (!author.empty() && (author.back() == '\r' || author.back() == ' ')) author.pop_back();
    if (author.empty())
      problems.add(
          {config.author_path, 0, 0},
          "its first line does not say who last changed the desired state, as `desired.author` in the "
          "config promises");
    return author;
  }
  Problems ignored;
  std::int64_t newest = 0;
  for (const auto& path :
       list_yaml_files(config.desired_path, ignored).value_or(std::vector<std::string>{})) {
    const auto before = newest;
    const auto owner = owner_of(path, newest);
    if (newest > before) author = owner;
  }
  return author;
}

void read_rules(Settings& settings, Problems& problems) {
  const auto ids = account_ids(settings.config);
  auto rules = read_policies(settings.config.policies_path, problems);
  if (!rules) return;
  settings.wanted.rules = std::move(*rules);
  add_errors(check_against_accounts(settings.wanted.rules, ids), problems);
  for (const auto& account : settings.accounts) {
    add_errors(
        check_against_capabilities(settings.wanted.rules, account.profile->capabilities, account.config.id),
        problems);
  }
}

// Config, profiles and policies as they stand in their files.
std::string digest_of_texts(const std::string& config_path, const Config& config) {
  Problems ignored;
  std::vector<std::string> paths{config_path};
  for (const auto& account : config.accounts) {
    if (account.provider.find('/') != std::string::npos) paths.push_back(account.provider);
  }
  const auto policies =
      config.policies_path.empty() ? std::nullopt : list_yaml_files(config.policies_path, ignored);
  if (policies) paths.insert(paths.end(), policies->begin(), policies->end());
  std::string all;
  for (const auto& path : paths) {
    const auto file = read_file(path, largest_yaml, ignored);
    all += path + '\n' + (file ? sha256_hex(*file->text) : std::string{}) + '\n';
  }
  return sha256_hex(all);
}

// What the store remembers of a desired state that was read without a problem: the digest of its files and
// everything else that reading it depends on, then the revision of each account.
constexpr const char* known_desired = "desired-files";

std::string known_head(const std::string& digest, const Config& config) {
  std::string all = std::string{USERSYNCD_VERSION} + '\n' + digest + '\n';
  for (const auto& id : account_ids(config)) all += id + '\n';
  return sha256_hex(all);
}

std::string known_text(const Settings& settings) {
  std::string text = known_head(settings.wanted.digest, settings.config) + '\n';
  for (const auto& [account, revision] : settings.wanted.revisions) text += revision + ' ' + account + '\n';
  return text;
}

// Whether an earlier process has read the same desired state without a problem. Any trouble with finding out
// means no, and whoever reads it then will tell.
bool is_known(Settings& settings) {
  std::error_code missing;
  if (!std::filesystem::exists(settings.config.store_path, missing)) return false;
  const auto digest = digest_of_desired(settings.config.desired_path);
  if (!digest) return false;
  std::optional<std::string> known;
  try {
    known = Store{settings.config.store_path, Access::read_only}.load_note({}, known_desired);
  } catch (const StoreError&) {
    return false;
  }
  std::istringstream lines{known.value_or("")};
  std::string line;
  if (!std::getline(lines, line) || line != known_head(*digest, settings.config)) return false;
  while (std::getline(lines, line)) {
    const auto blank = line.find(' ');
    if (blank == std::string::npos) return false;
    settings.wanted.revisions[line.substr(blank + 1)] = line.substr(0, blank);
  }
  Problems ignored;
  settings.wanted.author = author_of(settings.config, ignored);
  if (!ignored.empty()) return false;
  settings.wanted.digest = *digest;
  return true;
}

// `knows` tells whether the desired state need not be read.
template <class Knows>
Loaded<Settings> load(const std::string& config_path, Knows knows) {
  Problems ignored;
  const auto config_before = load_config(config_path, ignored);
  const auto texts = config_before ? digest_of_texts(config_path, *config_before) : std::string{};
  auto loaded = load_accounts(config_path);
  if (!loaded.value) return loaded;
  auto& settings = *loaded.value;
  if (!knows(settings)) read_desired_state(settings, loaded.problems);
  read_rules(settings, loaded.problems);
  // Edited in between, it is not known which of both was read.
  if (digest_of_texts(config_path, settings.config) == texts) settings.texts = texts;
  if (!loaded.problems.empty()) {
    loaded.exit = Exit::desired;
    settings.wanted.digest.clear();
  }
  if (loaded.problems.grave() > 0) loaded.value.reset();
  return loaded;
}

}  // namespace

Desired Wanted::of(const std::string& account) const {
  if (const auto found = desired.find(account); found != desired.end()) return found->second;
  Desired nothing;
  nothing.account = account;
  return nothing;
}

std::optional<Desired> Wanted::recall(const std::string& account, Store& store,
                                      Store::DesiredOf keeper) const {
  const auto revision = revisions.find(account);
  if (revision == revisions.end()) return of(account);
  auto stored = store.load_desired(account, revision->second, keeper);
  if (stored) stored->author = author;
  return stored;
}

std::string Wanted::revision_of(const std::string& account) const {
  const auto found = revisions.find(account);
  return found == revisions.end() ? std::string{} : found->second;
}

Loaded<Settings> load_accounts(const std::string& config_path) {
  Loaded<Settings> loaded;
  auto config = load_config(config_path, loaded.problems);
  if (config) {
    loaded.value.emplace();
    loaded.value->config = std::move(*config);
    read_profiles(*loaded.value, loaded.problems);
  }
  if (!loaded.problems.empty()) {
    loaded.value.reset();
    loaded.exit = Exit::config;
  }
  return loaded;
}

Loaded<Settings> load_settings(const std::string& config_path) {
  return load(config_path, [](const Settings&) { return false; });
}

Loaded<Settings> load_settings_as_known(const std::string& config_path) {
  return load(config_path, [](Settings& settings) { return is_known(settings); });
}

bool read_desired_state(Settings& settings, Problems& problems) {
  auto& wanted = settings.wanted;
  const auto before = problems.grave();
  auto read = load_desired(settings.config.desired_path, account_ids(settings.config), problems);
  if (!read) return false;
  const auto author = author_of(settings.config, problems);
  wanted.digest = std::move(read->digest);
  wanted.revisions.clear();
  for (auto& one : read->accounts) {
    one.author = author;
    wanted.author = author;
    wanted.revisions[one.account] = one.revision;
    wanted.desired[one.account] = std::move(one);
  }
  wanted.is_read = true;
  return problems.grave() == before;
}

void remember_desired_state(const Settings& settings, Store& store, Store::DesiredOf keeper) {
  const auto& wanted = settings.wanted;
  if (!wanted.is_read) return;
  auto together = store.begin();
  for (const auto& [account, desired] : wanted.desired) store.save_desired(desired, keeper);
  const auto text = wanted.digest.empty() ? std::string{} : known_text(settings);
  if (store.load_note({}, known_desired) != text) store.save_note({}, known_desired, text);
  together.commit();
}

std::string Settings::digest_for(const AccountContext& account) const {
  if (texts.empty()) return {};
  std::string all = std::string{USERSYNCD_VERSION} + '\n' + texts + '\n' + account.id + '\n';
  for (const auto& login : account.own_logins) all += '\n' + login;
  return sha256_hex(all);
}

std::vector<std::string> watched_paths(const std::string& config_path, const Settings& settings) {
  std::vector<std::string> paths{config_path, settings.config.desired_path};
  if (!settings.config.author_path.empty()) paths.push_back(settings.config.author_path);
  if (!settings.config.policies_path.empty()) paths.push_back(settings.config.policies_path);
  for (const auto& account : settings.config.accounts) {
    if (account.provider.find('/') != std::string::npos) paths.push_back(account.provider);
    if (!account.ca_file.empty()) paths.push_back(account.ca_file);
  }
  return paths;
}

}  // namespace usersyncd
