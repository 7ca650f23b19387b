#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usersyncd {

/// Whether `text` as a whole fits `pattern`: `*` is any number of characters, `?` exactly one (of UTF-8), all
/// else is itself. Letters count as written.
bool glob_match(std::string_view pattern, std::string_view text);

/// The same without regard to ASCII case: for usernames and e-mail addresses.
bool glob_match_folded(std::string_view pattern, std::string_view text);

/// Whether a username fits one of `patterns`, without regard to case.
bool glob_match_any(const std::vector<std::string>& patterns, std::string_view username);

}  // namespace usersyncd
