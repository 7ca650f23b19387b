#include "rate/window.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace usersyncd::rate {
namespace {

constexpr Seconds least_margin = 0.002;

Seconds margin(const Scene& scene) {
  return std::max(least_margin, scene.jitter);
}

}  // namespace

double Scene::count(Seconds from, Seconds to) const {
  double flying = 0;
  for (const auto at : flight) flying += at > from && at <= to ? 1 : 0;
  return accepted.count(from, to) + flying;
}

Window::Window(Kind kind, Seconds length, double weight)
    : kind_(kind), shortest_(length), longest_(length), weight_(weight) {}

Window::Window(Kind kind, Seconds shortest, Seconds longest, double limit, double weight)
    : kind_(kind),
      free_(true),
      shortest_(std::max(least_margin, shortest)),
      longest_(std::max(least_margin, longest)),
      lo_(limit),
      hi_(limit),
      weight_(weight) {}

double Window::weight() const {
  double weight = weight_ * std::pow(0.3, strikes_) * std::exp2(bits());
  // Of a length that might be anything, the less is left the less likely is it to be in there.
  if (free_ && longest_ < never) weight *= std::clamp(4 * std::log(longest_ / shortest_), 0.1, 2.0);
  return weight;
}

Seconds Window::guard(const Scene& scene) const {
  return std::max(0.001, (kind_ == Kind::first ? 1.1 : 0.85) * scene.jitter) + slack_;
}

void Window::openings(const Scene& scene, Seconds at, std::vector<Opening>& to) const {
  const double worth = weight();
  if (!known()) return;
  if (!free_) {
    const double limit = this->limit();
    const Seconds open = open_at(scene, at, limit, longest_);
    if (limit - lo_ < 1) {
      to.push_back({open, worth});
    } else {
      to.push_back({open, worth / 2});
      to.push_back({open_at(scene, at, lo_, longest_), worth / 2});
    }
    return;
  }
  const bool exact = longest_ - shortest_ <= std::max(2 * margin(scene), 0.01 * longest_);
  const int parts = exact ? 1 : 4;
  for (int part = 1; part <= parts; ++part) {
    const double share = static_cast<double>(part) / parts;
    if (kind_ == Kind::clock) {
      to.push_back({free_clock_open(scene, at, limit(), share), worth / parts});
      continue;
    }
    const Seconds length = shortest_ + share * (longest_ - shortest_);
    to.push_back({open_at(scene, at, limit(), length), worth / parts});
  }
}

Seconds Window::open_at(const Scene& scene, Seconds at, double limit, Seconds length) const {
  if (limit == never) return at;
  switch (kind_) {
    case Kind::sliding:
    case Kind::strict_sliding:
      return sliding_open(scene, at, limit, length);
    case Kind::clock:
    case Kind::clock_late: {
      const Seconds begin = clock_begin(scene, at);
      if (scene.count(begin - 0.001, never) < limit) return at;
      return begin + length + std::max(0.001, 0.55 * scene.jitter) + slack_;
    }
    case Kind::first: {
      const Seconds end = start_ + length + guard(scene);
      if (start_ == -never) return at;
      // Those under way begin the next one, but how many it takes is known.
      if (at >= end) return scene.count(end - 1e-6, never) < limit ? at : at + length;
      return scene.count(start_ - 1e-6, never) < limit ? at : end;
    }
    case Kind::counter:
      return counter_open(scene, at, limit);
  }
  return at;
}

/// Of the window on the clock that `at` is in.
Seconds Window::clock_begin(const Scene& scene, Seconds at) const {
  const Seconds wall = scene.wall - (kind_ == Kind::clock_late ? scene.way : 0);
  return std::floor((at + wall) / longest_) * longest_ - wall;
}

Seconds Window::sliding_open(const Scene& scene, Seconds at, double limit, Seconds length) const {
  const auto& history = kind_ == Kind::sliding ? scene.accepted : scene.tried;
  const Seconds g = guard(scene);
  const auto flying = static_cast<double>(scene.flight.size());
  if (history.count_since(at - length - g) + flying < limit) return at;
  const auto rank = static_cast<std::size_t>(limit);
  if (rank <= scene.flight.size()) {
    return std::max(at, scene.flight[scene.flight.size() - rank] + length + g);
  }
  const auto past = rank - scene.flight.size();
  return past <= history.size() ? std::max(at, history.last(past) + length + g) : at;
}

Seconds Window::counter_open(const Scene& scene, Seconds at, double limit) const {
  const Seconds length = longest_, wall = scene.wall, g = std::max(0.001, 0.55 * scene.jitter);
  const double index = std::floor((at + wall) / length);
  const Seconds begin = index * length - wall;
  const double previous = scene.count(begin - length, begin), current = scene.count(begin, never);
  if (previous * (1 - (at - begin) / length) + current < limit) return at;
  if (current < limit && previous > 0) {
    const double gone = 1 - (limit - current) / previous;
    if (gone < 1) return std::max(at, begin + gone * length + g);
  }
  const double gone = current > 0 ? std::max(0.0, 1 - limit / current) : 0;
  return begin + (1 + gone) * length + g;
}

Seconds Window::free_clock_open(const Scene& scene, Seconds at, double limit, double share) const {
  const Seconds g = std::max(0.001, 0.55 * scene.jitter) + slack_;
  // Of no known upper bound: the first request came at a random moment of its window.
  const Seconds length =
      longest_ < never ? shortest_ + share * (longest_ - shortest_) : shortest_ / (1.04 - share * 0.9);
  const Seconds begin = start_ + share * (start_by_ - start_);
  const double passed = std::floor((at - begin - g) / length);
  const Seconds opened = passed <= 0 ? start_ : begin + passed * length;
  if (scene.count(opened - 1e-6, never) < limit) return at;
  return begin + (std::max(0.0, passed) + 1) * length + g;
}

bool Window::promises(const Scene& scene, Seconds at) const {
  const bool clock = free_ && kind_ == Kind::clock;
  return (clock ? free_clock_open(scene, at, limit(), 1) : open_at(scene, at, limit(), longest_)) <= at;
}

Forecast Window::forecast(const Scene& scene, Seconds at) const {
  if (!known()) return Forecast::unknown;
  const bool clock = free_ && kind_ == Kind::clock;
  const Seconds early = clock ? free_clock_open(scene, at, hi_, 0) : open_at(scene, at, hi_, shortest_);
  if (early > at + 2 * margin(scene)) return Forecast::shut;
  const Seconds late = clock ? free_clock_open(scene, at, lo_, 1) : open_at(scene, at, lo_, longest_);
  return late <= at ? Forecast::open : Forecast::unknown;
}

void Window::answered(const Scene& scene, Seconds at, bool accepted) {
  const double hi = hi_, lo = lo_;
  const Seconds shortest = shortest_, longest = longest_;
  const bool promised = !accepted && known() && promises(scene, at);
  if (free_) {
    learn_length(scene, at, accepted);
  } else {
    learn_limit(scene, at, accepted);
  }
  if (accepted) {
    strikes_ = std::max(0.0, strikes_ - 0.02);
    if (penalty_ > 0 && lo_ >= hi_ - penalty_ + 1) penalty_ = std::max(0.0, penalty_ - 1);
  } else if (promised && hi == hi_ && lo == lo_ && shortest == shortest_ && longest == longest_) {
    strikes_ += 1;
    slack_ = std::min(0.1, slack_ + 0.25 * margin(scene));
    if (hi_ > lo_) penalty_ += 1;
  }
}

void Window::learn_limit(const Scene& scene, Seconds at, bool accepted) {
  switch (kind_) {
    case Kind::sliding:
    case Kind::strict_sliding:
      return learn_sliding(scene, at, accepted);
    case Kind::clock:
    case Kind::clock_late:
      return learn_clock(scene, at, accepted);
    case Kind::first:
      return learn_first(scene, at, accepted);
    case Kind::counter:
      return learn_counter(scene, at, accepted);
  }
}

void Window::learn_sliding(const Scene& scene, Seconds at, bool accepted) {
  const Seconds m = margin(scene);
  if (kind_ == Kind::sliding) {
    if (accepted) {
      lo_ = std::max(lo_, std::floor(scene.accepted.count(at - longest_ + m, at)));
    } else {
      hi_ = std::min(hi_, std::ceil(scene.count(at - longest_ - m, at + m / 2)));
    }
    return;
  }
  // The request itself is among those tried.
  if (accepted) {
    lo_ = std::max(lo_, std::floor(scene.tried.count(at - longest_ + m, at - m / 2)) + 1);
  } else {
    double flying = 0;
    for (const auto other : scene.flight) flying += other <= at + m / 2 ? 1 : 0;
    hi_ = std::min(hi_, std::ceil(scene.tried.count(at - longest_ - m, at + m / 2)) - 1 + flying);
  }
}

void Window::learn_clock(const Scene& scene, Seconds at, bool accepted) {
  const Seconds m = 0.6 * margin(scene);
  const Seconds begin = clock_begin(scene, at), end = begin + longest_;
  const bool inside = at - begin > m && end - at > m;
  if (accepted) {
    if (inside) lo_ = std::max(lo_, std::floor(scene.accepted.count(begin + m, at)));
  } else if (inside) {
    hi_ = std::min(hi_, std::ceil(scene.count(begin - m, at + m)));
  }
}

void Window::learn_first(const Scene& scene, Seconds at, bool accepted) {
  const Seconds m = margin(scene), length = longest_;
  if (accepted && (start_ == -never || at >= start_ + length - m || (at < start_ && at > start_ - 0.3)))
    start_ = at;
  if (start_ == -never || at < start_ - m) return;
  if (accepted) {
    if (at < start_ + length - m) lo_ = std::max(lo_, std::floor(scene.accepted.count(start_ - 1e-6, at)));
  } else if (at > start_ + m && at < start_ + length - m) {
    hi_ = std::min(hi_, std::ceil(scene.count(start_ - m, at + m)));
  } else if (at > start_ + length + m) {
    hi_ = 0;
  }
}

void Window::learn_counter(const Scene& scene, Seconds at, bool accepted) {
  const Seconds m = margin(scene), length = longest_;
  const Seconds begin = std::floor((at + scene.wall) / length) * length - scene.wall;
  const double gone = (at - begin) / length, slack = m / length;
  if (accepted) {
    const double previous = scene.accepted.count(begin - length + m, begin - m);
    const double current = scene.accepted.count(begin + m, at) - 1;
    lo_ = std::max(lo_, std::floor(previous * std::max(0.0, 1 - gone - slack) + current + 1e-6) + 1);
  } else if (at - begin > m && begin + length - at > m) {
    const double previous = scene.count(begin - length - m, begin + m);
    const double current = scene.count(begin - m, at + m);
    hi_ = std::min(hi_, std::ceil(previous * std::min(1.0, 1 - gone + slack) + current));
  }
}

/// What it foretold was chance.
void Window::disproved() {
  strikes_ += 1;
  evidence_.set_bits(std::min(0.0, bits()));
}

void Window::shorter_than(Seconds length) {
  longest_ = std::min(longest_, length);
  if (longest_ >= shortest_) return;
  disproved();
  shortest_ = longest_ * 0.9;
}

void Window::longer_than(Seconds length) {
  shortest_ = std::max(shortest_, length);
  if (longest_ >= shortest_) return;
  disproved();
  longest_ = shortest_ * 1.1;
}

void Window::wrong_limit(double limit) {
  // A guess that were to follow every refusal down would end as the slowest of all and never be refused
  // again.
  strikes_ += limit < 0.8 * hi_ ? 3 : 0;
  disproved();
  lo_ = hi_ = std::max(1.0, limit);
}

void Window::learn_length(const Scene& scene, Seconds at, bool accepted) {
  switch (kind_) {
    case Kind::sliding:
    case Kind::strict_sliding:
      return learn_length_sliding(scene, at, accepted);
    case Kind::first:
      return learn_length_first(scene, at, accepted);
    case Kind::clock:
    case Kind::clock_late:
    case Kind::counter:
      return learn_length_clock(scene, at, accepted);
  }
}

void Window::learn_length_sliding(const Scene& scene, Seconds at, bool accepted) {
  const Seconds m = margin(scene);
  const auto& history = kind_ == Kind::sliding ? scene.accepted : scene.tried;
  double after = history.count_since(at);
  const bool counted = accepted || kind_ == Kind::strict_sliding;  // the request itself
  if (!counted) {
    for (const auto other : scene.flight) after -= other <= at ? 1 : 0;
  }
  const double rank = std::max(1.0, after + hi_ + (counted ? 1 : 0));
  if (rank > static_cast<double>(history.size())) {
    if (!accepted) wrong_limit(hi_ - 1);
    return;
  }
  const Seconds since = history.last(static_cast<std::size_t>(rank));
  if (accepted) {
    shorter_than(at - since + m);
  } else if (at - since + m > longest_) {
    wrong_limit(scene.count(at - longest_ - m, at + m));
  } else {
    longer_than(at - since - m);
  }
}

void Window::learn_length_first(const Scene& scene, Seconds at, bool accepted) {
  const Seconds m = margin(scene);
  if (start_ == -never) {
    if (accepted) start_ = at;
    return;
  }
  const double count = scene.accepted.count(start_ - 1e-6, at) + (accepted ? -1 : 0);
  if (accepted) {
    if (count >= hi_) {
      if (at < start_ + shortest_ - m) return wrong_limit(count + 1);
      shorter_than(at - start_ + m);
      start_ = at;
    } else if (at >= start_ + longest_) {
      start_ = at;
    }
    return;
  }
  if (at > start_ + longest_ + m) {
    disproved();
    longest_ = (at - start_) * 1.2;
  } else if (scene.count(start_ - 1e-6, at + m) < hi_ && at < start_ + shortest_ - m) {
    wrong_limit(count);
  } else {
    longer_than(at - start_ - m);
  }
}

void Window::learn_length_clock(const Scene& scene, Seconds at, bool accepted) {
  if (start_ == -never) return;
  const Seconds m = margin(scene);
  if (longest_ == never) {
    if (!accepted && at < start_ + shortest_ && scene.count(start_, at + m) < hi_) wrong_limit(hi_ - 1);
    return;
  }
  const double passed = std::max(0.0, std::floor((at - start_by_) / longest_));
  const Seconds from = start_ + passed * shortest_, by = start_by_ + passed * longest_;
  if (accepted) {
    // More than one window holds: another has begun since.
    if (scene.accepted.count(from, at) <= hi_) return;
    if (at < from + shortest_ - m) return wrong_limit(hi_ + 1);
    opened(scene, from + shortest_, at);
  } else if (at > by + m && at < from + shortest_ - m) {
    const double count = scene.count(from - m, at + m);
    if (count < hi_) wrong_limit(count);
  }
}

void Window::opened(const Scene& scene, Seconds after, Seconds by) {
  if (!free_ || kind_ != Kind::clock) return;
  const Seconds m = margin(scene);
  after -= m / 2;
  by += m / 2;
  if (start_ != -never) {
    const Seconds typical = longest_ < never ? (shortest_ + longest_) / 2 : by - start_by_;
    const double windows = std::max(1.0, std::round((by - start_by_) / typical));
    const Seconds lower = start_ + windows * shortest_, upper = start_by_ + windows * longest_;
    shorter_than((by - start_) / windows);
    longer_than((after - start_by_) / windows);
    after = std::max(after, std::min(lower, by));
    by = std::min(by, std::max(upper, after));
  }
  start_ = after;
  start_by_ = by;
}

Model::Rule Window::save(Seconds wall) const {
  const auto moment = [&](Seconds at) { return at == -never ? 0 : at + wall; };
  return {static_cast<double>(kind_),
          free_ ? 1.0 : 0.0,
          shortest_,
          longest_,
          lo_,
          std::max(lo_, hi_ - penalty_),
          bits(),
          weight_,
          moment(start_),
          moment(start_by_)};
}

Window Window::restored(const Model::Rule& rule, Seconds wall) {
  const auto moment = [&](double at) { return at == 0 ? -never : at - wall; };
  Window window{static_cast<Kind>(static_cast<int>(rule.kind)), rule.longest, rule.weight};
  window.free_ = rule.free != 0;
  window.shortest_ = rule.shortest;
  window.lo_ = rule.lowest;
  window.hi_ = rule.highest;
  window.evidence_.set_bits(rule.bits);
  window.start_ = moment(rule.start);
  window.start_by_ = moment(rule.start_by);
  return window;
}

std::string Window::name() const {
  char text[96];
  const char* kinds[] = {"sliding",
                         "on the clock",
                         "from the first request",
                         "sliding counter",
                         "sliding, refusals count",
                         "on the clock, answers late"};
  std::snprintf(text, sizeof text, "%.0f requests per %.3g s (window %s)", limit(), length(),
                kinds[static_cast<int>(kind_)]);
  return text;
}

}  // namespace usersyncd::rate
