#pragma once

#include "store/database.hpp"

namespace usersyncd {

/// The tables of a usersyncd store, by version. A released step is never edited: a change is a further step.
Schema store_schema();

}  // namespace usersyncd
