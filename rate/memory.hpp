#pragma once

#include "rate/history.hpp"
#include "rate/model.hpp"

namespace usersyncd::rate {

/// A history in a few stretches, for the store. `wall` is unix time less monotonic time.
std::vector<Model::Stretch> stretches_of(const History& history, Seconds since, Seconds wall);
/// And back, one by one.
void remember(const std::vector<Model::Stretch>& stretches, Seconds now, Seconds wall, History& to);

}  // namespace usersyncd::rate
