#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sync/judged.hpp"
#include "sync/time.hpp"

namespace usersyncd {

/// The numbers of the contract, in the OpenMetrics text format. Every label value is an account of the
/// config's or one of a fixed set, so the number of series is bounded. What can be foreseen is there from the
/// start and says 0: who watches for a rise has to see the value before it.
class Metrics {
 public:
  enum class PollResult { ok, failed, incomplete };
  enum class ActionResult { applied, failed, unverified };

  /// The account is in the config: its series are shown from now on.
  void watch(const std::string& account);

  void count_poll(const std::string& account, PollResult result);
  /// `status` is that of the answer, zero if there was none.
  void count_request(const std::string& account, const std::string& method, int status, Duration duration);
  void count_action(const std::string& account, Operation operation, ActionResult result);
  void count_rate_limited(const std::string& account);

  /// All that differs in an account now, by kind (a field name, `missing`, `leaver`, …).
  void set_drift(const std::string& account, const std::map<std::string, std::size_t>& by_kind);
  /// All that is held in an account now.
  void set_held(const std::string& account, const std::map<Verdict, std::size_t>& by_verdict);
  void set_last_success(const std::string& account, Time time);

  /// The account is no longer in the config: what would stand still from now on is taken away.
  void forget(const std::string& account);

  /// The page, with `# EOF`.
  std::string text() const;

 private:
  /// By the labels as they are written.
  using Series = std::map<std::string, std::uint64_t>;

  /// Upper bounds of the buckets; one more bucket takes the rest.
  static constexpr std::array<Duration, 11> bounds_{
      Duration{5},   Duration{10},   Duration{25},   Duration{50},     Duration{100},   Duration{250},
      Duration{500}, Duration{1000}, Duration{5000}, Duration{10'000}, Duration{30'000}};

  struct OfAccount {
    bool watched = false;  ///< whether it has gauges
    std::map<PollResult, std::uint64_t> polls;
    std::map<std::pair<Operation, ActionResult>, std::uint64_t> actions;
    std::uint64_t rate_limited = 0;
    std::map<std::string, std::size_t> drift;  ///< by kind
    std::map<Verdict, std::size_t> held;
    std::optional<Time> last_success;
  };

  std::string polls() const;
  std::string durations() const;
  std::string drifts() const;
  std::string actions() const;
  std::string helds() const;
  std::string last_successes() const;
  std::string rate_limits() const;

  std::map<std::string, OfAccount> accounts_;
  Series requests_;
  std::array<std::uint64_t, bounds_.size() + 1> buckets_{};
  Duration duration_sum_{};
};

}  // namespace usersyncd
