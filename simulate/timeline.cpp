#include "simulate/timeline.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
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

void Life::wake(Sleepers& sleepers, Sleepers::iterator sleeper) {
  sleepers.extract(sleeper).mapped().wake();
}

void Life::stop() {
  stopping_ = true;
  for (auto next = sleepers_->begin(); next != sleepers_->end();) {
    const auto sleeper = next++;
    if (sleeper->second.until_stop) wake(*sleepers_, sleeper);
  }
}

void Life::die() {
  dead_ = true;
  while (!sleepers_->empty()) wake(*sleepers_, sleepers_->begin());
}

Awaitable<void> Life::wait(Duration duration, bool until_stop) {
  check();
  if (until_stop && stopping_) co_return;
  const auto number = next_++;
  timeline_.at(timeline_.now() + duration, [sleepers = sleepers_, number] {
    const auto sleeper = sleepers->find(number);
    if (sleeper != sleepers->end()) wake(*sleepers, sleeper);
  });
  // Not a timer: nobody waits for real time here, and the system has nothing to do with it.
  const auto sleep = [sleepers = sleepers_, number, until_stop](auto woken) {
    const auto shared = std::make_shared<decltype(woken)>(std::move(woken));
    sleepers->emplace(number, Sleeper{[shared] { asio::post(std::move(*shared)); }, until_stop});
  };
  auto slept = asio::async_initiate<const asio::use_awaitable_t<>, void()>(sleep, asio::use_awaitable);
  co_await std::move(slept);
  check();
}

Awaitable<bool> SimulatedClock::sleep_for(Duration duration) {
  co_await life_.wait(duration, true);
  co_return !life_.stopping();
}

}  // namespace usersyncd::simulate
