#pragma once

#include <vector>

#include "config/problems.hpp"
#include "daemon/settings.hpp"

namespace usersyncd {

/// What can be told, without the network and without a secret, of whether the accounts can be reached: their
/// URLs and the profile's, the kind of credentials, the certificate authorities. Each problem has the place
/// in the config that it comes from.
void check_connections(const std::vector<AccountSettings>& accounts, Problems& problems);

}  // namespace usersyncd
