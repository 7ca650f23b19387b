#pragma once

#include <boost/json/value.hpp>

#include "providers/profile.hpp"
#include "sync/observed.hpp"

namespace usersyncd {

/// The members of a set in any of its shapes. `roles`, where given, turns role ids and names into ids. Kind
/// malformed for an element from which no id and no name can be had.
Result<StringSet> read_set(const WireSet& set, const boost::json::value& value, const Catalog* roles);

/// The set in the shape of `current` (null: there is none), or in the profile's. Elements that stay keep all
/// that they hold; new ones carry what the others carry, ids and names from `roles`.
boost::json::value write_set(const WireSet& set, const StringSet& wanted, const boost::json::value* current,
                             const Catalog* roles);

}  // namespace usersyncd
