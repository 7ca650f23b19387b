#pragma once

#include "sync/secret.hpp"
#include "sync/user.hpp"

namespace usersyncd {

/// A new password for this person from the system's random source: 20 characters with lower-case and
/// upper-case letters, digits and marks, no four alike or in sequence, and without the person's username,
/// names or e-mail in it, in whatever case. No character needs escaping in JSON, XML or a URL. Throws
/// std::runtime_error when the random source fails.
Secret make_password(const User& person);

}  // namespace usersyncd
