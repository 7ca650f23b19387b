#pragma once

#include <chrono>
#include <map>
#include <string>

#include "store/store.hpp"
#include "sync/plan.hpp"

namespace usersyncd {

/// How long it is believed that a provider does an operation for nobody; then one try may find out.
inline constexpr std::chrono::days impossible_for{1};

/// Remembers that the provider answered, with `message`, that it does this for nobody.
void note_impossible(Store& store, const std::string& account, Operation operation,
                     const std::string& message, Time now);

/// What the provider does for nobody, as far as is remembered at `now`, each with a sentence for people.
std::map<Operation, std::string> impossible_operations(Store& store, const std::string& account, Time now);

}  // namespace usersyncd
