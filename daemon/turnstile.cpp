#include "daemon/turnstile.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace usersyncd {

namespace asio = boost::asio;

Awaitable<Turnstile::Place> Turnstile::enter(bool urgent) {
  if (open_ || (waiting_.empty() && counted_.size() < places_)) co_return Place{self_, let_in()};
  const auto waiter = std::make_shared<Waiter>(io_);
  waiter->timer.expires_at(asio::steady_timer::time_point::max());
  waiting_.insert(urgent ? waiting_.begin() + static_cast<std::ptrdiff_t>(urgent_++) : waiting_.end(),
                  waiter);
  boost::system::error_code woken;
  auto token = asio::redirect_error(asio::use_awaitable, woken);
  co_await waiter->timer.async_wait(token);
  co_return Place{self_, waiter->number};
}

void Turnstile::count_only_since(Duration age) {
  const auto since = clock_.steady() - age;
  while (!counted_.empty() && counted_.begin()->second < since) counted_.erase(counted_.begin());
  let_next_in();
}

void Turnstile::open() {
  open_ = true;
  let_next_in();
}

std::uint64_t Turnstile::let_in() {
  counted_.emplace(++last_number_, clock_.steady());
  return last_number_;
}

void Turnstile::leave(std::uint64_t number) {
  counted_.erase(number);
  let_next_in();
}

void Turnstile::let_next_in() {
  while (!waiting_.empty() && (open_ || counted_.size() < places_)) {
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (urgent_ > 0) --urgent_;
    next->number = let_in();
    next->timer.cancel();
  }
}

}  // namespace usersyncd
