#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/problems.hpp"
#include "daemon/command_line.hpp"
#include "policies/rules.hpp"
#include "providers/profile.hpp"
#include "reconcile/account.hpp"
#include "store/store.hpp"
#include "sync/desired.hpp"

namespace usersyncd {

struct AccountSettings {
  AccountConfig config;
  std::shared_ptr<const Profile> profile;  ///< one for all accounts of the same provider
};

/// What is to be: from the desired-state and policy files.
struct Wanted {
  std::map<std::string, Desired>
      desired;  ///< by account id; an account that no file speaks of is only watched
  std::map<std::string, std::string> revisions;  ///< of `desired`, also where that has not been read
  std::string digest;                            ///< of the files of the desired state
  std::string author;                            ///< who last changed it; empty: not known
  bool is_read = false;  ///< false: not looked for, or the files are those of a good earlier reading
  RuleSet rules;

  /// The account's desired state; one without a revision and users if no file speaks of it.
  Desired of(const std::string& account) const;
  /// The same for who has not kept `desired`, as remember_desired_state has put it into the store. Empty: it
  /// is not there.
  std::optional<Desired> recall(const std::string& account, Store& store, Store::DesiredOf keeper) const;
  /// Of the account's desired state; empty if no file speaks of it.
  std::string revision_of(const std::string& account) const;
};

/// Everything that people wrote, read and checked against each other.
struct Settings {
  Config config;
  std::vector<AccountSettings> accounts;
  Wanted wanted;
  std::string texts;  ///< digest of the config, profiles and policies; empty: edited while they were read

  /// A digest of everything but the desired state that bears on the account, for Cycle. Empty: nothing can be
  /// recognised by it.
  std::string digest_for(const AccountContext& account) const;
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

/// The same, except that a desired state which an earlier process has read without a problem, byte for byte,
/// is not read again: most of the time it is not needed.
Loaded<Settings> load_settings_as_known(const std::string& config_path);

/// Reads a desired state that was only recognised so far. Problems are added; false: it is not valid.
bool read_desired_state(Settings& settings, Problems& problems);

/// Keeps what was read for who has not got it, and lets later processes recognise it if there was no problem.
void remember_desired_state(const Settings& settings, Store& store, Store::DesiredOf keeper);

/// Every file that a reload has to look at: the config, profile files, and what lies below desired and
/// policies.
std::vector<std::string> watched_paths(const std::string& config_path, const Settings& settings);

}  // namespace usersyncd
