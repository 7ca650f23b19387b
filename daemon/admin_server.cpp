#include "daemon/admin_server.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <cstring>
#include <exception>
#include <optional>
#include <set>
#include <utility>

#include "sync/ports.hpp"

namespace usersyncd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// One protocol type for both kinds of address, so that everything below is written, and compiled, once.
using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using Stream = beast::basic_stream<Protocol>;
using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t most_connections = 16;
constexpr std::uint32_t largest_header = 8192;  // bytes
constexpr std::chrono::milliseconds pause_after_accept_error{100};

void rethrow(std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
}

Error cannot_listen(const std::string& address, const std::string& why) {
  return Error{ErrorKind::config, "cannot listen at \"" + address + "\": " + why, "admin.listen"};
}

// ---- What is answered

Response plain_response(http::status status, std::string body) {
  Response response{status, 11};
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.set(http::field::cache_control, "no-store");
  response.keep_alive(false);
  response.body() = std::move(body);
  response.prepare_payload();
  return response;
}

Response health_response(const Health& health) {
  const auto status = health.ok ? http::status::ok : http::status::service_unavailable;
  return plain_response(status, health.text + '\n');
}

Response metrics_response(std::string page) {
  Response response = plain_response(http::status::ok, std::move(page));
  response.set(http::field::content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  return response;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// Whether the value of a Host header is this machine. A page whose name was made to point here (DNS
/// rebinding) comes with the name of its own host.
bool names_this_machine(std::string_view host) {
  const std::size_t colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  if (colon != host.npos) {
    if (!is_digits(host.substr(colon + 1))) return false;
    host = host.substr(0, colon);
  }
  if (beast::iequals(host, "localhost")) return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

/// What is wrong with a request before its path matters.
std::optional<Response> refuse(const Request& request, bool tcp) {
  if (tcp && request.count(http::field::host) != 1)
    return plain_response(http::status::bad_request, "one Host header is needed\n");
  if (tcp && !names_this_machine(request[http::field::host]))
    return plain_response(http::status::misdirected_request, "this is not the host you are looking for\n");
  if (request.method() == http::verb::get) return std::nullopt;
  Response response = plain_response(http::status::method_not_allowed, "");
  response.set(http::field::allow, "GET");
  return response;
}

Response respond(const Request& request, bool tcp, const AdminPages& pages) {
  if (auto refusal = refuse(request, tcp)) return std::move(*refusal);
  const std::string_view target = request.target();
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/metrics") return metrics_response(pages.metrics());
  if (path == "/healthz") return health_response(pages.health());
  if (path == "/readyz") return health_response(pages.readiness());
  return plain_response(http::status::not_found, "there are /metrics, /healthz and /readyz\n");
}

/// The answer to what is no acceptable HTTP; nothing if the other side is gone or too slow.
std::optional<Response> respond_to(error_code error) {
  if (error == http::error::header_limit)
    return plain_response(http::status::request_header_fields_too_large, "the header is too long\n");
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() != http::make_error_code(http::error::header_limit).category()) return std::nullopt;
  return plain_response(http::status::bad_request, "the request cannot be read: " + error.message() + '\n');
}

// ---- Where it listens

Result<asio::ip::tcp::endpoint> tcp_endpoint(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == address.npos) return cannot_listen(address, "neither unix:/path nor host:port");
  std::string host = address.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  error_code error;
  const auto ip = asio::ip::make_address(host, error);
  if (error || !ip.is_loopback())
    return cannot_listen(address, "only loopback addresses (127.0.0.1, [::1]) are served");

  std::uint16_t port = 0;
  const char* last = address.data() + address.size();
  const auto [end, code] = std::from_chars(address.data() + colon + 1, last, port);
  if (code != std::errc{} || end != last)
    return cannot_listen(address, "the port is not a number up to 65535");
  return asio::ip::tcp::endpoint(ip, port);
}

error_code open_acceptor(Acceptor& acceptor, const Protocol::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(static_cast<int>(most_connections), error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

/// Owner and group may connect, from the first moment on.
error_code open_unix_acceptor(Acceptor& acceptor, const std::string& path) {
  const mode_t before = umask(0117);
  const error_code error = open_acceptor(acceptor, asio::local::stream_protocol::endpoint(path));
  umask(before);
  return error;
}

/// Removes what an earlier process left behind at `path`. Says why not, if it must stay.
std::optional<std::string> remove_stale_socket(asio::io_context& io, const std::string& path) {
  struct stat file {};
  if (lstat(path.c_str(), &file) != 0) return std::nullopt;
  if (!S_ISSOCK(file.st_mode)) return "the file is there already and is not a socket";
  asio::local::stream_protocol::socket probe(io);
  error_code error;
  probe.open({}, error);
  if (!error) probe.non_blocking(true, error);
  if (!error) probe.connect(path, error);
  if (error != asio::error::connection_refused) return "another process listens there";
  if (unlink(path.c_str()) != 0)
    return "cannot remove the old socket: " + std::generic_category().message(errno);
  return std::nullopt;
}

std::optional<std::string> listen_at_path(asio::io_context& io, Acceptor& acceptor, const std::string& path) {
  if (!path.starts_with('/') || path.size() >= sizeof(sockaddr_un::sun_path))
    return "the path must be absolute and shorter than 108 bytes";
  error_code error = open_unix_acceptor(acceptor, path);
  if (error == asio::error::address_in_use) {
    if (auto reason = remove_stale_socket(io, path)) return reason;
    error = open_unix_acceptor(acceptor, path);
  }
  if (error) return error.message();
  return std::nullopt;
}

/// A socket file of ours, which goes with us unless someone else has put theirs in its place.
class SocketFile {
 public:
  explicit SocketFile(std::string path) : path_(std::move(path)) { lstat(path_.c_str(), &ours_); }
  ~SocketFile() {
    struct stat now {};
    if (lstat(path_.c_str(), &now) != 0) return;
    if (now.st_dev == ours_.st_dev && now.st_ino == ours_.st_ino) unlink(path_.c_str());
  }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

 private:
  std::string path_;
  struct stat ours_ {};
};

/// The connections that are open.
using Streams = std::set<Stream*>;

/// Keeps a connection among those that are open as long as it is served.
class Enlisted {
 public:
  Enlisted(Streams& open, Stream& stream) : open_(open), stream_(stream) { open_.insert(&stream_); }
  ~Enlisted() { open_.erase(&stream_); }
  Enlisted(const Enlisted&) = delete;
  Enlisted& operator=(const Enlisted&) = delete;

 private:
  Streams& open_;
  Stream& stream_;
};

}  // namespace

/// What the coroutines share with the server. They keep it alive; `close` makes them end.
struct AdminServer::Shared {
  Shared(asio::io_context& io, AdminPages what, Duration limit)
      : acceptor(io), pause(io), pages(std::move(what)), deadline(limit) {}

  static Awaitable<void> accept_all(std::shared_ptr<Shared> self);
  static Awaitable<void> serve(std::shared_ptr<Shared> self, Protocol::socket socket);
  void close();

  Acceptor acceptor;
  asio::steady_timer pause;
  AdminPages pages;
  Duration deadline;
  bool closed = false;
  Streams open;
  std::optional<SocketFile> file;  ///< empty: TCP
};

Awaitable<void> AdminServer::Shared::accept_all(std::shared_ptr<Shared> self) {
  while (!self->closed) {
    error_code error;
    auto socket = co_await self->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error && self->open.size() < most_connections)
      asio::co_spawn(self->acceptor.get_executor(), serve(self, std::move(socket)), rethrow);
    if (!error || self->closed) continue;
    // Out of descriptors, most likely: the connection stays in the queue, so asking again at once would spin.
    self->pause.expires_after(pause_after_accept_error);
    co_await self->pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

Awaitable<void> AdminServer::Shared::serve(std::shared_ptr<Shared> self, Protocol::socket socket) {
  Stream stream(std::move(socket));
  const Enlisted enlisted(self->open, stream);
  stream.expires_after(self->deadline);
  beast::flat_buffer buffer;
  http::request_parser<http::empty_body> parser;
  parser.header_limit(largest_header);
  error_code error;
  co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  if (self->closed) co_return;

  std::optional<Response> response;
  if (error)
    response = respond_to(error);
  else
    response = respond(parser.get(), !self->file.has_value(), self->pages);
  if (!response) co_return;
  co_await http::async_write(stream, *response, asio::redirect_error(asio::use_awaitable, error));
  stream.socket().shutdown(Protocol::socket::shutdown_send, error);
}

void AdminServer::Shared::close() {
  closed = true;
  file.reset();
  error_code ignored;
  acceptor.close(ignored);
  pause.cancel();
  for (Stream* stream : open) stream->cancel();
}

AdminServer::AdminServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

AdminServer::~AdminServer() {
  shared_->close();
}

Result<std::unique_ptr<AdminServer>> AdminServer::listen(asio::io_context& io, const std::string& address,
                                                         AdminPages pages, Duration deadline) {
  auto shared = std::make_shared<Shared>(io, std::move(pages), deadline);
  if (address.starts_with(unix_prefix)) {
    const std::string path = address.substr(unix_prefix.size());
    if (const auto reason = listen_at_path(io, shared->acceptor, path))
      return cannot_listen(address, *reason);
    shared->file.emplace(path);
  } else {
    const auto endpoint = tcp_endpoint(address);
    if (!endpoint) return endpoint.error();
    const error_code error = open_acceptor(shared->acceptor, *endpoint);
    if (error) return cannot_listen(address, error.message());
  }
  asio::co_spawn(io, Shared::accept_all(shared), rethrow);
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(shared)));
}

std::uint16_t AdminServer::port() const {
  if (shared_->file) return 0;
  const Protocol::endpoint endpoint = shared_->acceptor.local_endpoint();
  asio::ip::tcp::endpoint tcp;
  tcp.resize(endpoint.size());
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  return tcp.port();
}

}  // namespace usersyncd
