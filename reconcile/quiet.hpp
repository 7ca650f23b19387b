#pragma once

#include <optional>
#include <string>

#include "sync/desired.hpp"
#include "sync/observed.hpp"
#include "sync/time.hpp"

namespace usersyncd {

/// What a look that found nothing to do was made from. As long as all of it is byte for byte the same, a look
/// finds nothing to do again, and need not decode anything to say so. Only ever a reason to do nothing.
struct Quiet {
  std::string settings;  ///< digest of everything but the desired state that people wrote about the account
  std::string catalog;   ///< digest of what our credential sees and can give
  ListMark list;
  std::string desired_revision;
  std::size_t users = 0;
  std::size_t in_sync = 0;
  /// A look that was saved, and with it snapshot and drift, found it; what only a plan has seen is good for
  /// plans alone.
  bool saved = false;
  /// There was something to report, and nothing else. It was told when it was new; a plan has to show it
  /// again.
  bool reports = false;
  Time until{};  ///< when to look closely again, whatever is the same
};

/// However little changes, an account is looked at closely once in so long.
inline constexpr std::chrono::days longest_quiet{1};

std::string to_text(const Quiet& quiet);
std::optional<Quiet> quiet_from_text(std::string_view text);  ///< nothing for garbage

std::string digest_of(const Catalog& catalog);

/// The first moment after `now` at which `desired` asks for something else, or announces that it will, though
/// nobody edits it; at most `longest_quiet` ahead.
Time quiet_until(const Desired& desired, Time now);

}  // namespace usersyncd
