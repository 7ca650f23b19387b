#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>

#include "simulator/api.hpp"
#include "simulator/auth.hpp"
#include "simulator/faults.hpp"
#include "simulator/journal.hpp"
#include "simulator/limiter.hpp"
#include "simulator/service.hpp"

namespace usersyncd::sim {

struct SimulatorOptions {
  Dialect dialect;
  Credentials credentials;
  std::chrono::seconds token_ttl{3600};
  Micros latency{};
  Micros jitter{};  ///< uniformly added to or taken from the latency
  std::string limiter = "none";
  std::string hint = "none";
  FaultScript faults;
  std::string journal;  ///< path; empty: memory only
};

/// The whole simulated provider without the network: limiter, faults, login, both APIs, journal, control API.
/// Not thread-safe; one thread asks.
class Simulator : public Service {
 public:
  /// Throws InputError for a limiter, hint or journal that cannot be used.
  Simulator(World world, SimulatorOptions options);

  Reply answer(const Request& request, Instant now) override;

  const World& world() const { return world_; }
  bool stop_requested() const override { return stop_requested_; }

 private:
  Reply answer_api(const Request& request, const Target& target, Instant now, JournalEntry& entry);
  Response faulty_response(const Fault& fault, const Request& request, const Target& target, Instant now);
  Response work(const Request& request, const Target& target, const Fault& fault, Instant now);
  Response ask(const Request& request, const Target& target, World& world, const ListFault& fault,
               Instant now);
  Response ask_cached(const Request& request, const Target& target, Instant now);
  Response refusal_for(const Refusal& refusal, const Request& request, const Target& target) const;
  Micros next_latency();

  // The control API, `/sim/…` (control_api.cpp).
  Response control(const Request& request, const Target& target);
  Response control_user(const Request& request, const std::string& username);
  Response control_post(const Request& request, const std::string& what);
  Response stats() const;

  World world_;
  SimulatorOptions options_;
  Gate gate_;
  Journal journal_;
  std::unique_ptr<Limiter> limiter_;
  Hint hint_;
  FaultScript faults_;
  std::minstd_rand jitter_source_{1};
  std::uint64_t requests_ = 0;
  bool stop_requested_ = false;

  World stale_world_;
  int stale_reads_left_ = 0;

  /// Answers to reads, by target and accepted type, until the world changes.
  std::unordered_map<std::string, Response> cache_;
  std::uint64_t cached_revision_ = 0;
};

}  // namespace usersyncd::sim
