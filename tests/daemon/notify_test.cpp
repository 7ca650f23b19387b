#include "daemon/notify.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace usersyncd {
namespace {

/// Stands in for systemd: a datagram socket at a path, or at an abstract name (`@name`).
class Manager {
 public:
  explicit Manager(const std::string& name) : name_(name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
  }
  ~Manager() {
    close(descriptor_);
    if (name_[0] == '/') unlink(name_.c_str());
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  /// The next message; empty if there is none.
  std::string receive() {
    std::array<char, 1024> buffer{};
    const ssize_t size = recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
  }

 private:
  std::string name_;
  int descriptor_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

std::string unique(const std::string& prefix) {
  return prefix + std::to_string(getpid());
}

/// Sets a variable of the environment for the time of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

Duration interval_with(const std::string& timeout, const std::string& process) {
  const Variable usec("WATCHDOG_USEC", timeout);
  const Variable pid("WATCHDOG_PID", process);
  return Notifier::from_environment().watchdog_interval();
}

}  // namespace

TEST_CASE("each message is one datagram, to a path and to an abstract socket alike") {
  for (const std::string& name : {unique("/tmp/usersyncd-notify-"), unique("@usersyncd-notify-")}) {
    CAPTURE(name);
    Manager manager(name);
    const Variable socket("NOTIFY_SOCKET", name);
    const Notifier notifier = Notifier::from_environment();
    notifier.ready("polling 2 accounts");
    CHECK(manager.receive() == "READY=1\nSTATUS=polling 2 accounts");
    notifier.status("all in sync");
    CHECK(manager.receive() == "STATUS=all in sync");
    notifier.alive();
    CHECK(manager.receive() == "WATCHDOG=1");
    notifier.stopping("finishing the request in flight");
    CHECK(manager.receive() == "STOPPING=1\nSTATUS=finishing the request in flight");
    CHECK(manager.receive().empty());
  }
}

TEST_CASE("a status cannot smuggle in another field") {
  Manager manager(unique("@usersyncd-notify-"));
  const Notifier notifier(unique("@usersyncd-notify-"), Duration{0});
  notifier.status("user x\nMAINPID=1\r\ttail é");
  CHECK(manager.receive() == "STATUS=user x MAINPID=1  tail é");
}

TEST_CASE("without a listener, or with an address that cannot be one, nothing happens") {
  for (const std::string& name : {std::string(), std::string("@"), std::string("vsock:2:1234"),
                                  std::string("/nonexistent/socket"), '/' + std::string(200, 'x')}) {
    const Notifier notifier(name, Duration{0});
    CHECK_NOTHROW(notifier.ready("started"));
  }
}

TEST_CASE("the watchdog is fed at half of its time, and only if it watches this process") {
  const std::string self = std::to_string(getpid());
  CHECK(interval_with("120000000", self) == Duration{60'000});
  CHECK(interval_with("120000000", "") == Duration{60'000});
  CHECK(interval_with("120000000", "1") == Duration{0});
  for (const char* wrong : {"", "0", "-5", "12x", "99999999999999999999"})
    CHECK(interval_with(wrong, self) == Duration{0});
  CHECK(Notifier::from_environment().watchdog_interval() == Duration{0});
}

}  // namespace usersyncd
