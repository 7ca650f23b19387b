#pragma once

#include <memory>
#include <string>

#include "simulator/service.hpp"
#include "simulator/tls.hpp"

namespace usersyncd::sim {

struct ListenOptions {
  std::string address = "127.0.0.1";  ///< loopback only
  unsigned short port = 0;            ///< 0: any free one
  bool tls = false;
  CertificateFiles files;  ///< with tls
};

/// Puts a service on the network: HTTP/1.1 with keep-alive, one thread.
class Server {
 public:
  /// Listens at once. Throws InputError when it cannot.
  Server(Service& service, const ListenOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  unsigned short port() const;

  /// From now on SIGTERM and SIGINT end run(), even one that has not begun.
  void stop_on_signals();

  /// Serves until stop() or POST /sim/stop.
  void run();

  /// May be called from another thread.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usersyncd::sim
