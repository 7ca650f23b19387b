#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/desired_file.hpp"
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

using DesiredSources = std::map<std::string, DesiredSource>;  ///< by account id

/// What is to be: from the desired-state and policy files.
struct Wanted {
  DesiredSources sources;               ///< whose account is not among them is only watched
  std::map<std::string, Desired> kept;  ///< by account id: what was read, unless it went into the store
  std::string author;                   ///< who last changed the desired state; empty: not known
  RuleSet rules;

  /// The account's desired state, from here or, as it was put there, from the store; one without a revision
  /// and users if no file speaks of it. Empty: it is not there any more.
  std::optional<Desired> find(const std::string& account, Store& store, Store::DesiredOf keeper) const;
  /// The same for who has kept everything.
  Desired of(const std::string& account) const;
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

/// What of these sources need not be read again.
KnownDesired known_from(const DesiredSources& sources);

/// Gets each desired state as it is read, with the digest of its files; see DesiredReading.
using DesiredReceiver = std::function<void(Desired desired, const std::string& files)>;

/// Config, profiles, desired state and policies. All problems of all files at once. Desired states that are
/// read go to `receive`, or are kept in the result if there is none.
Loaded<Settings> load_settings(const std::string& config_path, const KnownDesired& known = {},
                               const DesiredReceiver& receive = nullptr);

/// The same for a command: a desired state which an earlier process has read without a problem, byte for
/// byte, is not read again.
Loaded<Settings> load_settings_as_known(const std::string& config_path);

/// Reads the desired state anew, and keeps all of it. Problems are added; false: it is not valid.
bool read_desired_state(Settings& settings, Problems& problems);

/// Keeps in the store what `settings` have kept of desired states, and what their sources are, so that later
/// processes recognise them; what the same keeper had there before goes. Nothing if none was read.
void remember_desired_state(const Settings& settings, Store& store, Store::DesiredOf keeper);

/// What remember_desired_state left there; nothing if this program may read the files otherwise.
DesiredSources remembered_sources(Store& store, Store::DesiredOf keeper);

/// Every file that a reload has to look at: the config, profile files, and what lies below desired and
/// policies.
std::vector<std::string> watched_paths(const std::string& config_path, const Settings& settings);

}  // namespace usersyncd
