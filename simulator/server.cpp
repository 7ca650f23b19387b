#include "simulator/server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <csignal>

#include "simulator/wire.hpp"

namespace usersyncd::sim {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr std::uint64_t max_request_body = 8ULL << 20;
constexpr std::uint32_t max_request_header = 64U << 10;

Instant wall_clock() {
  return std::chrono::floor<Micros>(std::chrono::system_clock::now());
}

/// A coroutine that fails has met a bug: the exception leaves run().
void rethrow(std::exception_ptr error) {
  if (error) {
    std::rethrow_exception(error);
  }
}

Request to_request(const http::request<http::string_body>& message) {
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  request.body = message.body();
  return request;
}

tcp::endpoint loopback_endpoint(const ListenOptions& options) {
  ErrorCode error;
  const std::string text = options.address == "localhost" ? "127.0.0.1" : options.address;
  const auto address = asio::ip::make_address(text, error);
  if (error || !address.is_loopback()) {
    throw InputError("cannot listen on '" + options.address +
                     "': only loopback addresses, such as 127.0.0.1");
  }
  return {address, options.port};
}

asio::ssl::context make_tls_context(const ListenOptions& options) {
  asio::ssl::context context(asio::ssl::context::tls_server);
  if (options.tls) {
    try {
      context.use_certificate_chain_file(options.files.certificate);
      context.use_private_key_file(options.files.key, asio::ssl::context::pem);
    } catch (const boost::system::system_error& error) {
      throw InputError("cannot use certificate '" + options.files.certificate + "' with key '" +
                       options.files.key + "': " + error.what());
    }
  }
  return context;
}

asio::awaitable<void> wait(Micros time) {
  if (time.count() > 0) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(time);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

/// Sends a whole text, or byte by byte with a pause between any two.
template <class Stream>
asio::awaitable<ErrorCode> send(Stream& stream, const std::string& bytes, Micros per_byte) {
  ErrorCode error;
  if (per_byte.count() == 0) {
    co_await asio::async_write(stream, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    co_return error;
  }
  for (std::size_t i = 0; i < bytes.size() && !error; ++i) {
    const auto byte = asio::buffer(bytes.data() + i, 1);
    co_await asio::async_write(stream, byte, asio::redirect_error(asio::use_awaitable, error));
    co_await wait(per_byte);
  }
  co_return error;
}

/// A reset instead of an orderly end: what the client sees as "connection reset by peer".
void reset(tcp::socket& socket) {
  ErrorCode ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

}  // namespace

struct Server::Impl {
  Impl(Service& served, const ListenOptions& options)
      : service(served),
        use_tls(options.tls),
        tls(make_tls_context(options)),
        acceptor(context),
        signals(context) {
    try {
      const tcp::endpoint endpoint = loopback_endpoint(options);
      acceptor.open(endpoint.protocol());
      acceptor.set_option(tcp::acceptor::reuse_address(true));
      acceptor.bind(endpoint);
      acceptor.listen();
    } catch (const boost::system::system_error& error) {
      throw InputError("cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " +
                       error.what());
    }
  }

  asio::awaitable<void> accept_all();
  template <class Stream>
  asio::awaitable<void> serve(Stream& stream, tcp::socket& socket);
  asio::awaitable<void> serve_plain(tcp::socket socket);
  asio::awaitable<void> serve_tls(tcp::socket socket);

  Service& service;
  bool use_tls;
  asio::ssl::context tls;
  asio::io_context context{1};
  tcp::acceptor acceptor;
  asio::signal_set signals;
};

/// Requests of one connection, one after the other. `socket` is what lies under `stream`.
template <class Stream>
asio::awaitable<void> Server::Impl::serve(Stream& stream, tcp::socket& socket) {
  beast::flat_buffer buffer;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(max_request_body);
    parser.header_limit(max_request_header);
    ErrorCode error;
    co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      co_return;
    }
    const Request request = to_request(parser.get());
    const Reply reply = service.answer(request, wall_clock());
    co_await wait(reply.delivery.delay);
    if (reply.delivery.reset) {
      reset(socket);
      co_return;
    }
    const WireText text = wire_text(reply, parser.get().keep_alive(), wall_clock());
    const ErrorCode sent = co_await send(stream, text.bytes, reply.delivery.per_byte);
    if (service.stop_requested()) {
      context.stop();
    }
    if (sent || text.close) {
      ErrorCode ignored;
      socket.shutdown(tcp::socket::shutdown_both, ignored);
      co_return;
    }
  }
}

asio::awaitable<void> Server::Impl::serve_plain(tcp::socket socket) {
  co_await serve(socket, socket);
}

asio::awaitable<void> Server::Impl::serve_tls(tcp::socket socket) {
  TlsStream stream(std::move(socket), tls);
  ErrorCode error;
  co_await stream.async_handshake(asio::ssl::stream_base::server,
                                  asio::redirect_error(asio::use_awaitable, error));
  if (!error) {
    co_await serve(stream, stream.next_layer());
  }
}

asio::awaitable<void> Server::Impl::accept_all() {
  for (;;) {
    ErrorCode error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      // Out of descriptors, or the client is gone already. The pause keeps the former from becoming a busy
      // loop.
      co_await wait(std::chrono::milliseconds(10));
      continue;
    }
    ErrorCode ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (use_tls) {
      asio::co_spawn(context, serve_tls(std::move(socket)), &rethrow);
    } else {
      asio::co_spawn(context, serve_plain(std::move(socket)), &rethrow);
    }
  }
}

Server::Server(Service& service, const ListenOptions& options)
    : impl_(std::make_unique<Impl>(service, options)) {}

Server::~Server() = default;

unsigned short Server::port() const {
  return impl_->acceptor.local_endpoint().port();
}

void Server::stop_on_signals() {
  impl_->signals.add(SIGTERM);
  impl_->signals.add(SIGINT);
  impl_->signals.async_wait([this](const ErrorCode& error, int) {
    if (!error) {
      stop();
    }
  });
}

void Server::run() {
  asio::co_spawn(impl_->context, impl_->accept_all(), &rethrow);
  impl_->context.run();
}

void Server::stop() {
  impl_->context.stop();
}

}  // namespace usersyncd::sim
