#include "daemon/system_clock.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

namespace usersyncd {
namespace asio = boost::asio;

struct SystemClock::State {
  explicit State(asio::io_context& context) : io(context) {}
  asio::io_context& io;
  std::set<asio::steady_timer*> sleepers;
  bool stopping = false;
};

SystemClock::SystemClock(asio::io_context& io) : state_(std::make_shared<State>(io)) {}
SystemClock::~SystemClock() = default;

Time SystemClock::now() const {
  return std::chrono::floor<Duration>(std::chrono::system_clock::now());
}

Duration SystemClock::steady() const {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

Awaitable<bool> SystemClock::sleep_for(Duration duration) {
  const auto state = state_;
  if (state->stopping) co_return false;
  asio::steady_timer timer{state->io, duration};
  state->sleepers.insert(&timer);
  boost::system::error_code cancelled;
  auto token = asio::redirect_error(asio::use_awaitable, cancelled);
  co_await timer.async_wait(token);
  state->sleepers.erase(&timer);
  co_return !state->stopping;
}

bool SystemClock::stopping() const {
  return state_->stopping;
}

void SystemClock::stop() {
  state_->stopping = true;
  for (auto* sleeper : state_->sleepers) sleeper->cancel();
}

namespace {

class SystemRandom : public Random {
 public:
  double uniform() override { return distribution_(generator_); }

 private:
  std::mt19937_64 generator_{std::random_device{}()};
  std::uniform_real_distribution<double> distribution_{0.0, 1.0};
};

}  // namespace

std::unique_ptr<Random> make_system_random() {
  return std::make_unique<SystemRandom>();
}

}  // namespace usersyncd
