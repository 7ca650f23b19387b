#include "simulator/server.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/simulator/support.hpp"

namespace usersyncd::sim {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

/// A server of the small world in a thread of its own, as long as the object lives.
class Running {
 public:
  explicit Running(const SimulatorOptions& options = {}, const ListenOptions& listen = {})
      : simulator_(small_world(), options), server_(simulator_, listen), thread_([this] { server_.run(); }) {}
  ~Running() {
    server_.stop();
    thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  tcp::endpoint endpoint() const { return {asio::ip::address_v4::loopback(), server_.port()}; }

 private:
  Simulator simulator_;
  Server server_;
  std::thread thread_;
};

std::string request_text(const std::string& method, const std::string& target, const std::string& body,
                         bool close) {
  return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n" +
         "Content-Type: application/json\r\nAuthorization: " + basic_header("sim-api-user", "sim-password") +
         "\r\nContent-Length: " + std::to_string(body.size()) + (close ? "\r\nConnection: close" : "") +
         "\r\n\r\n" + body;
}

struct Heard {
  std::string text;
  ErrorCode error;  ///< eof after an orderly end
};

/// Sends the text and reads until the connection ends.
template <class Stream>
Heard talk(Stream& stream, const std::string& text) {
  Heard heard;
  asio::write(stream, asio::buffer(text));
  asio::read(stream, asio::dynamic_buffer(heard.text), heard.error);
  return heard;
}

Heard talk_plain(const Running& running, const std::string& text) {
  asio::io_context context;
  tcp::socket socket(context);
  socket.connect(running.endpoint());
  return talk(socket, text);
}

/// A directory that goes away with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "usersyncd-sim-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Whether a client that trusts only `ca_file` and wants `host` gets through the handshake.
ErrorCode handshake(const Running& running, const std::string& ca_file, const std::string& host) {
  asio::io_context context;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_verify_mode(asio::ssl::verify_peer);
  tls.load_verify_file(ca_file);
  asio::ssl::stream<tcp::socket> stream(context, tls);
  stream.set_verify_callback(asio::ssl::host_name_verification(host));
  stream.next_layer().connect(running.endpoint());
  ErrorCode error;
  stream.handshake(asio::ssl::stream_base::client, error);
  if (!error) {
    const Heard heard = talk(stream, request_text("GET", "/sim/state", "", true));
    CHECK(heard.text.starts_with("HTTP/1.1 200 OK\r\n"));
  }
  return error;
}

}  // namespace

TEST_CASE("requests on one connection are answered one after the other") {
  const Running running;
  const std::string users = "/api/accounts/5500001/users";
  const std::string text = request_text("DELETE", users + "/u1", "", false) +
                           request_text("GET", users + "/u1", "", false) +
                           request_text("GET", users, "", true);
  const Heard heard = talk_plain(running, text);
  CHECK(heard.error == asio::error::eof);
  const std::size_t second = heard.text.find("HTTP/1.1 404");
  const std::size_t third = heard.text.find("HTTP/1.1 200", second);
  CHECK(heard.text.starts_with("HTTP/1.1 200"));
  CHECK(second != std::string::npos);
  REQUIRE(third != std::string::npos);
  CHECK(heard.text.find("Connection: close\r\n") > third);
  CHECK(heard.text.find("bob@x.example", third) != std::string::npos);
}

TEST_CASE("connections break the way the fault script says") {
  struct Row {
    const char* fault;
    bool reset;
    bool framed;
    bool whole;
  };
  for (const Row& row :
       {Row{R"({"resetAfter":true})", true, false, false}, Row{R"({"resetBefore":true})", true, false, false},
        Row{R"({"truncate":0.5})", false, true, false}, Row{R"({"unframed":true})", false, false, true},
        Row{R"({"slowBytes":"1us"})", false, true, true}}) {
    CAPTURE(row.fault);
    SimulatorOptions options;
    options.faults =
        FaultScript::parse(std::string(R"({"rules":[{"path":"/users","fault":)") + row.fault + "}]}");
    const Running running(options);
    const bool close = std::string_view(row.fault).find("slowBytes") != std::string_view::npos;
    const Heard heard = talk_plain(running, request_text("GET", "/users/ann", "", close));
    CHECK(heard.error ==
          (row.reset ? ErrorCode(asio::error::connection_reset) : ErrorCode(asio::error::eof)));
    CHECK((heard.text.find("Content-Length:") != std::string::npos) == row.framed);
    CHECK(heard.text.ends_with("}") == row.whole);
  }
}

TEST_CASE("the self-signed certificate holds for localhost with its own authority and for nobody else") {
  const TemporaryDirectory directory;
  ListenOptions listen;
  listen.tls = true;
  listen.files = make_self_signed(directory.path());
  const Running running({}, listen);
  CHECK_FALSE(handshake(running, directory.path() + "/ca.pem", "localhost"));
  CHECK_FALSE(handshake(running, directory.path() + "/ca.pem", "127.0.0.1"));
  CHECK(handshake(running, directory.path() + "/ca.pem", "api.bandwidth.com"));
  const TemporaryDirectory other;
  make_self_signed(other.path());
  CHECK(handshake(running, other.path() + "/ca.pem", "localhost"));
}

TEST_CASE("only loopback is listened on, and a certificate must be one") {
  Simulator simulator(small_world(), {});
  ListenOptions listen;
  listen.address = "0.0.0.0";
  CHECK_THROWS_AS(Server(simulator, listen), InputError);
  listen.address = "example.com";
  CHECK_THROWS_AS(Server(simulator, listen), InputError);
  listen.address = "127.0.0.1";
  listen.tls = true;
  listen.files = {"/nonexistent/a.pem", "/nonexistent/a.key"};
  CHECK_THROWS_AS(Server(simulator, listen), InputError);
}

TEST_CASE("POST /sim/stop is answered and ends the server") {
  Simulator simulator(small_world(), {});
  Server server(simulator, ListenOptions{});
  std::thread thread([&] { server.run(); });
  asio::io_context context;
  tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), server.port()});
  CHECK(talk(socket, request_text("POST", "/sim/stop", "", true)).text.starts_with("HTTP/1.1 200 OK\r\n"));
  thread.join();
}

}  // namespace usersyncd::sim
