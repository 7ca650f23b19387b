#include "daemon/settings.hpp"

#include <pwd.h>
#include <sys/stat.h>

#include <fstream>

#include "config/config_file.hpp"
#include "config/desired_file.hpp"
#include "config/file.hpp"
#include "policies/check.hpp"
#include "policies/read.hpp"

namespace usersyncd {
namespace {

void read_profiles(Settings& settings, Problems& problems) {
  for (const auto& account : settings.config.accounts) {
    auto profile = load_profile(account.provider, problems, account.place);
    if (profile) settings.accounts.push_back(AccountSettings{account, std::move(*profile)});
  }
}

std::vector<std::string> account_ids(const Config& config) {
  std::vector<std::string> ids;
  for (const auto& account : config.accounts) ids.push_back(account.id);
  return ids;
}

void add_errors(const std::vector<Error>& errors, Problems& problems) {
  for (const auto& error : errors) {
    Place place;
    place.file = error.where;
    problems.add(place, error.message);
  }
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

void read_wanted(Settings& settings, Problems& problems) {
  const auto ids = account_ids(settings.config);
  auto desired = load_desired(settings.config.desired_path, ids, problems);
  auto rules = read_policies(settings.config.policies_path, problems);
  if (desired) {
    const auto author = author_of(settings.config, problems);
    for (auto& one : *desired) {
      one.author = author;
      settings.wanted.desired[one.account] = std::move(one);
    }
  }
  if (!rules) return;
  settings.wanted.rules = std::move(*rules);
  add_errors(check_against_accounts(settings.wanted.rules, ids), problems);
  for (const auto& account : settings.accounts) {
    add_errors(
        check_against_capabilities(settings.wanted.rules, account.profile.capabilities, account.config.id),
        problems);
  }
}

}  // namespace

Desired Wanted::of(const std::string& account) const {
  if (const auto found = desired.find(account); found != desired.end()) return found->second;
  Desired nothing;
  nothing.account = account;
  return nothing;
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
  auto loaded = load_accounts(config_path);
  if (!loaded.value) return loaded;
  read_wanted(*loaded.value, loaded.problems);
  if (!loaded.problems.empty()) loaded.exit = Exit::desired;
  if (loaded.problems.grave() > 0) loaded.value.reset();
  return loaded;
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
