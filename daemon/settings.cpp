#include "daemon/settings.hpp"

#include <pwd.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/config_file.hpp"
#include "config/desired_file.hpp"
#include "config/file.hpp"
#include "config/yaml.hpp"
#include "daemon/check_connections.hpp"
#include "daemon/logins.hpp"
#include "policies/check.hpp"
#include "policies/read.hpp"

namespace usersyncd {
namespace {

void read_profiles(Settings& settings, Problems& problems) {
  std::map<std::string, std::shared_ptr<const Profile>> read;
  for (const auto& account : settings.config.accounts) {
    auto& profile = read[account.provider];
    if (!profile) {
      auto loaded = load_profile(account.provider, problems, account.provider_place);
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
  std::set<std::string> paths{config_path};
  for (const auto& account : config.accounts) {
    if (account.provider.find('/') != std::string::npos) paths.insert(account.provider);
  }
  const auto policies =
      config.policies_path.empty() ? std::nullopt : list_yaml_files(config.policies_path, ignored);
  if (policies) paths.insert(policies->begin(), policies->end());
  std::string all;
  for (const auto& path : paths) {
    const auto file = read_file(path, largest_yaml, ignored);
    all += path + '\n' + (file ? sha256_hex(*file->text) : std::string{}) + '\n';
  }
  return sha256_hex(all);
}

// What the store remembers of the sources that were read: the version of the program, then a line for each
// account. Those with a fault are read anew all the same, but what is kept of them is in force.
constexpr const char* known_to_daemon = "desired-files";
constexpr const char* known_to_commands = "desired-files-of-command";

const char* known_note(Store::DesiredOf keeper) {
  return keeper == Store::DesiredOf::daemon ? known_to_daemon : known_to_commands;
}

std::string text_of(const DesiredSources& sources) {
  std::string text = std::string{USERSYNCD_VERSION} + '\n';
  for (const auto& [account, source] : sources)
    text += source.files + ' ' + source.revision + (source.sound ? " sound " : " faulty ") + account + '\n';
  return text;
}

DesiredSources sources_from_text(const std::string& text) {
  DesiredSources sources;
  std::istringstream lines{text};
  std::string line;
  if (!std::getline(lines, line) || line != USERSYNCD_VERSION) return {};
  while (std::getline(lines, line)) {
    std::istringstream words{line};
    DesiredSource source;
    std::string soundness, account;
    words >> source.files >> source.revision >> soundness;
    words.get();
    if (!std::getline(words, account) || (soundness != "sound" && soundness != "faulty")) return {};
    source.sound = soundness == "sound";
    sources[account] = std::move(source);
  }
  return sources;
}

// Any trouble with finding out means that nothing is known, and whoever works with the store then will tell.
KnownDesired known_to_a_command(const std::string& config_path) {
  Problems ignored;
  const auto config = load_config(config_path, ignored);
  std::error_code missing;
  if (!config || !std::filesystem::exists(config->store_path, missing)) return {};
  try {
    Store store{config->store_path, Access::read_only};
    auto known = known_from(remembered_sources(store, Store::DesiredOf::daemon));
    known.merge(known_from(remembered_sources(store, Store::DesiredOf::command)));
    return known;
  } catch (const StoreError&) {
    return {};
  }
}

void read_desired(Settings& settings, const KnownDesired& known, const DesiredReceiver& receive,
                  Problems& problems) {
  auto& wanted = settings.wanted;
  DesiredReading reading;
  reading.known = known;
  reading.receive = receive;
  if (!receive) {
    reading.receive = [&wanted](Desired desired, const std::string&) {
      auto& kept = wanted.kept[desired.account];
      kept = std::move(desired);
    };
  }
  auto sources =
      read_desired_files(settings.config.desired_path, account_ids(settings.config), reading, problems);
  if (!sources) return;
  wanted.author = author_of(settings.config, problems);
  wanted.sources = std::move(*sources);
}

}  // namespace

Desired Wanted::of(const std::string& account) const {
  Desired desired;
  desired.account = account;
  if (const auto found = kept.find(account); found != kept.end()) desired = found->second;
  desired.author = author;
  return desired;
}

std::optional<Desired> Wanted::find(const std::string& account, Store& store, Store::DesiredOf keeper) const {
  const auto source = sources.find(account);
  if (source == sources.end() || kept.contains(account)) return of(account);
  auto stored = store.load_desired(account, source->second.files, keeper);
  if (stored && stored->revision != source->second.revision) return std::nullopt;
  if (stored) stored->author = author;
  return stored;
}

std::string Wanted::revision_of(const std::string& account) const {
  const auto found = sources.find(account);
  return found == sources.end() ? std::string{} : found->second.revision;
}

Loaded<Settings> load_accounts(const std::string& config_path) {
  Loaded<Settings> loaded;
  auto config = load_config(config_path, loaded.problems);
  if (config) {
    loaded.value.emplace();
    loaded.value->config = std::move(*config);
    read_profiles(*loaded.value, loaded.problems);
    check_logins(loaded.value->accounts, loaded.problems);
    check_connections(loaded.value->accounts, loaded.problems);
  }
  if (!loaded.problems.empty()) {
    loaded.value.reset();
    loaded.exit = Exit::config;
  }
  return loaded;
}

Loaded<Settings> load_settings(const std::string& config_path, const KnownDesired& known,
                               const DesiredReceiver& receive) {
  Problems ignored;
  const auto config_before = load_config(config_path, ignored);
  const auto texts = config_before ? digest_of_texts(config_path, *config_before) : std::string{};
  auto loaded = load_accounts(config_path);
  if (!loaded.value) return loaded;
  auto& settings = *loaded.value;
  read_desired(settings, known, receive, loaded.problems);
  read_rules(settings, loaded.problems);
  // Edited in between, it is not known which of both was read.
  if (digest_of_texts(config_path, settings.config) == texts) settings.texts = texts;
  if (!loaded.problems.empty()) loaded.exit = Exit::desired;
  if (loaded.problems.grave() > 0) loaded.value.reset();
  return loaded;
}

Loaded<Settings> load_settings_as_known(const std::string& config_path) {
  return load_settings(config_path, known_to_a_command(config_path));
}

bool read_desired_state(Settings& settings, Problems& problems) {
  const auto before = problems.grave();
  settings.wanted.sources.clear();
  settings.wanted.kept.clear();
  read_desired(settings, {}, nullptr, problems);
  return problems.grave() == before;
}

void remember_desired_state(const Settings& settings, Store& store, Store::DesiredOf keeper) {
  const auto& wanted = settings.wanted;
  if (wanted.sources.empty()) return;
  std::map<std::string, std::string> files;
  for (const auto& [account, source] : wanted.sources) files[account] = source.files;
  const auto text = text_of(wanted.sources);
  if (wanted.kept.empty() && store.load_note({}, known_note(keeper)) == text) return;
  auto together = store.begin();
  for (const auto& [account, desired] : wanted.kept) store.save_desired(desired, files.at(account), keeper);
  store.keep_desired(files, keeper);
  if (store.load_note({}, known_note(keeper)) != text) store.save_note({}, known_note(keeper), text);
  together.commit();
}

KnownDesired known_from(const DesiredSources& sources) {
  KnownDesired known;
  for (const auto& [account, source] : sources) {
    if (source.sound) known[source.files][account] = source.revision;
  }
  return known;
}

DesiredSources remembered_sources(Store& store, Store::DesiredOf keeper) {
  return sources_from_text(store.load_note({}, known_note(keeper)).value_or(""));
}

std::string Settings::digest_for(const AccountContext& account) const {
  if (texts.empty()) return {};
  std::string all = std::string{USERSYNCD_VERSION} + '\n' + texts + '\n' + account.id + '\n';
  for (const auto& login : account.own_logins) all += '\n' + login;
  return sha256_hex(all);
}

std::vector<std::string> watched_paths(const std::string& config_path, const Settings& settings) {
  std::set<std::string> paths{config_path, settings.config.desired_path};
  if (!settings.config.author_path.empty()) paths.insert(settings.config.author_path);
  if (!settings.config.policies_path.empty()) paths.insert(settings.config.policies_path);
  for (const auto& account : settings.config.accounts) {
    if (account.provider.find('/') != std::string::npos) paths.insert(account.provider);
    if (!account.ca_file.empty()) paths.insert(account.ca_file);
  }
  return {paths.begin(), paths.end()};
}

}  // namespace usersyncd
