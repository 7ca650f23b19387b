#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "sync/time.hpp"

namespace date {
class time_zone;
}

namespace usersyncd {

/// When actions may run, by the clock on the wall of one time zone. Where that clock is put forward it never
/// shows the hours in between, so a window within them does not open that day; where it is put back, a window
/// opens each time that the clock shows its hours.
struct Window {
  std::array<bool, 7> days{true, true, true, true, true, true, true};  ///< Sunday first
  std::chrono::minutes from{0};                                        ///< after the start of the day
  std::chrono::minutes until{24 * 60};  ///< not above 24 h; below `from`: on the following day
  std::string timezone;
  const date::time_zone* zone = nullptr;  ///< of find_zone(timezone); never null in a rule that was read
};

/// The zone of an IANA name (`America/New_York`); a null pointer if there is none. Zones live as long as the
/// program.
const date::time_zone* find_zone(const std::string& name);

/// All names that find_zone knows, for suggestions.
std::vector<std::string> zone_names();

bool is_open(const Window& window, Time now);

/// The first instant after `now` at which the window is open, for a window that is closed at `now`. Empty if
/// there is none in the next four weeks.
std::optional<Time> next_opening(const Window& window, Time now);

/// For people: `mon-fri 08:00-18:00 America/New_York`.
std::string show(const Window& window);

}  // namespace usersyncd
