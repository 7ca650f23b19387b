#include "simulate/timeline.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace usersyncd::simulate {
namespace {

namespace asio = boost::asio;

}  // namespace

bool Timeline::step() {
  if (acts_.empty()) return false;
  auto first = acts_.extract(acts_.begin());
  now_ = first.key();
  first.mapped()();
  return true;
}

void Timeline::pass(Duration duration) {
  const auto end = now_ + duration;
  while (!acts_.empty() && acts_.begin()->first <= end) step();
  now_ = end;
}

void Life::stop() {
  stopping_ = true;
  for (const auto& [number, sleeper] : *sleepers_) {
    if (sleeper.until_stop) sleeper.timer->cancel();
  }
}

void Life::die() {
  dead_ = true;
  for (const auto& [number, sleeper] : *sleepers_) sleeper.timer->cancel();
}

Awaitable<void> Life::wait(Duration duration, bool until_stop) {
  check();
  if (until_stop && stopping_) co_return;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
  const auto number = next_++;
  sleepers_->emplace(number, Sleeper{&timer, until_stop});
  const auto wake = [sleepers = sleepers_, number] {
    const auto sleeper = sleepers->find(number);
    if (sleeper != sleepers->end()) sleeper->second.timer->cancel();
  };
  timeline_.at(timeline_.now() + duration, wake);
  boost::system::error_code woken;
  auto token = asio::redirect_error(asio::use_awaitable, woken);
  co_await timer.async_wait(token);
  sleepers_->erase(number);
  check();
}

Awaitable<bool> SimulatedClock::sleep_for(Duration duration) {
  co_await life_.wait(duration, true);
  co_return !life_.stopping();
}

}  // namespace usersyncd::simulate
