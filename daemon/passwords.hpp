#pragma once

#include "config/config.hpp"
#include "providers/rest_provider.hpp"

namespace usersyncd {

/// Hands new users' passwords over as the config says: to nobody, as a file of mode 0600 named after the
/// user, or to a command that gets the username as its last argument and the password on standard input. A
/// hand-over that fails is an Error, and the user is not created.
PasswordDelivery make_password_delivery(const PasswordsConfig& config);

}  // namespace usersyncd
