#pragma once

#include "daemon/log.hpp"
#include "daemon/metrics.hpp"

namespace usersyncd {

/// The note in the store that says when the last reload was refused, and on further lines why. Empty or
/// absent: the files are in force as they are.
inline constexpr const char* refused_reload = "refused-reload";

/// The daemon's ear for events: everything goes to the log, what can be counted to the metrics.
class DaemonEvents : public EventSink {
 public:
  DaemonEvents(Log& log, Metrics*& metrics) : log_(log), metrics_(metrics) {}
  void emit(const Event& event) override;

 private:
  Log& log_;
  Metrics*& metrics_;  ///< null until there are any
};

}  // namespace usersyncd
