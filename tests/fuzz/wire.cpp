#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "daemon/http_client.hpp"
#include "tests/fuzz/parts.hpp"
#include "tests/fuzz/targets.hpp"

// What a server sends to the HTTP client.

namespace usersyncd::fuzz {
namespace {

namespace asio = boost::asio;
using Answered = boost::system::result<HttpResponse, HttpFailure>;

// A server on this machine that says the same to whoever comes, and hangs up.
class Server {
 public:
  Server() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address_;
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    require(::bind(listener_, address, length) == 0);
    require(::listen(listener_, 8) == 0);
    require(::getsockname(listener_, address, &length) == 0);
  }
  ~Server() { ::close(listener_); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return ntohs(address_.sin_port); }

  // False: nobody has come yet.
  bool serve(std::string_view answer) {
    const int caller = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (caller < 0) return false;
    if (!answer.empty()) require(::send(caller, answer.data(), answer.size(), MSG_NOSIGNAL) > 0);
    ::shutdown(caller, SHUT_WR);
    caller_ = caller;
    return true;
  }

  void hang_up() {
    if (caller_ >= 0) ::close(caller_);
    caller_ = -1;
  }

 private:
  int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int caller_ = -1;
  sockaddr_in address_{};
};

std::unique_ptr<Http> client_of(asio::io_context& io, std::uint16_t port) {
  HttpOptions options;
  options.origin = Origin{false, "127.0.0.1", true, port, ""};
  options.max_response_bytes = 16384;
  options.idle_connections = 0;  // each input has a connection of its own
  auto client = make_http_client(io.get_executor(), options);
  require(client.has_value());
  return std::move(*client);
}

Awaitable<void> ask(Http& client, std::optional<Answered>& answered) {
  HttpRequest request;
  request.method = "GET";
  request.target = "/users";
  Answered answer = co_await client.send(std::move(request));
  answered.emplace(std::move(answer));
}

}  // namespace

void feed_http(std::string_view bytes) {
  if (bytes.empty()) return;
  static asio::io_context io;
  static Server server;
  static const auto client = client_of(io, server.port());
  std::optional<Answered> answered;
  asio::co_spawn(io, ask(*client, answered), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  bool served = false;
  while (!answered) {
    io.restart();
    if (io.poll() == 0) io.run_one_for(std::chrono::milliseconds{10});
    if (!served) served = server.serve(bytes.substr(1));
  }
  server.hang_up();
  if (*answered) return take_in(*profile_of(bytes.front()), **answered);
  // Once the request has left, nobody may believe that it did not arrive.
  require(!served || answered->error().may_have_arrived);
  require(answered->error().kind != HttpFailure::Kind::timeout);
}

}  // namespace usersyncd::fuzz
