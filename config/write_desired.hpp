#pragma once

#include <string>
#include <vector>

#include "sync/time.hpp"
#include "sync/user.hpp"

namespace usersyncd {

struct WrittenDesired {
  std::string text;
  std::vector<std::string> left_out;  ///< usernames that no entry can have: a policy calls them unmanaged
};

/// A desired-state file that says what `users` of `account` are: what `usersyncd import` prints. Reading it
/// back gives the same values, whatever characters they hold. Users are sorted by key. A value that the
/// reader would refuse (an empty first name, say) is left out, which leaves it unmanaged; a comment says so.
/// A user whose username it would refuse is left out with a comment.
WrittenDesired write_desired(const std::string& account, std::vector<User> users, Time written_at);

/// `text` as a YAML scalar: plain where every reader of YAML takes it for the same text, else in double
/// quotes.
std::string yaml_scalar(std::string_view text);

}  // namespace usersyncd
