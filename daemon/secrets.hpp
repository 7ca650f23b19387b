#pragma once

#include "config/config.hpp"
#include "sync/error.hpp"
#include "sync/secret.hpp"

namespace usersyncd {

/// Fetches a secret from where the config says it is; one line end at its end is cut off. An Error of kind
/// config that names the place, never the value; also for a file that every user of the machine may read.
Result<Secret> read_secret(const SecretRef& reference);

}  // namespace usersyncd
