#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace usersyncd::rate {

/// What a learner knows, for the store: it starts warm from it after a restart. Times are unix seconds.
struct Model {
  struct Rule {
    double kind = 0, free = 0, shortest = 1, longest = 1, lowest = 1, highest = 1, bits = 0, weight = 1;
    double start = 0, start_by = 0;  ///< zero: none
  };
  /// So many requests, spread evenly between two times.
  struct Stretch {
    double from = 0, to = 0, count = 0;
  };

  double way = 0, jitter = 0, shortest_trip = 0;
  double limited = 0;  ///< ever refused
  double limit = 0;    ///< requests per second that were measured; 0: none
  double burst = 1;    ///< that came before
  double ramp = 0;     ///< rate that was never refused
  double ruled = 0;    ///< by a rule; else by the pace
  std::vector<Rule> rules;
  std::vector<Stretch> accepted, tried;

  /// One line per value, a few hundred bytes as a rule, 16 KiB at most.
  std::string text() const;
  /// Empty: this is no model that text() wrote, or not a possible one. Nothing is known then.
  static std::optional<Model> parse(std::string_view text);
};

}  // namespace usersyncd::rate
