#pragma once

#include <string>

#include "store/store.hpp"
#include "sync/events.hpp"
#include "sync/ports.hpp"

namespace usersyncd {

/// What the cycle has to know of one account, from config and profile.
struct AccountContext {
  std::string id;
  bool enforce = false;  ///< false: observe; nothing is ever sent
  std::size_t max_in_flight = 8;
  Duration request_timeout{30'000};
  Duration retry_for{600'000};
  Duration visibility_grace{120'000};
  StringSet own_logins;  ///< keys of the usernames that our credential works with
  Capabilities capabilities;
  std::string actor;  ///< who is behind the run, for the audit log
  /// Items that are read in turn in a quiet cycle where the list is thin.
  std::size_t item_reads = 16;
};

class InDoubt;

/// Where all effects of a cycle go. The references outlive the cycle.
struct Ports {
  Provider& provider;
  Store& store;
  Clock& clock;
  Random& random;
  EventSink& events;
  InDoubt& in_doubt;  ///< the account's own, and outlives its cycles
};

}  // namespace usersyncd
