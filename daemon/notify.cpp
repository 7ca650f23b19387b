#include "daemon/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

namespace usersyncd {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

/// The time after which systemd gives this process up. The variables may be meant for a parent process.
Duration watchdog_from_environment() {
  const auto timeout = number(environment("WATCHDOG_USEC"));
  const std::string_view process = environment("WATCHDOG_PID");
  if (!timeout || (!process.empty() && number(process) != getpid())) return Duration{0};
  return std::chrono::duration_cast<Duration>(std::chrono::microseconds{*timeout});
}

/// A line break in a value would start a field of its own, such as MAINPID=.
std::string status_field(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c >= 0 && c < ' '; }, ' ');
  return "STATUS=" + line;
}

}  // namespace

Notifier::Notifier(std::string socket, Duration watchdog) : socket_(std::move(socket)), watchdog_(watchdog) {
  const bool usable = socket_.size() > 1 && (socket_[0] == '/' || socket_[0] == '@');
  if (!usable || socket_.size() >= sizeof(sockaddr_un::sun_path)) socket_.clear();
}

Notifier Notifier::from_environment() {
  return Notifier(std::string(environment("NOTIFY_SOCKET")), watchdog_from_environment());
}

void Notifier::ready(std::string_view status) const {
  send("READY=1\n" + status_field(status));
}
void Notifier::status(std::string_view text) const {
  send(status_field(text));
}
void Notifier::alive() const {
  send("WATCHDOG=1");
}
void Notifier::stopping(std::string_view status) const {
  send("STOPPING=1\n" + status_field(status));
}

void Notifier::send(const std::string& message) const {
  if (socket_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';  // an abstract name starts with a zero byte
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());

  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  (void)sendto(descriptor, message.data(), message.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), length);
  close(descriptor);
}

}  // namespace usersyncd
