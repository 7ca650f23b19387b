#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/certificates.hpp"

namespace usersyncd::test {

/// The server's end of one connection. Everything is blocking and raw: what is sent need not be HTTP.
class Peer {
 public:
  virtual ~Peer() = default;
  /// The next request, header and body, as it came; empty: the client closed the connection first.
  virtual std::string read_request() = 0;
  /// False: the client has had enough.
  virtual bool send(std::string_view bytes) = 0;
  /// One byte every few milliseconds, until all are sent or the client has had enough.
  virtual void drip(std::string_view bytes) = 0;
  virtual void wait_until_closed() = 0;
  /// Ends the connection now, not when the script returns.
  virtual void close() = 0;
  /// Closes so that the client sees a reset (RST), not an end.
  virtual void reset() = 0;
};

/// What happens on one connection; when it returns, the connection is closed.
using Script = std::function<void(Peer&)>;

/// Reads one request, answers with these bytes.
Script answer_with(std::string bytes);

/// How the server does TLS.
struct ServerTls {
  Certificate certificate;
  bool only_tls_1_1 = false;
};

/// A server on a port of 127.0.0.1 whose n-th connection follows the n-th script, and any later one the last.
/// Each connection has a thread of its own. The destructor cuts whatever is still open.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Script> scripts, std::optional<ServerTls> tls = std::nullopt);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }
  /// `http://127.0.0.1:port` or, with TLS, `https://localhost:port`.
  std::string url() const;
  /// How many connections have been accepted.
  std::size_t connections() const { return connections_; }
  /// Every request read, in the order of their arrival.
  std::vector<std::string> requests() const;

 private:
  class SocketPeer;
  void accept_all();
  void serve(int socket, const Script& script);
  void note_request(std::string request);

  std::vector<Script> scripts_;
  std::shared_ptr<void> tls_context_;  ///< an SSL_CTX
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_{0};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// A port of 127.0.0.1 on which nobody listens.
std::uint16_t closed_port();

}  // namespace usersyncd::test
