#pragma once

#include <string>
#include <string_view>

#include "sync/time.hpp"

namespace usersyncd {

/// Tells systemd how the service is doing (the protocol of sd_notify). Does nothing when systemd does not
/// listen. A message that cannot be delivered is dropped: systemd notices what is missing by itself and acts
/// on it.
class Notifier {
 public:
  /// `socket` as in $NOTIFY_SOCKET: a path, or `@name` for an abstract socket; anything else: nobody listens.
  /// `watchdog`: after how long a silence systemd restarts the service; zero: never.
  Notifier(std::string socket, Duration watchdog);

  /// What systemd put into the environment: $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID.
  static Notifier from_environment();

  /// The service has started and does its work.
  void ready(std::string_view status) const;
  /// One line for `systemctl status`.
  void status(std::string_view text) const;
  /// The service is alive. Send it from the loop that does the work, every `watchdog_interval()`.
  void alive() const;
  /// The service is about to end.
  void stopping(std::string_view status) const;

  /// How often `alive` is to be called: half of what systemd waits. Zero: there is no watchdog.
  Duration watchdog_interval() const { return watchdog_ / 2; }

 private:
  void send(const std::string& message) const;

  std::string socket_;
  Duration watchdog_;
};

}  // namespace usersyncd
