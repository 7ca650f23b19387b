#include "bench/rate/report.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <map>

namespace usersyncd::bench {
namespace {

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  return values[std::min(index, values.size() - 1)];
}

double median(const std::vector<double>& values) {
  return quantile(values, 0.5);
}

Summary summarise(const std::vector<const Outcome*>& outcomes) {
  std::vector<double> times, shares, refusals;
  Summary summary;
  for (const auto* outcome : outcomes) {
    ++summary.runs;
    summary.unfinished += outcome->finished ? 0 : 1;
    times.push_back(outcome->ratio());
    shares.push_back(outcome->refused_share());
    refusals.push_back(outcome->refused);
  }
  summary.time_p50 = quantile(times, 0.5);
  summary.time_p95 = quantile(times, 0.95);
  summary.time_max = quantile(times, 1);
  summary.refused_p50 = quantile(shares, 0.5);
  summary.refused_p95 = quantile(shares, 0.95);
  summary.refused_max = quantile(shares, 1);
  summary.refusals_p50 = median(refusals);
  return summary;
}

/// From when on a run keeps within 5 % of the rate `rate` with 5 % refused at most, measured over the next
/// `span` seconds.
std::optional<double> settled(const Outcome& outcome, double from, double rate, double span) {
  const auto& times = outcome.accepted_at;
  const auto accepted_from = [&](double at) {
    return std::lower_bound(times.begin(), times.end(), at) - times.begin();
  };
  const auto refused_from = [&](double at) {
    return std::lower_bound(outcome.refused_at.begin(), outcome.refused_at.end(), at) -
           outcome.refused_at.begin();
  };
  const double wanted = 0.95 * rate * span - 1, bearable = 0.05 * rate * span + 1;
  for (double at = from; !times.empty() && at + span <= times.back(); at += span / 50) {
    const auto accepted = static_cast<double>(accepted_from(at + span) - accepted_from(at));
    const auto refused = static_cast<double>(refused_from(at + span) - refused_from(at));
    if (accepted >= wanted && refused <= bearable) return at;
  }
  return std::nullopt;
}

std::optional<AfterChange> after_change(const Spec& spec, const std::vector<const Outcome*>& outcomes) {
  if (spec.changes.empty()) return std::nullopt;
  const auto& change = spec.changes.front();
  const double before = rate_of(spec.family, spec.numbers);
  const double rate = rate_of(spec.family, change.numbers) * (1 - spec.neighbour);
  const bool windowed = spec.family != Family::token_bucket && spec.family != Family::leaky_queue;
  // Whole windows, and enough requests that one more or less is not 5 %.
  double span = 40 / rate;
  if (windowed) span = std::ceil(std::max(1.0, span / change.numbers.window)) * change.numbers.window;
  std::vector<double> refusals, seconds;
  for (const auto* outcome : outcomes) {
    const auto end = settled(*outcome, change.at, rate, span);
    if (!end) continue;
    refusals.push_back(
        static_cast<double>(std::count_if(outcome->refused_at.begin(), outcome->refused_at.end(),
                                          [&](double at) { return at >= change.at && at <= *end; })));
    seconds.push_back(*end - change.at);
  }
  if (refusals.empty()) return std::nullopt;
  return AfterChange{rate < before, median(refusals), median(seconds)};
}

/// One refusal to notice that there is a limit, and the yes-or-no questions that tell its size to one in the
/// number of requests it lets through: each costs a refusal half of the time.
double least_refusals(const Spec& spec, int count, double optimum) {
  const double rate = rate_of(spec.family, spec.numbers);
  const bool never_reached = optimum <= count * spec.round_trip / most_in_flight * 1.02 + spec.round_trip;
  if (never_reached) return 0;
  const double seen = std::max(2.0, std::min<double>(count, rate * optimum));
  return 1 + 0.5 * std::log2(seen);
}

Row make_row(const Spec& spec, const std::string& client, int count,
             const std::vector<const Outcome*>& outcomes) {
  std::vector<double> times, ratios, shares, refusals, optima;
  for (const auto* outcome : outcomes) {
    times.push_back(outcome->time);
    ratios.push_back(outcome->ratio());
    shares.push_back(outcome->refused_share());
    refusals.push_back(outcome->refused);
    optima.push_back(outcome->optimum);
  }
  return {.limiter = spec.name,
          .client = client,
          .time = median(times),
          .optimum = median(optima),
          .ratio = median(ratios),
          .refused = median(shares),
          .refusals = median(refusals),
          .bound = client == "learn" ? least_refusals(spec, count, median(optima)) : 0,
          .after_change = after_change(spec, outcomes),
          .reason = outcomes.empty() ? "" : outcomes.front()->reason};
}

void compare(const Row& row, const Row& aimd, int count, std::vector<Violation>& violations) {
  constexpr double most_time = 1.05, most_refusals = 1.2, always_allowed = 0.005;
  const double time = aimd.time * most_time;
  if (row.time > time)
    violations.push_back({row.limiter, row.client, "time", row.time, aimd.time, time, row.optimum});
  const double refusals = std::max(most_refusals * aimd.refusals, always_allowed * count);
  if (row.refusals > refusals) {
    violations.push_back({row.limiter, row.client, "refusals", row.refusals, aimd.refusals, refusals, 0});
  }
}

std::string line(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string line(const char* format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

std::string row_of(const std::string& name, const Summary& summary) {
  return line("  %-20s %7.3f %7.3f %7.3f   %6.2f %% %6.2f %% %6.2f %%   %5.0f %5d%s\n", name.c_str(),
              summary.time_p50, summary.time_p95, summary.time_max, summary.refused_p50 * 100,
              summary.refused_p95 * 100, summary.refused_max * 100, summary.refusals_p50, summary.runs,
              summary.unfinished > 0 ? line("  %d unfinished", summary.unfinished).c_str() : "");
}

std::string changes_text(const Report& report) {
  std::string text;
  for (const auto& row : report.rows) {
    if (!row.after_change) continue;
    const auto& after = *row.after_change;
    text += line("  %-24s %-6s %-5s %6.0f refusals, %8.1f s\n", row.limiter.c_str(), row.client.c_str(),
                 after.cut ? "cut" : "raise", after.refusals, after.seconds);
  }
  return text.empty() ? text : "\nUntil within 5 % of the new optimum\n" + text;
}

std::string details_text(const Report& report) {
  std::string text =
      "\nEvery limiter: time over the optimum, refusals, least refusals, what the client says\n";
  for (const auto& row : report.rows) {
    text += line("  %-24s %-10s %9.1f s %7.3f %6.0f %5.1f  %s\n", row.limiter.c_str(), row.client.c_str(),
                 row.time, row.ratio, row.refusals, row.bound, row.reason.c_str());
  }
  return text;
}

namespace json = boost::json;

json::object as_object(const Summary& summary) {
  return {{"runs", summary.runs},
          {"unfinished", summary.unfinished},
          {"time_ratio", {{"p50", summary.time_p50}, {"p95", summary.time_p95}, {"max", summary.time_max}}},
          {"refused_share",
           {{"p50", summary.refused_p50}, {"p95", summary.refused_p95}, {"max", summary.refused_max}}},
          {"refusals_p50", summary.refusals_p50}};
}

json::object as_object(const Row& row) {
  json::object object{{"limiter", row.limiter},       {"client", row.client},
                      {"seconds", row.time},          {"time_ratio", row.ratio},
                      {"refused_share", row.refused}, {"refusals", row.refusals},
                      {"least_refusals", row.bound},  {"reason", row.reason}};
  if (row.after_change) {
    object["after_change"] = json::object{{"kind", row.after_change->cut ? "cut" : "raise"},
                                          {"refusals", row.after_change->refusals},
                                          {"seconds", row.after_change->seconds}};
  }
  return object;
}

}  // namespace

Report make_report(const std::vector<Spec>& specs, const std::vector<std::string>& clients, int count,
                   int seeds, const std::vector<Outcome>& outcomes) {
  Report report;
  report.count = count;
  report.seeds = seeds;
  report.specs = specs;
  report.clients = clients;
  std::map<std::string, std::map<std::string, std::vector<const Outcome*>>> groups;
  std::size_t next = 0;
  for (const auto& spec : specs) {
    std::vector<Row> rows;
    for (const auto& client : clients) {
      std::vector<const Outcome*> own;
      for (int seed = 0; seed < seeds; ++seed) own.push_back(&outcomes[next++]);
      rows.push_back(make_row(spec, client, count, own));
      for (const auto& group : {std::string{}, spec.group()}) {
        auto& all = groups[client][group];
        all.insert(all.end(), own.begin(), own.end());
      }
    }
    const auto aimd =
        std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.client == "aimd"; });
    for (const auto& row : rows) {
      if (aimd != rows.end() && (row.client == "learn" || row.client == "warm")) {
        compare(row, *aimd, count, report.violations);
      }
    }
    report.rows.insert(report.rows.end(), rows.begin(), rows.end());
  }
  for (const auto& client : clients) {
    for (const auto& [group, members] : groups[client])
      report.lines.push_back({client, group, summarise(members)});
  }
  return report;
}

std::string as_text(const Report& report, bool details) {
  std::string text =
      line("%zu limiters, %d creates, %d seeds\n", report.specs.size(), report.count, report.seeds);
  text += "                          time over the optimum           refused            refusals  runs\n";
  text += "                         p50     p95     max        p50      p95      max       p50\n";
  for (const auto& one : report.lines) {
    if (one.group.empty()) text += one.client + "\n";
    text += row_of(one.group.empty() ? "all" : one.group, one.summary);
  }
  text += changes_text(report);
  if (details) text += details_text(report);
  text += line("\nWorse than AIMD by more than allowed: %zu\n", report.violations.size());
  for (const auto& one : report.violations) {
    text += line("  %-24s %-6s %-9s %9.1f, AIMD %9.1f, allowed %9.1f%s\n", one.limiter.c_str(),
                 one.client.c_str(), one.what.c_str(), one.ours, one.aimd, one.allowed,
                 one.optimum > one.allowed ? line(", optimum %.1f", one.optimum).c_str() : "");
  }
  return text;
}

std::string as_json(const Report& report) {
  json::object clients;
  for (const auto& one : report.lines) {
    auto& client = clients[one.client];
    if (!client.is_object()) client.emplace_object();
    if (one.group.empty()) {
      for (const auto& [key, value] : as_object(one.summary)) client.as_object()[key] = value;
    } else {
      auto& families = client.as_object()["families"];
      if (!families.is_object()) families.emplace_object();
      families.as_object()[one.group] = as_object(one.summary);
    }
  }
  json::array rows, violations;
  for (const auto& row : report.rows) rows.push_back(as_object(row));
  for (const auto& one : report.violations) {
    violations.push_back(json::object{{"limiter", one.limiter},
                                      {"client", one.client},
                                      {"what", one.what},
                                      {"value", one.ours},
                                      {"aimd", one.aimd},
                                      {"allowed", one.allowed},
                                      {"optimum", one.optimum}});
  }
  const json::object document{{"limiters", report.specs.size()}, {"creates", report.count},
                              {"seeds", report.seeds},           {"clients", std::move(clients)},
                              {"rows", std::move(rows)},         {"worse_than_aimd", std::move(violations)}};
  return json::serialize(document) + "\n";
}

}  // namespace usersyncd::bench
