#pragma once

namespace usersyncd {

/// By what name every request introduces itself.
inline constexpr const char* user_agent = "usersyncd/" USERSYNCD_VERSION;

}  // namespace usersyncd
