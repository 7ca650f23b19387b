#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "simulate/chaos.hpp"
#include "simulate/memory_disk.hpp"
#include "simulate/portal.hpp"
#include "simulate/timeline.hpp"
#include "simulate/witness.hpp"
#include "store/database.hpp"

namespace usersyncd::simulate {

/// What the audit log has to hold in the end.
struct Ledger {
  int writes = 0;                     ///< write requests that left
  int answered = 0;                   ///< requests of which the process heard what came of them
  std::vector<std::string> recorded;  ///< `METHOD url` of exchanges that were recorded for certain
  std::vector<std::string> unsure;    ///< those that may be there or not
  std::size_t synced = 0;             ///< of `recorded`, those that a power cut cannot take any more

  /// What was not on the disk yet is not certain any more.
  void lose_power() {
    unsure.insert(unsure.end(), recorded.begin() + static_cast<std::ptrdiff_t>(synced), recorded.end());
    recorded.resize(synced);
  }
};

/// What a broken daemon would do. For the tests that show that the judge notices.
enum class Sabotage { none, repeats_creates, forgets_records, ignores_pauses };

/// Everything that outlives a process: the provider, the disk, time, and those who watch.
struct Stage {
  const Story& story;
  Timeline& timeline;
  WallClock& wall;
  MemoryDisk& disk;
  Portal& portal;
  Witness& witness;
  Chaos& chaos;
  Trace& trace;
  boost::asio::io_context& io;  ///< a process leaves nothing in it
  /// A connection to a store that is new, left by the one process of an earlier performance: to open one
  /// costs a fifth of a performance. Every process but the first opens its own.
  std::optional<Database>& spare;
  Sabotage sabotage = Sabotage::none;
  Ledger ledger;
  bool disk_failed = false;     ///< the disk has refused something in this run
  bool intents_durable = true;  ///< a power cut could not take any
  /// Lets happen what does not happen to a request or its answer; `key` is of the user at hand, if any.
  std::function<void(Trouble, const std::string& key)> disturb;
};

/// Whether it is Stage::disturb that lets the trouble happen.
bool is_disturbance(Trouble trouble);

}  // namespace usersyncd::simulate
