#pragma once

#include <string>
#include <string_view>

namespace usersyncd {

/// One line of the log. Fields that do not apply stay empty and are left out.
struct Event {
  enum class Level { debug, info, warning, error };
  Level level = Level::info;
  std::string_view name;  ///< one of the contract's: `poll.ok`, `drift.detected`, …
  std::string account, username, field, desired, actual, run, rule, reason;
};

/// Where the cycle tells what happened. The log and the metrics listen.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void emit(const Event& event) = 0;
};

}  // namespace usersyncd
