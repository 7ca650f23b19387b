#pragma once

#include <optional>
#include <string>

#include "config/config.hpp"
#include "config/problems.hpp"
#include "config/yaml.hpp"

namespace usersyncd {

/// Reads the config file (contract, section 2). Empty, with every problem in `problems`, if anything is
/// wrong. Relative paths in it are relative to the directory of the file; they come out absolute.
std::optional<Config> load_config(const std::string& path, Problems& problems);

/// The same for a document that has been parsed; `document.file` is where it lies.
std::optional<Config> read_config(const YamlDocument& document, Problems& problems);

/// What can be made out of a config that is not valid: the paths of store, desired state and policies, empty
/// where it does not say, and id, name and mode of accounts. Nothing else is set.
Config glimpse_config(const std::string& path);

/// The JSON Schema of the config file.
std::string config_schema();

}  // namespace usersyncd
