#include "daemon/metrics.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace usersyncd {
namespace {

std::string_view name_of(Metrics::PollResult result) {
  switch (result) {
    case Metrics::PollResult::ok:
      return "ok";
    case Metrics::PollResult::failed:
      return "failed";
    case Metrics::PollResult::incomplete:
      break;
  }
  return "incomplete";
}

std::string_view name_of(Metrics::ActionResult result) {
  switch (result) {
    case Metrics::ActionResult::applied:
      return "applied";
    case Metrics::ActionResult::failed:
      return "failed";
    case Metrics::ActionResult::unverified:
      break;
  }
  return "unverified";
}

std::string label(std::string_view name, std::string_view value) {
  std::string out = std::string(name) + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + '"';
}

std::string labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) out += (out.empty() ? "" : ",") + label(name, value);
  return out;
}

/// Seconds with at least one digit behind the point, as OpenMetrics writes them.
std::string seconds(Duration duration) {
  const std::string millis = std::to_string(duration.count() % 1000 + 1000).substr(1);
  const std::size_t last = millis.find_last_not_of('0');
  return std::to_string(duration.count() / 1000) + '.' + millis.substr(0, last == millis.npos ? 1 : last + 1);
}

std::string head(std::string_view family, std::string_view type, std::string_view help) {
  const std::string name(family);
  std::string out = "# TYPE " + name + ' ' + std::string(type) + '\n';
  if (name.ends_with("_seconds")) out += "# UNIT " + name + " seconds\n";
  return out + "# HELP " + name + ' ' + std::string(help) + '\n';
}

std::string sample(std::string_view name, std::string_view written_labels, std::string_view value) {
  std::string out(name);
  if (!written_labels.empty()) out += '{' + std::string(written_labels) + '}';
  return out + ' ' + std::string(value) + '\n';
}

std::string samples(std::string_view name, const std::map<std::string, std::uint64_t>& series) {
  std::string out;
  for (const auto& [written_labels, value] : series)
    out += sample(name, written_labels, std::to_string(value));
  return out;
}

template <class Key, class Count>
Count count_of(const std::map<Key, Count>& counts, const Key& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? Count{0} : found->second;
}

constexpr std::array poll_results{Metrics::PollResult::ok, Metrics::PollResult::failed,
                                  Metrics::PollResult::incomplete};
constexpr std::array action_results{Metrics::ActionResult::applied, Metrics::ActionResult::failed,
                                    Metrics::ActionResult::unverified};
constexpr std::array held_verdicts{Verdict::approval, Verdict::denied, Verdict::deferred,
                                   Verdict::limited,  Verdict::paused, Verdict::manual};

// Every kind of drift that the plan knows, and whatever else was counted.
std::map<std::string, std::size_t> with_all_kinds(std::map<std::string, std::size_t> by_kind) {
  for (const Field field : all_fields) by_kind.try_emplace(std::string{name_of(field)}, 0U);
  for (const auto* kind : {"missing", "leaver", "unmanaged", "rename", "ambiguous"})
    by_kind.try_emplace(kind, 0U);
  return by_kind;
}

}  // namespace

void Metrics::watch(const std::string& account) {
  accounts_[account].watched = true;
}

void Metrics::count_poll(const std::string& account, PollResult result) {
  ++accounts_[account].polls[result];
}

void Metrics::count_request(const std::string& account, const std::string& method, int status,
                            Duration duration) {
  const std::string answer = status == 0 ? "none" : std::to_string(status);
  ++requests_[labels({{"account", account}, {"method", method}, {"status", answer}})];
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), duration) - bounds_.begin();
  ++buckets_.at(static_cast<std::size_t>(bucket));
  duration_sum_ += duration;
}

void Metrics::count_action(const std::string& account, Operation operation, ActionResult result) {
  ++accounts_[account].actions[{operation, result}];
}

void Metrics::count_rate_limited(const std::string& account) {
  ++accounts_[account].rate_limited;
}

void Metrics::set_drift(const std::string& account, const std::map<std::string, std::size_t>& by_kind) {
  accounts_[account].drift = by_kind;
}

void Metrics::set_held(const std::string& account, const std::map<Verdict, std::size_t>& by_verdict) {
  accounts_[account].held = by_verdict;
}

void Metrics::set_last_success(const std::string& account, Time time) {
  accounts_[account].last_success = time;
}

void Metrics::forget(const std::string& account) {
  auto& forgotten = accounts_[account];
  forgotten.watched = false;
  forgotten.drift.clear();
  forgotten.held.clear();
  forgotten.last_success.reset();
}

std::string Metrics::polls() const {
  std::string out = head("usersyncd_polls", "counter", "Polls of an account.");
  for (const auto& [account, known] : accounts_) {
    for (const auto result : poll_results) {
      out += sample("usersyncd_polls_total", labels({{"account", account}, {"result", name_of(result)}}),
                    std::to_string(count_of(known.polls, result)));
    }
  }
  return out;
}

std::string Metrics::drifts() const {
  std::string out =
      head("usersyncd_drift", "gauge", "Differences between what is wanted and what is there, by kind.");
  for (const auto& [account, known] : accounts_) {
    if (!known.watched) continue;
    for (const auto& [kind, count] : with_all_kinds(known.drift))
      out += sample("usersyncd_drift", labels({{"account", account}, {"kind", kind}}), std::to_string(count));
  }
  return out;
}

std::string Metrics::actions() const {
  std::string out = head("usersyncd_actions", "counter", "Writes to a provider, by what came of them.");
  for (const auto& [account, known] : accounts_) {
    for (const auto operation : all_operations) {
      for (const auto result : action_results) {
        out += sample("usersyncd_actions_total",
                      labels({{"account", account},
                              {"operation", usersyncd::name_of(operation)},
                              {"result", name_of(result)}}),
                      std::to_string(count_of(known.actions, {operation, result})));
      }
    }
  }
  return out;
}

std::string Metrics::helds() const {
  std::string out =
      head("usersyncd_held_actions", "gauge", "Actions that wait for a person, a time or a limit.");
  for (const auto& [account, known] : accounts_) {
    if (!known.watched) continue;
    for (const auto verdict : held_verdicts) {
      out += sample("usersyncd_held_actions",
                    labels({{"account", account}, {"verdict", usersyncd::name_of(verdict)}}),
                    std::to_string(count_of(known.held, verdict)));
    }
  }
  return out;
}

std::string Metrics::rate_limits() const {
  std::string out =
      head("usersyncd_rate_limited", "counter", "Answers by which a provider asked to slow down.");
  for (const auto& [account, known] : accounts_) {
    out += sample("usersyncd_rate_limited_total", labels({{"account", account}}),
                  std::to_string(known.rate_limited));
  }
  return out;
}

std::string Metrics::durations() const {
  constexpr std::string_view name = "usersyncd_request_duration_seconds";
  const std::string bucket_name = std::string(name) + "_bucket";
  std::string out = head(name, "histogram", "How long requests to a provider took.");
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    total += buckets_.at(i);
    const std::string bound = i < bounds_.size() ? seconds(bounds_.at(i)) : "+Inf";
    out += sample(bucket_name, label("le", bound), std::to_string(total));
  }
  out += sample(std::string(name) + "_count", "", std::to_string(total));
  return out + sample(std::string(name) + "_sum", "", seconds(duration_sum_));
}

std::string Metrics::last_successes() const {
  constexpr std::string_view name = "usersyncd_last_success_timestamp_seconds";
  std::string out = head(name, "gauge", "When an account was last polled with success.");
  for (const auto& [account, known] : accounts_) {
    if (!known.last_success) continue;
    out += sample(name, labels({{"account", account}}), seconds(known.last_success->time_since_epoch()));
  }
  return out;
}

std::string Metrics::text() const {
  std::string out = polls();
  out += head("usersyncd_requests", "counter", "Requests to a provider; status none: no answer.");
  out += samples("usersyncd_requests_total", requests_);
  out += durations() + drifts() + actions() + helds() + last_successes() + rate_limits();
  out += head("usersyncd_build", "info", "The version that runs.");
  out += sample("usersyncd_build_info", label("version", USERSYNCD_VERSION), "1");
  return out + "# EOF\n";
}

}  // namespace usersyncd
