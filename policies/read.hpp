#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/problems.hpp"
#include "policies/rules.hpp"
#include "sync/error.hpp"

namespace usersyncd {

/// The rules in force: those of `path` (a policy file, or a directory of them, read recursively) over the
/// built-in ones. With an empty path only the built-in ones. Every problem goes to `problems`; empty if there
/// was any.
std::optional<RuleSet> read_policies(const std::string& path, Problems& problems);

/// The same for text that is called `file` in problems.
std::optional<RuleSet> read_policy_text(const std::string& file, std::string text, Problems& problems);

/// The JSON Schema of a policy file, made from what the reader reads.
std::string policy_schema();

/// The text of `policies/default.yaml`, as it was compiled in.
std::string_view default_rules_text();

/// The built-in rules. Throws std::logic_error if they cannot be read, which a test rules out.
std::vector<Rule> read_default_rules();

}  // namespace usersyncd
