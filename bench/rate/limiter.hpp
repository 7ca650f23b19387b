#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/rate/dice.hpp"

namespace usersyncd::bench {

constexpr double never = std::numeric_limits<double>::infinity();

/// The rules by which providers limit. All times here are seconds.
enum class Family {
  token_bucket,
  leaky_queue,      ///< accepts like a bucket, and delays the answer instead of the next request
  fixed_clock,      ///< windows on the clock: floor(unix time / window)
  fixed_first,      ///< a window opens with the first request after the last one has ended
  sliding_log,      ///< at most `limit` in any `window`
  sliding_counter,  ///< this window's count and the last one's, weighted by what of it is still in sight
};

struct Numbers {
  double rate = 1;   ///< of buckets and queues
  double burst = 1;  ///< of buckets; the places of a queue
  double limit = 1;  ///< of windows
  double window = 1;
};

/// From `at` seconds after the first request on.
struct Change {
  double at = 0;
  Numbers numbers;
};

struct Spec {
  std::string name;
  Family family = Family::token_bucket;
  Numbers numbers;
  bool strict = false;   ///< refused requests count like accepted ones
  double jitter = 0.01;  ///< each way takes half the round trip, give or take half of this
  double round_trip = 0.05;
  double way_there =
      0.5;  ///< share of the round trip; less where the provider thinks for long before it answers
  double neighbour = 0;  ///< share of the rate that somebody else takes at most, in bursts
  double skew = 0;       ///< by which the provider's clock is ahead of ours
  std::vector<Change> changes;

  /// Under which a report sums it up: the family, or what makes it harder.
  std::string group() const;
};

std::string name_of(Family family);
/// Requests per second in the long run.
double rate_of(Family family, const Numbers& numbers);

/// One rule with its state. Times are unix times.
class Rule {
 public:
  virtual ~Rule() = default;
  struct Answer {
    bool accepted = false;
    double delay = 0;
  };
  virtual Answer hit(double at) = 0;
  /// The earliest time from `at` on at which a request would be accepted if no other came before.
  virtual double open_at(double at) = 0;
  virtual void change(const Numbers& numbers, double at) = 0;
};

std::unique_ptr<Rule> make_rule(const Spec& spec, double now);

/// A rule with its neighbour and its changes. Asked in the order of time.
class Limiter {
 public:
  /// `epoch` is the unix time of time zero.
  Limiter(const Spec& spec, double epoch, std::uint64_t seed);

  Rule::Answer hit(double at);
  /// As Rule::open_at, with a neighbour who will do what he does.
  double open_at(double at);

 private:
  void advance(double to);
  void next_neighbour(double after);
  double next_change() const;

  const Spec& spec_;
  double epoch_;
  std::unique_ptr<Rule> rule_;
  Dice dice_;
  double rate_;
  std::size_t changed_ = 0;
  double neighbour_at_ = never;  ///< his next request
  double load_ = 0;              ///< what he takes at present, in requests per second
  double load_until_ = 0;
};

}  // namespace usersyncd::bench
