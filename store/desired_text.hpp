#pragma once

#include <string>
#include <string_view>

#include "sync/desired.hpp"

namespace usersyncd {

/// A desired state as it stands in the store, without its author. The same text for the same value.
std::string desired_to_text(const Desired& desired);

/// Throws StoreError for text that is not of this form, because only the store writes it.
Desired desired_from_text(std::string_view text);

}  // namespace usersyncd
