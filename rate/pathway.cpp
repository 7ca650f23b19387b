#include "rate/pathway.hpp"

#include <algorithm>

namespace usersyncd::rate {

void Pathway::answered(Seconds round_trip) {
  shortest_ = std::min(shortest_, round_trip);
  // Some providers hold an answer back instead of refusing; that is not the way.
  if (round_trip > std::max(4 * shortest_, shortest_ + 0.12)) return;
  trips_[count_++ % trips_.size()] = static_cast<float>(round_trip);
  const auto known = std::min(count_, trips_.size());
  auto sorted = trips_;
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(known));
  way_ = sorted[known / 2] / 2.0;
  if (known < 6) return;
  // Of the sum of two even spreads, nine tenths lie within 1.37 of one.
  const double spread =
      static_cast<double>(sorted[known - 1 - known / 20]) - static_cast<double>(sorted[known / 20]);
  jitter_ = std::clamp(spread / 1.37, 0.001, 0.1);
}

Seconds Pathway::arrival(Seconds sent, Seconds answered) const {
  return sent + std::clamp((answered - sent) / 2, way_ / 2, way_ + jitter_ / 2);
}

void Pathway::save(Model& model) const {
  model.way = way_;
  model.jitter = jitter_;
  model.shortest_trip = shortest_;
}

void Pathway::restore(const Model& model) {
  way_ = model.way;
  jitter_ = model.jitter;
  shortest_ = model.shortest_trip;
}

}  // namespace usersyncd::rate
