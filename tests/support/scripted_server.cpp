#include "tests/support/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace usersyncd::test {
namespace {

constexpr int poll_interval = 10;  // milliseconds: how soon a blocked thread notices that the test is over
constexpr int drip_interval = 5;

void require(bool success, const char* what) {
  if (!success) throw std::runtime_error(std::string{"test server: "} + what);
}

/// A socket bound to a free port.
int bind_loopback(std::uint16_t& port) {
  const int bound = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(::bind(bound, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "cannot bind");
  socklen_t length = sizeof address;
  require(::getsockname(bound, reinterpret_cast<sockaddr*>(&address), &length) == 0, "cannot read the port");
  port = ntohs(address.sin_port);
  return bound;
}

std::shared_ptr<void> make_context(const ServerTls& tls) {
  const std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  if (tls.only_tls_1_1) {
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  }
  const char* certificate = tls.certificate.certificate_file.c_str();
  const char* key = tls.certificate.key_file.c_str();
  require(SSL_CTX_use_certificate_file(context.get(), certificate, SSL_FILETYPE_PEM) == 1, "bad certificate");
  require(SSL_CTX_use_PrivateKey_file(context.get(), key, SSL_FILETYPE_PEM) == 1, "bad key");
  return context;
}

/// The length of the first whole request in `bytes`; 0: it is not whole yet.
std::size_t request_length(std::string_view bytes) {
  const std::size_t header_end = bytes.find("\r\n\r\n");
  if (header_end == std::string_view::npos) return 0;
  constexpr std::string_view field = "Content-Length: ";
  const std::size_t at = bytes.substr(0, header_end).find(field);
  std::size_t length = header_end + 4;
  if (at != std::string_view::npos) length += std::stoul(std::string{bytes.substr(at + field.size(), 20)});
  return bytes.size() < length ? 0 : length;
}

}  // namespace

class ScriptedServer::SocketPeer final : public Peer {
 public:
  SocketPeer(ScriptedServer& server, int socket) : server_(server), socket_(socket) {
    if (server_.tls_context_) {
      ssl_.reset(SSL_new(static_cast<SSL_CTX*>(server_.tls_context_.get())), SSL_free);
      SSL_set_fd(ssl_.get(), socket_);
    }
  }

  ~SocketPeer() override {
    if (ssl_ && !was_reset_) SSL_shutdown(ssl_.get());
    ::close(socket_);
  }

  bool handshake() { return !ssl_ || (wait_readable() && SSL_accept(ssl_.get()) == 1); }

  std::string read_request() override {
    std::size_t length = 0;
    while ((length = request_length(unread_)) == 0) {
      const std::string more = receive();
      if (more.empty()) return {};
      unread_ += more;
    }
    std::string request = unread_.substr(0, length);
    unread_.erase(0, length);
    server_.note_request(request);
    return request;
  }

  bool send(std::string_view bytes) override {
    while (!bytes.empty()) {
      const int chunk = static_cast<int>(std::min<std::size_t>(bytes.size(), 1U << 20));
      const ssize_t sent = ssl_ ? SSL_write(ssl_.get(), bytes.data(), chunk)
                                : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void drip(std::string_view bytes) override {
    for (const char& byte : bytes) {
      if (server_.stopping_) return;
      send({&byte, 1});
      pollfd client{socket_, POLLIN, 0};
      if (::poll(&client, 1, drip_interval) > 0) return;
    }
  }

  void wait_until_closed() override {
    while (!receive().empty()) continue;
  }

  void close() override { ::shutdown(socket_, SHUT_RDWR); }

  void reset() override {
    was_reset_ = true;
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

 private:
  bool wait_readable() const {
    pollfd client{socket_, POLLIN, 0};
    while (!server_.stopping_) {
      if (::poll(&client, 1, poll_interval) > 0) return true;
    }
    return false;
  }

  std::string receive() {
    if ((!ssl_ || SSL_pending(ssl_.get()) == 0) && !wait_readable()) return {};
    std::array<char, 4096> buffer{};
    const ssize_t count = ssl_ ? SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()))
                               : ::recv(socket_, buffer.data(), buffer.size(), 0);
    return count <= 0 ? std::string{} : std::string{buffer.data(), static_cast<std::size_t>(count)};
  }

  ScriptedServer& server_;
  int socket_;
  std::shared_ptr<SSL> ssl_;
  std::string unread_;
  bool was_reset_ = false;
};

Script answer_with(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    peer.read_request();
    peer.send(bytes);
  };
}

ScriptedServer::ScriptedServer(std::vector<Script> scripts, std::optional<ServerTls> tls)
    : scripts_(std::move(scripts)) {
  // OpenSSL writes with write(2), which signals when the client has gone.
  std::signal(SIGPIPE, SIG_IGN);
  if (tls) tls_context_ = make_context(*tls);
  listener_ = bind_loopback(port_);
  require(::listen(listener_, 64) == 0, "cannot listen");
  acceptor_ = std::thread{[this] { accept_all(); }};
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

std::string ScriptedServer::url() const {
  return (tls_context_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_);
}

std::vector<std::string> ScriptedServer::requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}

void ScriptedServer::note_request(std::string request) {
  const std::lock_guard lock{mutex_};
  requests_.push_back(std::move(request));
}

void ScriptedServer::accept_all() {
  while (!stopping_) {
    pollfd listener{listener_, POLLIN, 0};
    if (::poll(&listener, 1, poll_interval) <= 0) continue;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const Script& script = scripts_[std::min(connections_++, scripts_.size() - 1)];
    threads_.emplace_back([this, socket, &script] { serve(socket, script); });
  }
}

void ScriptedServer::serve(int socket, const Script& script) {
  SocketPeer peer{*this, socket};
  if (peer.handshake()) script(peer);
}

std::uint16_t closed_port() {
  std::uint16_t port = 0;
  ::close(bind_loopback(port));
  return port;
}

}  // namespace usersyncd::test
