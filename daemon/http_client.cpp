#include "daemon/http_client.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/resolve.hpp"
#include "daemon/tls.hpp"
#include "sync/user_agent.hpp"

namespace usersyncd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

using PlainStream = beast::tcp_stream;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;
using Request = http::request<http::string_body>;
using Parser = http::response_parser<http::string_body>;
using Answer = boost::system::result<HttpResponse, HttpFailure>;

constexpr std::uint32_t header_limit = 16 * 1024;
constexpr int most_interim_answers = 8;
/// What is read ahead of the parser. Without a limit of its own, a line that never ends (a chunk extension, a
/// trailer) would fill the memory: the limits on header and body do not count it.
constexpr std::size_t buffer_limit = header_limit + 128 * 1024;

auto into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

// ---- Requests ----

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [marks](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

/// What in a request would let it say something else to the server than it says to us; empty if nothing.
std::string fault_of(const HttpRequest& request) {
  if (!is_token(request.method)) return "the method is not a word";
  const auto out_of_place = [](char c) {
    return c <= 0x20 || c == 0x7F;
  };  // a char is signed: also non-ASCII
  if (!request.target.starts_with('/') ||
      std::any_of(request.target.begin(), request.target.end(), out_of_place)) {
    return "the target does not begin with / or is not percent-encoded";
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return "a header's name is not a word";
    if (std::any_of(value.begin(), value.end(), is_control))
      return "header " + name + " holds a control character";
  }
  return {};
}

Request make_request(HttpRequest&& plain, const Origin& origin) {
  Request request;
  request.version(11);
  request.method_string(plain.method);
  request.target(origin.path_prefix + plain.target);
  for (const auto& [name, value] : plain.headers) request.insert(name, value);
  // Set last, so that ours replace the caller's.
  request.erase(http::field::transfer_encoding);
  request.set(http::field::host, origin.authority());
  request.set(http::field::user_agent, user_agent);
  request.set(http::field::accept_encoding, "identity");
  request.set(http::field::connection, "keep-alive");
  request.erase(http::field::content_length);
  const bool may_have_body = plain.method != "GET" && plain.method != "HEAD" && plain.method != "DELETE";
  if (may_have_body || !plain.body.empty()) request.content_length(plain.body.size());
  request.body() = std::move(plain.body);
  return request;
}

// ---- Failures ----

std::string show_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t mebi = 1ULL << 20;
  constexpr std::uint64_t kibi = 1ULL << 10;
  if (bytes >= mebi && bytes % mebi == 0) return std::to_string(bytes / mebi) + " MiB";
  if (bytes >= kibi && bytes % kibi == 0) return std::to_string(bytes / kibi) + " KiB";
  return std::to_string(bytes) + " bytes";
}

/// Words a failure of the network for one origin.
class Failures {
 public:
  explicit Failures(const HttpOptions& options)
      : peer_(options.origin.authority()), timeout_(options.timeout), max_body_(options.max_response_bytes) {}

  HttpFailure refused_request(const std::string& fault) const {
    return {HttpFailure::Kind::bad_framing, "request to " + peer_ + " not sent: " + fault, false};
  }

  HttpFailure no_address(error_code error) const {
    if (error == asio::error::timed_out) return timed_out(false);
    return {HttpFailure::Kind::resolve, "cannot resolve " + peer_ + ": " + error.message(), false};
  }

  HttpFailure no_connection(error_code error) const {
    if (error == beast::error::timeout) return timed_out(false);
    if (error == asio::error::connection_refused) {
      return {HttpFailure::Kind::connect, "connection refused by " + peer_, false};
    }
    return {HttpFailure::Kind::connect, "cannot connect to " + peer_ + ": " + error.message(), false};
  }

  HttpFailure no_handshake(error_code error, const std::string& explanation) const {
    if (error == beast::error::timeout) return timed_out(false);
    return {HttpFailure::Kind::tls, explanation, false};
  }

  HttpFailure not_written(error_code error, std::size_t written) const {
    if (error == beast::error::timeout) return timed_out(written != 0);
    return {HttpFailure::Kind::reset, "connection to " + peer_ + " lost while sending: " + error.message(),
            written != 0};
  }

  HttpFailure not_read(error_code error, bool answer_started) const {
    if (error == beast::error::timeout) return timed_out(true);
    if (error == http::error::body_limit) return too_large("answer of ", show_bytes(max_body_));
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return too_large("headers of the answer of ", show_bytes(header_limit));
    }
    const bool closed = error == http::error::end_of_stream || error == http::error::partial_message;
    if (!closed && error.category() == make_error_code(http::error::bad_status).category()) {
      return bad_framing("is not valid HTTP: " + error.message());
    }
    if (error.category() == asio::error::get_ssl_category()) {
      return {HttpFailure::Kind::tls, "TLS connection to " + peer_ + " failed: " + error.message(), true};
    }
    if (answer_started) {
      return {HttpFailure::Kind::truncated, "the answer of " + peer_ + " was cut off before its end", true};
    }
    return {HttpFailure::Kind::reset, "connection to " + peer_ + " was closed before an answer came", true};
  }

  HttpFailure bad_framing(const std::string& why) const {
    return {HttpFailure::Kind::bad_framing, "the answer of " + peer_ + ' ' + why, true};
  }

 private:
  HttpFailure timed_out(bool may_have_arrived) const {
    const std::string message = "no answer from " + peer_ + " within " + format_duration(timeout_);
    return {HttpFailure::Kind::timeout, message, may_have_arrived};
  }

  HttpFailure too_large(const std::string& what, const std::string& limit) const {
    return {HttpFailure::Kind::too_large, what + peer_ + " larger than " + limit, true};
  }

  std::string peer_;
  Duration timeout_;
  std::uint64_t max_body_;
};

// ---- Answers ----

/// Why nobody can tell that the body that belongs to this header is whole and as it was; empty if all is
/// well.
std::string framing_fault(const Parser& parser) {
  const auto& header = parser.get();
  if (header.result_int() < 200) return "switches to another protocol";
  if (parser.need_eof()) return "has no Content-Length or chunked framing: cannot tell whether it is whole";
  const auto codings = header.equal_range(http::field::transfer_encoding);
  for (auto it = codings.first; it != codings.second; ++it) {
    if (!beast::iequals(it->value(), "chunked")) return "has a Transfer-Encoding other than chunked";
  }
  const auto encodings = header.equal_range(http::field::content_encoding);
  for (auto it = encodings.first; it != encodings.second; ++it) {
    if (!it->value().empty() && !beast::iequals(it->value(), "identity")) {
      return "is compressed although we asked for no Content-Encoding";
    }
  }
  return {};
}

HttpResponse take_response(Parser& parser) {
  auto message = parser.release();
  HttpResponse response;
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    const auto name = field.name_string();
    const auto value = field.value();
    response.headers.emplace_back(std::string{name.data(), name.size()},
                                  std::string{value.data(), value.size()});
  }
  response.body = std::move(message.body());
  return response;
}

/// What became of one request on one connection.
struct Attempt {
  Answer answer;
  bool answer_started = false;  ///< at least one byte of it came
  bool reusable = false;        ///< the connection can carry another request
};

/// Sends one request and reads its answer. Stream is plain or TLS; the deadline is already set on it.
template <class Stream>
class Exchange {
 public:
  Exchange(Stream& stream, const Request& request, const HttpOptions& options, const Failures& failures,
           Deadline deadline)
      : stream_(stream), request_(request), options_(options), failures_(failures), deadline_(deadline) {
    buffer_.reserve(buffer_limit);  // Beast reads as much at once as there is room: else 512 bytes
  }

  Awaitable<Attempt> run() {
    error_code error;
    const std::size_t written = co_await http::async_write(stream_, request_, into(error));
    if (error) co_return failed(failures_.not_written(error, written));

    error = co_await read_header();
    if (error) co_return failed(failures_.not_read(error, answer_started()));
    const std::string fault = framing_fault(*parser_);
    if (!fault.empty()) co_return failed(failures_.bad_framing(fault));

    error = co_await read_body();
    if (error) co_return failed(failures_.not_read(error, true));
    co_return succeeded();
  }

 private:
  /// Reads the body in pieces, because the stream's own timer only ends a read that has to wait: a server
  /// that never stops sending would never meet it.
  Awaitable<error_code> read_body() {
    error_code error;
    parser_->eager(true);
    while (!parser_->is_done() && !error) {
      co_await http::async_read_some(stream_, buffer_, *parser_, into(error));
      if (!error && std::chrono::steady_clock::now() >= deadline_) error = beast::error::timeout;
    }
    co_return error;
  }

  /// Reads up to the end of the final header, past those that only say "wait" (1xx).
  Awaitable<error_code> read_header() {
    error_code error;
    for (int i = 0; i < most_interim_answers; ++i) {
      parser_.emplace();
      parser_->header_limit(header_limit);
      parser_->body_limit(options_.max_response_bytes);
      parser_->skip(request_.method() == http::verb::head);
      co_await http::async_read_header(stream_, buffer_, *parser_, into(error));
      const unsigned status = parser_->get().result_int();
      const bool interim = status >= 100 && status < 200 && status != 101;
      if (error || !interim) co_return error;
    }
    co_return make_error_code(http::error::bad_status);
  }

  bool answer_started() const { return buffer_.size() != 0 || (parser_ && parser_->got_some()); }

  Attempt failed(HttpFailure failure) const { return {Answer{std::move(failure)}, answer_started(), false}; }

  Attempt succeeded() {
    // Bytes after the answer belong to nothing we asked, and would be read as the answer to what we ask next.
    const bool reusable = parser_->keep_alive() && buffer_.size() == 0;
    return {Answer{take_response(*parser_)}, true, reusable};
  }

  Stream& stream_;
  const Request& request_;
  const HttpOptions& options_;
  const Failures& failures_;
  Deadline deadline_;
  beast::flat_buffer buffer_{buffer_limit};
  std::optional<Parser> parser_;
};

// ---- Connections ----

/// One connection to the origin, with or without TLS.
class Connection {
 public:
  Connection(const asio::any_io_executor& executor, asio::ssl::context* tls) {
    if (tls != nullptr) {
      tls_.emplace(executor, *tls);
    } else {
      plain_.emplace(executor);
    }
  }

  beast::tcp_stream& tcp() { return tls_ ? tls_->next_layer() : *plain_; }
  std::optional<TlsStream>& tls() { return tls_; }
  PlainStream& plain() { return *plain_; }

  /// Whether the server has closed a kept connection, or said something on it that nobody asked.
  bool is_stale() {
    if (tls_ && SSL_has_pending(tls_->native_handle()) == 1) return true;
    auto& socket = tcp().socket();
    char byte = 0;
    error_code error;
    socket.non_blocking(true, error);
    if (error) return true;
    socket.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
    return error != asio::error::would_block;
  }

 private:
  std::optional<PlainStream> plain_;
  std::optional<TlsStream> tls_;
};

using ConnectionPtr = std::unique_ptr<Connection>;
using Connected = boost::system::result<ConnectionPtr, HttpFailure>;

class HttpClient final : public Http {
 public:
  HttpClient(asio::any_io_executor executor, HttpOptions options, std::shared_ptr<asio::ssl::context> tls)
      : executor_(std::move(executor)),
        options_(std::move(options)),
        failures_(options_),
        tls_(std::move(tls)) {}

  Awaitable<Answer> send(HttpRequest plain) override {
    const std::string fault = fault_of(plain);
    if (!fault.empty()) co_return failures_.refused_request(fault);
    const Request request = make_request(std::move(plain), options_.origin);
    const Deadline deadline = std::chrono::steady_clock::now() + options_.timeout;

    if (ConnectionPtr kept = take_idle()) {
      Attempt attempt = co_await exchange(*kept, request, deadline);
      if (!should_repeat(request, attempt)) co_return finish(std::move(kept), std::move(attempt));
    }
    Connected fresh = co_await connect(deadline);
    if (!fresh) co_return fresh.error();
    Attempt attempt = co_await exchange(**fresh, request, deadline);
    co_return finish(std::move(*fresh), std::move(attempt));
  }

  void rest() override { idle_.clear(); }

 private:
  /// A kept connection that dies without a byte of an answer was most likely closed before our request came.
  static bool should_repeat(const Request& request, const Attempt& attempt) {
    return request.method() == http::verb::get && !attempt.answer && !attempt.answer_started &&
           attempt.answer.error().kind == HttpFailure::Kind::reset;
  }

  ConnectionPtr take_idle() {
    while (!idle_.empty()) {
      ConnectionPtr connection = std::move(idle_.back());
      idle_.pop_back();
      if (!connection->is_stale()) return connection;
    }
    return nullptr;
  }

  /// TLS connections are closed without a farewell: waiting for the server's could block, and HTTP's own
  /// framing has told us already that the answer is whole.
  Answer finish(ConnectionPtr connection, Attempt attempt) {
    if (attempt.reusable && idle_.size() < options_.idle_connections) {
      connection->tcp().expires_never();
      idle_.push_back(std::move(connection));
    }
    return std::move(attempt.answer);
  }

  Awaitable<Attempt> exchange(Connection& connection, const Request& request, Deadline deadline) {
    connection.tcp().expires_at(deadline);
    if (connection.tls()) {
      Exchange<TlsStream> exchange(*connection.tls(), request, options_, failures_, deadline);
      co_return co_await exchange.run();
    }
    Exchange<PlainStream> exchange(connection.plain(), request, options_, failures_, deadline);
    co_return co_await exchange.run();
  }

  Awaitable<Connected> connect(Deadline deadline) {
    const Resolved resolved = co_await resolve(options_.origin, deadline);
    if (resolved.error) co_return failures_.no_address(resolved.error);

    error_code error;
    for (std::size_t i = 0; i < resolved.endpoints.size(); ++i) {
      auto connection = std::make_unique<Connection>(executor_, tls_.get());
      connection->tcp().expires_at(share_of(deadline, resolved.endpoints.size() - i));
      co_await connection->tcp().async_connect(resolved.endpoints[i], into(error));
      if (error) continue;
      error_code ignored;  // only costs latency
      connection->tcp().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
      if (!connection->tls()) co_return Connected{std::move(connection)};
      co_return co_await handshake(std::move(connection), deadline);
    }
    co_return failures_.no_connection(error);
  }

  /// An address that does not answer may use up its share of the time, not all of it.
  static Deadline share_of(Deadline deadline, std::size_t addresses_left) {
    const auto now = std::chrono::steady_clock::now();
    return now + (deadline - now) / static_cast<int>(addresses_left);
  }

  Awaitable<Connected> handshake(ConnectionPtr connection, Deadline deadline) {
    TlsStream& stream = *connection->tls();
    const Origin& origin = options_.origin;
    if (!expect_peer(stream.native_handle(), origin)) {
      co_return failures_.no_handshake({}, "cannot prepare TLS for " + origin.host);
    }
    error_code error;
    connection->tcp().expires_at(deadline);
    co_await stream.async_handshake(asio::ssl::stream_base::client, into(error));
    if (!error) co_return Connected{std::move(connection)};
    const std::string why = explain_handshake_failure(stream.native_handle(), origin.host, error.message());
    co_return failures_.no_handshake(error, why);
  }

  asio::any_io_executor executor_;
  HttpOptions options_;
  Failures failures_;
  std::shared_ptr<asio::ssl::context> tls_;  ///< none for a plain origin
  std::vector<ConnectionPtr> idle_;
};

}  // namespace

Result<std::unique_ptr<Http>> make_http_client(asio::any_io_executor executor, HttpOptions options) {
  std::shared_ptr<asio::ssl::context> tls;
  if (options.origin.tls) {
    auto context = client_tls(options.ca_file);
    if (!context) return context.error();
    tls = std::move(*context);
  } else if (!is_loopback_host(options.origin.host)) {
    return Error{
        ErrorKind::config, "http is accepted for loopback addresses only: " + options.origin.host, {}};
  }
  return std::unique_ptr<Http>{
      std::make_unique<HttpClient>(std::move(executor), std::move(options), std::move(tls))};
}

}  // namespace usersyncd
