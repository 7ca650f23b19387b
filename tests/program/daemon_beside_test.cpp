#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "tests/program/daemon_world.hpp"

namespace usersyncd::test {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

/// What systemd would hear.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path)
      : handle_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const auto address = address_of(path);
    REQUIRE(::bind(handle_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~NotifySocket() { ::close(handle_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// Everything so far, one message after the other.
  const std::string& heard() {
    std::array<char, 4096> buffer{};
    ssize_t size = 0;
    while ((size = ::recv(handle_, buffer.data(), buffer.size(), 0)) > 0) {
      heard_.append(buffer.data(), static_cast<std::size_t>(size));
      heard_ += '\n';
    }
    return heard_;
  }
  bool hears(const std::string& text) {
    return eventually([&] { return heard().find(text) != std::string::npos; });
  }

 private:
  int handle_;
  std::string heard_;
};

// The answer of the admin socket, head and body; empty if nobody listens.
std::string ask(const std::string& path, const std::string& target) {
  const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(path);
  std::string answer;
  if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const auto request = "GET " + target + " HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n";
    (void)::send(connection, request.data(), request.size(), MSG_NOSIGNAL);
    std::array<char, 16384> buffer{};
    ssize_t size = 0;
    while ((size = ::recv(connection, buffer.data(), buffer.size(), 0)) > 0) {
      answer.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }
  ::close(connection);
  return answer;
}

TEST_CASE("systemd hears READY, a status line, the watchdog's beat and STOPPING") {
  Bench bench{quick()};
  const auto path = bench.home().path("notify");
  NotifySocket socket{path};
  Daemon daemon{bench, {{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "2000000"}}};
  CHECK(socket.hears("READY=1"));
  CHECK(socket.hears("WATCHDOG=1"));
  CHECK(socket.hears("STATUS=5500001: polled 20"));
  CHECK(daemon.stop() == 0);
  CHECK(socket.hears("STOPPING=1"));
}

TEST_CASE("admin.listen answers /metrics, /healthz and /readyz while the daemon runs") {
  const Scratch scratch;
  const auto path = scratch.path("admin.sock");
  auto setup = quick();
  setup.lines = "admin: { listen: \"unix:" + path + "\" }\n";
  Bench bench{setup};
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  CHECK(ask(path, "/healthz").starts_with("HTTP/1.1 200"));
  CHECK(eventually([&] { return ask(path, "/readyz").starts_with("HTTP/1.1 200"); }));
  const auto metrics = ask(path, "/metrics");
  CHECK(missing_from(metrics, {"usersyncd_polls_total{account=\"5500001\",result=\"ok\"}",
                               "usersyncd_requests_total{", "usersyncd_request_duration_seconds",
                               "usersyncd_last_success_timestamp_seconds{account=\"5500001\"}",
                               "usersyncd_build_info", "# EOF"}) == "");
  CHECK(daemon.stop() == 0);
  CHECK(ask(path, "/healthz").empty());
}

TEST_CASE("commands work beside the running daemon, apply too") {
  auto setup = quick();
  setup.poll_interval = "1h";
  Bench bench{setup};
  add_two_users(bench);
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 1, 0));
  bench.simulator().put_user("ada", R"({"phone":"+19195556666"})");

  const auto plan = bench.run({"plan"});
  CHECK(plan.exit == 2);
  CHECK(plan.out.find("+19195550001") != std::string::npos);
  CHECK(bench.run({"drift"}).exit == 0);  // the store knows of none yet
  CHECK(bench.run({"status"}).exit == 0);
  CHECK(bench.run({"explain", "ada"}).exit == 0);
  CHECK(bench.run({"audit", "list"}).exit == 0);
  CHECK(bench.simulator().writes().empty());

  CHECK(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(bench.simulator().user("ada").at("phone") == boost::json::value("+19195550001"));
  CHECK(bench.run({"audit", "verify"}).exit == 0);
  CHECK(daemon.running());
  CHECK(daemon.stop() == 0);
}

TEST_CASE("a command with other files takes nothing from the daemon, whose own cannot be read just then") {
  Bench bench{quick("observe")};
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 2, 0));  // quiet by then

  bench.home().write("desired-of-ci/main.yaml", "version: 1\naccount: \"5500001\"\nusers:\n" + two_users);
  auto config = read_text(bench.config());
  const std::string own = "path: desired ";
  config.replace(config.find(own), own.size(), "path: desired-of-ci ");
  const auto other = bench.home().write("ci.yaml", config);
  CHECK(usersyncd({"--config", other, "plan"}).exit == 3);  // which a person has to accept first
  bench.wish_file("main.yaml", "users: [");
  REQUIRE(eventually([&] { return !daemon.events("reload.failed").empty(); }));

  const auto name = bench.simulator().usernames().front();
  bench.simulator().put_user(name, R"({"lastName":"Changed"})");
  CHECK(eventually([&] { return !about(daemon, "drift.detected", name).empty(); }));
  CHECK(daemon.stop() == 0);
}

// The requests of a quiet cycle, once all users have been read.
std::size_t quiet_cycle(int users) {
  auto setup = quick();
  setup.api = Api::dashboard;
  Bench bench{setup, {"--users", std::to_string(users), "--thin-list"}};
  Daemon daemon{bench};
  REQUIRE(cycles(daemon, 2, 0));
  constexpr std::size_t measured = 3;
  const auto begun = daemon.events("cycle.summary").size();
  const auto since = bench.simulator().now();
  REQUIRE(eventually([&] { return daemon.events("cycle.summary").size() >= begun + measured; }));
  const auto requests = bench.simulator().journal(since).size();
  CHECK(bench.simulator().writes().empty());
  CHECK(daemon.stop() == 0);
  return requests / measured;
}

TEST_CASE("A65: a quiet cycle over a thin list costs as many requests for 200 users as for 50") {
  const auto few = quiet_cycle(50);
  const auto many = quiet_cycle(200);
  CHECK(few <= 24);
  CHECK(many <= few + 3);  // pages of the list
}

}  // namespace
}  // namespace usersyncd::test
