#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "sync/error.hpp"
#include "sync/time.hpp"

namespace usersyncd {

/// Whether all is well, and one line for people.
struct Health {
  bool ok = true;
  std::string text;
};

/// What the pages of the admin server say.
struct AdminPages {
  std::function<std::string()> metrics;  ///< the OpenMetrics text
  std::function<Health()> health;        ///< whether the process works; if not it should be restarted
  std::function<Health()> readiness;     ///< whether it has started and polls
};

/// A small HTTP server for those who watch the daemon: GET /metrics, /healthz and /readyz, one request a
/// connection. It only reads, and is reached only from this machine: over a Unix socket of mode 0660 or a
/// loopback address. It works on the io_context of the daemon, so that it also falls silent when the daemon
/// hangs.
class AdminServer {
 public:
  /// Starts to listen at `unix:/path`, `127.0.0.1:9470` or `[::1]:9470`. A socket file that nobody answers on
  /// is replaced. A connection is cut after `deadline`. An Error of kind config if the address cannot be
  /// used.
  static Result<std::unique_ptr<AdminServer>> listen(boost::asio::io_context& io, const std::string& address,
                                                     AdminPages pages, Duration deadline = Duration{10'000});
  /// Stops listening and drops the open connections; the pages are not called any more.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// The TCP port, for a listening address with port 0; zero for a Unix socket.
  std::uint16_t port() const;

 private:
  struct Shared;
  explicit AdminServer(std::shared_ptr<Shared> shared);
  std::shared_ptr<Shared> shared_;  ///< with the connections that are being served
};

}  // namespace usersyncd
