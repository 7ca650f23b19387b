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

/// The JSON Schema of the config file.
std::string config_schema();

}  // namespace usersyncd
