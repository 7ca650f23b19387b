#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/problems.hpp"
#include "config/yaml.hpp"
#include "sync/desired.hpp"

namespace usersyncd {

/// An account as the files of a desired state speak of it.
struct DesiredSource {
  std::string files;     ///< digest of its files, names and bytes: the same digest, the same desired state
  std::string revision;  ///< of the desired state
  bool sound = false;    ///< there was no problem with the files at all
};

/// What an earlier reading found in sound files: by their digest, the revision of every account that they
/// speak of.
using KnownDesired = std::map<std::string, std::map<std::string, std::string>>;

/// What whoever reads a desired state knows beforehand, and what they do with it.
struct DesiredReading {
  KnownDesired known;  ///< these files are not read again
  /// Gets each account that was read, with the digest of its files, one after the other: together they may be
  /// more than fits into memory. An account may come twice; then the first time does not count. One that
  /// a file of its group keeps from being read whole does not come. What is received counts only if the
  /// reading ends well.
  std::function<void(Desired desired, const std::string& files)> receive;
};

/// Reads the desired state (contract, section 3) from a file, or from all *.yaml and *.yml below a directory.
/// Returns all accounts that are spoken of. Empty, with every problem in `problems`, if anything is wrong
/// with a file, also if it changed before all of them were read: a user who is being moved from one file to
/// another must not seem to be in none. A value that is wrong within one user's entry freezes that user
/// instead (DesiredUser::frozen); it is among the problems all the same.
///
/// `known_accounts` are the account ids of the config; without them any account is accepted.
///
/// Role sets are expanded and defaults merged in; both are for all files of the account. `defaults.roles` are
/// added to the roles of every user who is not absent, also of one who writes no roles, or none
/// (`roles: []`). `defaults.accounts`, `.scope` and `.enabled` are for users that do not write them. A role
/// that comes from several sides lasts until the latest end.
std::optional<std::map<std::string, DesiredSource>> read_desired_files(
    const std::string& path, const std::optional<std::vector<std::string>>& known_accounts,
    const DesiredReading& reading, Problems& problems);

/// The same at once: one entry per account that is spoken of, sorted by account.
std::optional<std::vector<Desired>> load_desired(
    const std::string& path, const std::optional<std::vector<std::string>>& known_accounts,
    Problems& problems);

/// The same for documents that have been parsed.
std::optional<std::vector<Desired>> read_desired(
    const std::vector<YamlDocument>& documents, const std::optional<std::vector<std::string>>& known_accounts,
    Problems& problems);

/// The JSON Schema of a desired-state file.
std::string desired_schema();

}  // namespace usersyncd
