#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "daemon/account_stack.hpp"
#include "daemon/system_clock.hpp"

namespace usersyncd {

/// The login name of the person behind this process, for the audit log: of the one who called sudo, if
/// somebody did.
std::string invoking_user();

/// What a process that talks to providers owns, in the order in which it has to be built.
class Workplace {
 public:
  /// Opens the store for writing. Throws StoreError.
  Workplace(const Config& config, EventSink& events, std::string actor);

  boost::asio::io_context& io() { return io_; }
  SystemClock& clock() { return clock_; }
  Random& random() { return *random_; }
  Store& store() { return store_; }
  Redactor& redactor() { return redactor_; }
  Metrics& metrics() { return metrics_; }
  AuditKeeper& keeper() { return keeper_; }
  Process process();

  /// Runs a coroutine, and whatever it starts, to its end, and signs what the audit log has of it. SIGINT and
  /// SIGTERM make it stop early. Its exception comes out here.
  void run(Awaitable<void> work);

 private:
  boost::asio::io_context io_{1};
  SystemClock clock_{io_};
  std::unique_ptr<Random> random_ = make_system_random();
  Redactor redactor_;
  Metrics metrics_;
  Store store_;
  EventSink& events_;
  AuditKeeper keeper_;
  std::string actor_;
};

}  // namespace usersyncd
