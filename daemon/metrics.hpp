#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sync/judged.hpp"
#include "sync/time.hpp"

namespace usersyncd {

/// The numbers of the contract, in the OpenMetrics text format. Every label value is an account of the
/// config's or one of a fixed set, so the number of series is bounded.
class Metrics {
 public:
  enum class PollResult { ok, failed, incomplete };
  enum class ActionResult { applied, failed, unverified };

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
  /// By the labels as they are written, account first.
  using Series = std::map<std::string, std::uint64_t>;

  /// Upper bounds of the buckets; one more bucket takes the rest.
  static constexpr std::array<Duration, 11> bounds_{
      Duration{5},   Duration{10},   Duration{25},   Duration{50},     Duration{100},   Duration{250},
      Duration{500}, Duration{1000}, Duration{5000}, Duration{10'000}, Duration{30'000}};

  std::string durations() const;
  std::string last_successes() const;

  Series polls_, requests_, drift_, actions_, held_, rate_limited_;
  std::map<std::string, Time> last_success_;  ///< by the labels as they are written
  std::array<std::uint64_t, bounds_.size() + 1> buckets_{};
  Duration duration_sum_{};
};

}  // namespace usersyncd
