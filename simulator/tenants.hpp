#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simulator/population.hpp"
#include "simulator/simulator.hpp"

namespace usersyncd::sim {

/// Many providers in one process, each with a world, a limiter, faults and a control API of its own. Number
/// N, from 1, is asked below `/tenant/N`; its account is that of the population followed by `-N`, its seed
/// that of the population plus N. `GET /sim/tenants` tells what each of them was asked.
class Tenants : public Service {
 public:
  /// Throws InputError for options that cannot be used.
  Tenants(const PopulationOptions& population, const SimulatorOptions& options, std::size_t count);

  Reply answer(const Request& request, Instant now) override;
  bool stop_requested() const override { return stop_requested_; }

  std::size_t count() const { return tenants_.size(); }
  /// From 1.
  const std::string& account(std::size_t number) const { return tenants_.at(number - 1).account; }
  const World& world(std::size_t number) const { return tenants_.at(number - 1).simulator->world(); }

 private:
  struct Tenant {
    std::string account;
    std::unique_ptr<Simulator> simulator;
    std::uint64_t requests = 0;
    std::uint64_t refused = 0;   ///< answered with 429
    std::vector<Instant> lists;  ///< when its users were listed; no more than max_lists
  };

  Response overview() const;

  std::vector<Tenant> tenants_;
  bool stop_requested_ = false;
};

}  // namespace usersyncd::sim
