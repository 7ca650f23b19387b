#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/rate/dice.hpp"

namespace usersyncd::bench {

constexpr int most_in_flight = 8;  ///< of every client, the clairvoyant one too

/// Decides when a request leaves. Times are seconds since the start of the run.
class Client {
 public:
  virtual ~Client() = default;
  /// When the next request may leave; `never`: not before an answer has come.
  virtual double ready_at(double now) = 0;
  virtual void sent(double now) = 0;
  virtual void answered(double sent_at, double now, bool accepted) = 0;
  /// Whether a refused request keeps its place and comes again after `backoff`.
  virtual bool keeps_place() const { return false; }
  virtual double backoff(int /*refusals*/, Dice& /*dice*/) { return 0; }
  /// The same client later, with what it keeps over a restart. Null: it keeps nothing.
  virtual std::unique_ptr<Client> restarted(double /*now*/) { return nullptr; }
  virtual std::string reason(double /*now*/) { return {}; }
};

/// `naive`, `aws`, `aimd` or `learn`; null for any other name. `epoch` is the unix time of time zero.
std::unique_ptr<Client> make_client(std::string_view name, double epoch);

/// The names, for --help. `warm` is `learn` after a restart and a quarter of an hour, `aimd-again` is AIMD
/// then, which keeps nothing: what of `warm` is the provider's state at that hour.
const std::vector<std::string>& client_names();

}  // namespace usersyncd::bench
