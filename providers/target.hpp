#pragma once

#include <string>

#include "providers/profile.hpp"
#include "sync/ports.hpp"

// From endpoints, usernames and links to request targets. A target is relative to the base URL: whoever sends
// it puts the base URL's own path in front.

namespace usersyncd {

/// Where the token is asked for.
struct TokenCall {
  std::string base_url;
  std::string target;
};

/// The profile's token URL, but on the account's own host if the account names another base URL, because a
/// credential goes nowhere but where the person who configured it sends it. `account_base_url` may be empty:
/// the profile's.
TokenCall token_call(const Profile& profile, const std::string& account_base_url);

/// The request target of a call, percent-encoded. Kind config if a part of the path is not known or would be
/// another path: an empty one would turn one user into all of them, and dots would climb.
Result<std::string> target_of(const Endpoint& call, const std::string& account, const UserKey& user);

/// A text as it may stand in a path or a query.
std::string percent_encoded(const std::string& text);

/// Whether the path of the call needs the provider's own user id.
bool needs_user_id(const Endpoint& call);

/// The target behind a link or `Location` found at `target`. Kind malformed if it leads away from the base
/// URL: a credential is never taken there.
Result<std::string> follow(const std::string& base_url, const std::string& target, const std::string& link);

/// The last segment of the path of a link, percent-decoded; empty if there is none.
std::string last_segment(const std::string& link);

}  // namespace usersyncd
