#pragma once

#include <memory>
#include <vector>

#include "simulate/witness.hpp"
#include "simulator/auth.hpp"
#include "simulator/limiter.hpp"

namespace usersyncd::simulate {

/// What an answer is made to show instead of the truth.
struct Mischief {
  sim::ListFault list;
  Duration age{0};  ///< a read shows how it was so long ago
};

/// The provider: the whole truth about who exists, behind the real APIs of the simulator, without a network.
class Portal {
 public:
  Portal(const Story& story, const Timeline& timeline, Witness& witness);

  sim::Response answer(const sim::Request& request, const Mischief& mischief);
  /// An answer that the limiter gives in place of the API; empty: go on.
  std::optional<sim::Response> limited(Duration retry_in, bool force);
  /// The vendor's no, in the shape of this API.
  sim::Response refusal(const sim::Request& request, int status, const std::string& code) const;

  /// Somebody does something in the portal.
  void happen(const PortalDeed& deed);
  /// Whose user a path speaks of; empty: nobody's.
  std::string key_in_path(const std::string& path) const;
  std::string key_in_path(const std::vector<std::string>& segments) const;

  const sim::World& truth() const { return world_; }
  sim::Instant now() const;

 private:
  void keep_history();
  sim::World& as_of(Duration age);

  const Story& story_;
  const Timeline& timeline_;
  Witness& witness_;
  sim::World world_;
  sim::Gate gate_;
  std::unique_ptr<sim::Limiter> limiter_;
  sim::Hint hint_;
  std::vector<std::pair<Duration, sim::World>> history_;  ///< how it was until then
};

}  // namespace usersyncd::simulate
