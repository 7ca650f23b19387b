#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/rate/engine.hpp"

namespace usersyncd::bench {

/// Over the runs of one client.
struct Summary {
  int runs = 0, unfinished = 0;
  double time_p50 = 0, time_p95 = 0, time_max = 0;  ///< over the clairvoyant client's
  double refused_p50 = 0, refused_p95 = 0, refused_max = 0;
  double refusals_p50 = 0;
};

/// What a change of the limit came to: the median over the seeds.
struct AfterChange {
  bool cut = false;
  double refusals = 0;  ///< until within 5 % of the new optimum
  double seconds = 0;   ///< until then
};

/// One limiter under one client: medians over the seeds.
struct Row {
  std::string limiter, client;
  double time = 0;     ///< seconds
  double optimum = 0;  ///< of the clairvoyant client
  double ratio = 0;    ///< over the clairvoyant client's
  double refused = 0;  ///< share
  double refusals = 0;
  double bound = 0;  ///< refusals nobody who does not know the limit goes without
  std::optional<AfterChange> after_change;
  std::string reason;
};

/// A limiter on which `learn` or `warm` is worse than AIMD by more than is allowed.
struct Violation {
  std::string limiter, client, what;
  double ours = 0, aimd = 0, allowed = 0;
  double optimum = 0;  ///< of the time; above what is allowed nobody could keep to it
};

struct Report {
  int count = 0, seeds = 0;
  std::vector<Spec> specs;
  std::vector<std::string> clients;
  std::vector<Row> rows;  ///< limiter by limiter
  struct Line {
    std::string client, group;  ///< empty: all of them
    Summary summary;
  };
  std::vector<Line> lines;
  std::vector<Violation> violations;
};

/// `outcomes` holds, for every limiter and every client in turn, one outcome per seed.
Report make_report(const std::vector<Spec>& specs, const std::vector<std::string>& clients, int count,
                   int seeds, const std::vector<Outcome>& outcomes);

std::string as_text(const Report& report, bool details);
std::string as_json(const Report& report);

}  // namespace usersyncd::bench
