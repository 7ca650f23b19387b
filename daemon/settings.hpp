#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/problems.hpp"
#include "daemon/command_line.hpp"
#include "policies/rules.hpp"
#include "providers/profile.hpp"
#include "sync/desired.hpp"

namespace usersyncd {

struct AccountSettings {
  AccountConfig config;
  Profile profile;
};

/// What is to be: from the desired-state and policy files.
struct Wanted {
  std::map<std::string, Desired>
      desired;  ///< by account id; an account that no file speaks of is only watched
  RuleSet rules;

  /// The account's desired state; one without a revision and users if no file speaks of it.
  Desired of(const std::string& account) const;
};

/// Everything that people wrote, read and checked against each other.
struct Settings {
  Config config;
  std::vector<AccountSettings> accounts;
  Wanted wanted;
};

/// What a load came to: settings, or problems and the exit code that they deserve (78 for config and
/// profiles, 65 for desired state and policies). Both, if all that is wrong are single entries of users, who
/// are frozen then.
template <class T>
struct Loaded {
  std::optional<T> value;
  Problems problems;
  Exit exit = Exit::done;
};

/// Config and profiles.
Loaded<Settings> load_accounts(const std::string& config_path);

/// Config, profiles, desired state and policies. All problems of all files at once.
Loaded<Settings> load_settings(const std::string& config_path);

/// Every file that a reload has to look at: the config, profile files, and what lies below desired and
/// policies.
std::vector<std::string> watched_paths(const std::string& config_path, const Settings& settings);

}  // namespace usersyncd
