#pragma once

#include <vector>

#include "config/problems.hpp"
#include "daemon/settings.hpp"

namespace usersyncd {

/// Reports every account whose login (provider, base URL and client id or username) an earlier one has as
/// well: two of them would undo each other's writes. Base URLs are compared as they are used, the profile's
/// where the account names none; client ids and usernames by their values where they can be read now, else by
/// where they are to be found.
void check_logins(const std::vector<AccountSettings>& accounts, Problems& problems);

}  // namespace usersyncd
