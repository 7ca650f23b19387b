#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/problems.hpp"
#include "config/yaml.hpp"
#include "sync/desired.hpp"

namespace usersyncd {

/// What was read of a desired state.
struct LoadedDesired {
  std::vector<Desired> accounts;  ///< one for each account that is spoken of, sorted by account
  std::string digest;             ///< of the bytes of all files; see digest_of_desired
};

/// Reads the desired state (contract, section 3) from a file, or from all *.yaml and *.yml below a directory.
/// One entry per account that is spoken of, sorted by account. Empty, with every problem in `problems`, if
/// anything is wrong with a file, also if it changed before all of them were read: a user who is being moved
/// from one file to another must not seem to be in none. A value that is wrong within one user's entry
/// freezes that user instead (DesiredUser::frozen); it is among the problems all the same.
///
/// `known_accounts` are the account ids of the config; without them any account is accepted.
///
/// Role sets are expanded and defaults merged in. `defaults.roles` are added to the roles of every user of
/// that file who is not absent, also of one who writes no roles, or none (`roles: []`). `defaults.accounts`,
/// `.scope` and
/// `.enabled` are for users that do not write them. A role that comes from several sides lasts until the
/// latest end.
std::optional<LoadedDesired> load_desired(const std::string& path,
                                          const std::optional<std::vector<std::string>>& known_accounts,
                                          Problems& problems);

/// The digest that load_desired would give, without reading what the files say; empty if they cannot be read.
std::optional<std::string> digest_of_desired(const std::string& path);

/// The same for documents that have been parsed.
std::optional<std::vector<Desired>> read_desired(
    const std::vector<YamlDocument>& documents, const std::optional<std::vector<std::string>>& known_accounts,
    Problems& problems);

/// The JSON Schema of a desired-state file.
std::string desired_schema();

}  // namespace usersyncd
