#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "store/store.hpp"
#include "sync/events.hpp"
#include "sync/ports.hpp"

namespace usersyncd {

/// Sees to it that what the audit log holds is signed in time, and that old records leave it. It never keeps
/// anybody from work: what it cannot do it tells once, and tries again a minute later.
class AuditKeeper {
 public:
  /// The references must outlive it.
  AuditKeeper(Store& store, const Clock& clock, EventSink& events, AuditConfig config)
      : store_(store), clock_(clock), events_(events), config_(std::move(config)) {}

  /// From now on by this config, as after a reload.
  void configure(const AuditConfig& config);
  /// After a record: signs when 256 have come together.
  void recorded();
  /// To be called now and then: signs once a minute what is new, and puts old records away.
  void tick();
  /// Signs what is not signed yet: at the end of a run, and before stopping.
  void sign();
  /// Why the last attempt failed; empty: it did not.
  const std::string& trouble() const { return trouble_; }

 private:
  Result<bool> load_key();
  Result<bool> try_to_sign();
  void put_away();
  void note_trouble(std::string trouble);

  Store& store_;
  const Clock& clock_;
  EventSink& events_;
  AuditConfig config_;
  std::optional<SigningKey> key_;
  std::int64_t signed_ = 0;  ///< records, as far as this process knows
  Duration next_look_{0};
  Duration next_retention_{0};
  std::string trouble_;
};

}  // namespace usersyncd
