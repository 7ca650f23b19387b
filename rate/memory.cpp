#include "rate/memory.hpp"

#include <algorithm>

namespace usersyncd::rate {
namespace {

constexpr std::size_t most_stretches = 48;

void merge_closest(std::vector<Model::Stretch>& stretches) {
  std::size_t closest = 0;
  for (std::size_t i = 0; i + 1 < stretches.size(); ++i) {
    const auto gap = [&](std::size_t j) { return stretches[j + 1].from - stretches[j].to; };
    if (gap(i) < gap(closest)) closest = i;
  }
  auto& first = stretches[closest];
  first.to = stretches[closest + 1].to;
  first.count += stretches[closest + 1].count;
  stretches.erase(stretches.begin() + static_cast<std::ptrdiff_t>(closest) + 1);
}

}  // namespace

std::vector<Model::Stretch> stretches_of(const History& history, Seconds since, Seconds wall) {
  std::vector<Model::Stretch> stretches;
  if (history.dropped() >= 1 && history.dropped_to() > since) {
    stretches.push_back({history.dropped_from() + wall, history.dropped_to() + wall, history.dropped()});
  }
  for (const auto at : history.times()) {
    if (at < since) continue;
    stretches.push_back({at + wall, at + wall, 1});
    if (stretches.size() > most_stretches) merge_closest(stretches);
  }
  return stretches;
}

void remember(const std::vector<Model::Stretch>& stretches, Seconds now, Seconds wall, History& to) {
  constexpr double most = 2048;
  for (const auto& [from, until, count] : stretches) {
    const auto wanted = static_cast<int>(std::min(most, count));
    for (int i = 0; i < wanted; ++i) {
      const double share = wanted > 1 ? static_cast<double>(i) / (wanted - 1) : 1;
      to.add(std::min(now, from + share * (until - from) - wall));
    }
  }
}

}  // namespace usersyncd::rate
