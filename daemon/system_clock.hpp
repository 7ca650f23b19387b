#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "sync/ports.hpp"

namespace usersyncd {

/// The real clock. `stop` wakes every sleeper at once and lets none sleep again.
class SystemClock : public Clock {
 public:
  explicit SystemClock(boost::asio::io_context& io);
  ~SystemClock() override;

  Time now() const override;
  Duration steady() const override;
  Awaitable<bool> sleep_for(Duration duration) override;
  bool stopping() const override;
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the sleepers, which an io_context may outlive
};

/// Jitter from the standard library's generator, seeded by the system.
std::unique_ptr<Random> make_system_random();

}  // namespace usersyncd
