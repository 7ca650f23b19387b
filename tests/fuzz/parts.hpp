#pragma once

#include <memory>

#include "providers/profile.hpp"

// What the targets have in common.

namespace usersyncd::fuzz {

/// Aborts unless `holds`: that is how a target says that its property is broken.
void require(bool holds);

/// How many pages a list may have here. The fuzzed answer is that to every page, so more of them show nothing
/// new.
inline constexpr int most_pages = 5;

/// The built-in profile that the first byte of an input chooses, with fewer pages.
std::shared_ptr<const Profile> profile_of(char choice);

/// What a read and a write make of an answer.
void take_in(const Profile& profile, const HttpResponse& response);

}  // namespace usersyncd::fuzz
