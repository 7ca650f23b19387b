#include "daemon/admin_server.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/support/run.hpp"

namespace usersyncd {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using Unix = asio::local::stream_protocol;

AdminPages pages(bool ready = true) {
  return {[] { return std::string("usersyncd_up 1\n# EOF\n"); },
          [] {
            return Health{true, "ok"};
          },
          [ready] {
            return Health{ready, ready ? "ready" : "not polled yet"};
          }};
}

/// A directory of its own for each test.
struct Directory {
  std::filesystem::path path;
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "usersyncd-admin-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string socket() const { return (path / "admin.sock").string(); }
};

/// Everything that comes until the other side closes.
template <class Socket>
asio::awaitable<std::string> read_all(Socket& socket) {
  std::string answer;
  error_code error;
  co_await asio::async_read(socket, asio::dynamic_buffer(answer),
                            asio::redirect_error(asio::use_awaitable, error));
  co_return answer;
}

template <class Protocol>
asio::awaitable<std::string> exchange(typename Protocol::endpoint endpoint, std::string request) {
  typename Protocol::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(endpoint, asio::use_awaitable);
  co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
  std::string answer = co_await read_all(socket);
  co_return answer;
}

struct World {
  asio::io_context io;
  std::unique_ptr<AdminServer> server;

  explicit World(const std::string& address, AdminPages with = pages(),
                 Duration deadline = Duration{10'000}) {
    auto listening = AdminServer::listen(io, address, std::move(with), deadline);
    REQUIRE_MESSAGE(listening.has_value(), listening.error().text());
    server = std::move(*listening);
  }
  Tcp::endpoint endpoint() const { return {asio::ip::address_v4::loopback(), server->port()}; }
  std::string tcp(const std::string& request) { return test::run(io, exchange<Tcp>(endpoint(), request)); }
  std::string unix_get(const std::string& path, const std::string& target) {
    return test::run(io, exchange<Unix>(Unix::endpoint(path), "GET " + target + " HTTP/1.1\r\n\r\n"));
  }
};

std::string get(const std::string& target, const std::string& host = "localhost") {
  return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

std::string why_not(const std::string& address) {
  asio::io_context io;
  const auto listening = AdminServer::listen(io, address, pages());
  REQUIRE_FALSE(listening.has_value());
  CHECK(listening.error().kind == ErrorKind::config);
  return listening.error().text();
}

/// Leaves a socket file behind that nobody answers on.
void leave_socket(const std::string& path) {
  asio::io_context io;
  Unix::acceptor acceptor(io, Unix::endpoint(path));
}

asio::awaitable<std::string> crowd(Tcp::endpoint endpoint, std::size_t others) {
  std::vector<Tcp::socket> idle;
  for (std::size_t i = 0; i < others; ++i) {
    idle.emplace_back(co_await asio::this_coro::executor);
    co_await idle.back().async_connect(endpoint, asio::use_awaitable);
  }
  std::string answer;
  try {
    answer = co_await exchange<Tcp>(endpoint, get("/healthz"));
  } catch (const boost::system::system_error&) {
    answer.clear();
  }
  co_return answer;
}

}  // namespace

TEST_CASE("the pages are served over TCP and over a Unix socket") {
  const Directory directory;
  World over_unix("unix:" + directory.socket());
  World over_tcp("127.0.0.1:0");
  for (const std::string& answer :
       {over_tcp.tcp(get("/metrics")), over_unix.unix_get(directory.socket(), "/metrics?x=1")}) {
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.find("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n") !=
          answer.npos);
    CHECK(answer.ends_with("\r\n\r\nusersyncd_up 1\n# EOF\n"));
  }
  CHECK(over_tcp.tcp(get("/healthz")).ends_with("\r\n\r\nok\n"));
  CHECK(over_tcp.tcp(get("/readyz")).ends_with("\r\n\r\nready\n"));
}

TEST_CASE("not ready is 503 and says why; healthy it is all the same") {
  World world("127.0.0.1:0", pages(false));
  const std::string answer = world.tcp(get("/readyz"));
  CHECK(answer.starts_with("HTTP/1.1 503 "));
  CHECK(answer.ends_with("not polled yet\n"));
  CHECK(world.tcp(get("/healthz")).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("whatever else is asked is refused") {
  World world("127.0.0.1:0");
  const std::string host = "Host: localhost\r\n";
  const std::vector<std::pair<std::string, std::string>> table{
      {get("/"), "404"},
      {get("/metrics/"), "404"},
      {get("/../metrics"), "404"},
      {get("http://localhost/metrics"), "404"},
      {"POST /metrics HTTP/1.1\r\n" + host + "\r\n", "405"},
      {"HEAD /metrics HTTP/1.1\r\n" + host + "\r\n", "405"},
      {"BREW /metrics HTTP/1.1\r\n" + host + "\r\n", "405"},
      {"GET /metrics HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello", "400"},
      {"GET /metrics HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
       "400"},
      {"GET /metrics HTTP/1.1\r\n" + host + "X: " + std::string(9000, 'x') + "\r\n\r\n", "431"},
      {"hello\r\n\r\n", "400"},
  };
  for (const auto& row : table) {
    CAPTURE(row.first.substr(0, 80));
    CHECK(world.tcp(row.first).starts_with("HTTP/1.1 " + row.second + ' '));
  }
  CHECK(world.tcp(get("/healthz")).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("DNS rebinding: over TCP only the names of this machine are served") {
  World world("127.0.0.1:0");
  const std::vector<std::pair<std::string, std::string>> table{
      {"localhost", "200"},      {"LocalHost:9470", "200"},
      {"127.0.0.1:9470", "200"}, {"127.9.9.9", "200"},
      {"[::1]:9470", "200"},     {"evil.example:9470", "421"},
      {"10.0.0.1", "421"},       {"", "421"},
      {"localhost.evil", "421"}, {"127.0.0.1.evil:80", "421"},
      {"localhost:evil", "421"}, {"[::1", "421"},
      {"localhost:", "421"},     {"evil@localhost:80", "421"},
  };
  for (const auto& row : table) {
    CAPTURE(row.first);
    CHECK(world.tcp(get("/healthz", row.first)).starts_with("HTTP/1.1 " + row.second + ' '));
  }
  CHECK(world.tcp("GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(world.tcp("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n")
            .starts_with("HTTP/1.1 400 "));
}

TEST_CASE("one who says nothing is cut off at the deadline") {
  World world("127.0.0.1:0", pages(), Duration{20});
  CHECK(world.tcp("GET /healthz HTTP/1.1\r\nHost: loc").empty());
}

TEST_CASE("sixteen may be connected; the next one is turned away") {
  World world("127.0.0.1:0");
  CHECK(test::run(world.io, crowd(world.endpoint(), 15)).starts_with("HTTP/1.1 200 "));
  World full("127.0.0.1:0");
  CHECK(test::run(full.io, crowd(full.endpoint(), 16)).empty());
}

TEST_CASE("a Unix socket is for owner and group, and goes with the server") {
  const Directory directory;
  {
    const World world("unix:" + directory.socket());
    struct stat file {};
    REQUIRE(lstat(directory.socket().c_str(), &file) == 0);
    CHECK((file.st_mode & 07777) == 0660);
  }
  CHECK_FALSE(std::filesystem::exists(directory.socket()));
}

TEST_CASE("A62: a socket that a killed process left behind is replaced") {
  const Directory directory;
  leave_socket(directory.socket());
  REQUIRE(std::filesystem::exists(directory.socket()));
  World world("unix:" + directory.socket());
  CHECK(world.unix_get(directory.socket(), "/healthz").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("A61: a socket that someone answers on, or a file that is none, stays") {
  const Directory directory;
  World world("unix:" + directory.socket());
  CHECK(why_not("unix:" + directory.socket()).find("another process listens there") != std::string::npos);
  CHECK(world.unix_get(directory.socket(), "/healthz").starts_with("HTTP/1.1 200 "));

  const std::string file = (directory.path / "notes.txt").string();
  std::ofstream(file) << "precious";
  CHECK(why_not("unix:" + file).find("is not a socket") != std::string::npos);
  CHECK(std::filesystem::file_size(file) == 8);
}

TEST_CASE("a server that ends leaves alone the socket that another one has put in its place") {
  const Directory directory;
  auto first = std::make_unique<World>("unix:" + directory.socket());
  std::filesystem::remove(directory.socket());
  World second("unix:" + directory.socket());
  first.reset();
  CHECK(second.unix_get(directory.socket(), "/healthz").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("only addresses of this machine are listened at; the error names address and reason") {
  const std::vector<std::pair<std::string, std::string>> table{
      {"0.0.0.0:0", "only loopback"},
      {"[::]:0", "only loopback"},
      {"10.1.2.3:9470", "only loopback"},
      {"example.com:9470", "only loopback"},
      {"127.0.0.1:99999", "the port"},
      {"127.0.0.1:", "the port"},
      {"127.0.0.1:9x", "the port"},
      {"9470", "neither"},
      {"unix:relative.sock", "absolute"},
      {"unix:/" + std::string(120, 'x'), "shorter than 108"},
      {"unix:/nonexistent/a.sock", "No such"},
  };
  for (const auto& [address, reason] : table) {
    const std::string message = why_not(address);
    CHECK(message.find("admin.listen: cannot listen at \"" + address + '"') == 0);
    CHECK_MESSAGE(message.find(reason) != message.npos, message);
  }
}

TEST_CASE("a server that has ended asks for no more pages") {
  World world("127.0.0.1:0");
  Tcp::socket client(world.io);
  client.connect(world.endpoint());
  world.io.poll();
  asio::write(client, asio::buffer(get("/metrics")));
  world.server.reset();
  CHECK(test::run(world.io, read_all(client)).empty());
}

}  // namespace usersyncd
