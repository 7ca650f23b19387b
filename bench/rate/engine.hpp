#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/rate/client.hpp"
#include "bench/rate/limiter.hpp"

namespace usersyncd::bench {

struct Task {
  const Spec* spec = nullptr;
  std::string client;
  int count = 0;  ///< creates
  std::uint64_t seed = 0;
};

/// What one client made of one limiter.
struct Outcome {
  bool finished = false;
  double time = 0;     ///< seconds until the last create was answered
  double optimum = 0;  ///< of the clairvoyant client
  int attempts = 0;
  int refused = 0;
  std::vector<double> accepted_at, refused_at;  ///< arrivals, for what happened after a change
  std::string reason;                           ///< what the client said in the end

  double ratio() const { return time / optimum; }
  double refused_share() const { return attempts == 0 ? 0 : static_cast<double>(refused) / attempts; }
};

/// Plays one task in virtual time; the same task gives the same outcome on every machine.
Outcome play(const Task& task);

/// Seconds a client needs that knows the limiter and its neighbour, and has as many requests in flight.
double clairvoyant(const Spec& spec, double epoch, std::uint64_t seed, double start, int count);

}  // namespace usersyncd::bench
