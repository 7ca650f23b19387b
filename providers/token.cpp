#include "providers/token.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace usersyncd {
namespace {

namespace asio = boost::asio;

/// Wakes everybody who waits for the renewal, however it ends.
class Renewal {
 public:
  explicit Renewal(std::shared_ptr<asio::steady_timer>& slot) : slot_(slot) {}
  ~Renewal() {
    slot_->cancel();
    slot_.reset();
  }
  Renewal(const Renewal&) = delete;
  Renewal& operator=(const Renewal&) = delete;

 private:
  std::shared_ptr<asio::steady_timer>& slot_;
};

Error not_renewed() {
  return Error{ErrorKind::auth, "the access token could not be renewed", {}};
}

}  // namespace

TokenKeeper::TokenKeeper(Clock& clock, Duration refresh_early, Fetch fetch)
    : clock_(clock), refresh_early_(refresh_early), fetch_(std::move(fetch)) {}

Awaitable<Result<std::string>> TokenKeeper::authorization() {
  if (renewal_) {
    const std::shared_ptr<asio::steady_timer> renewal = renewal_;
    boost::system::error_code woken;
    co_await renewal->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    // Whoever waited shares the outcome: trying again one after the other would take as many times as long.
    if (!is_fresh()) co_return failure_;
  }
  if (is_fresh()) co_return header_;
  co_return co_await renew();
}

bool TokenKeeper::is_fresh() const {
  return !header_.empty() && clock_.steady() < fresh_until_;
}

Awaitable<Result<std::string>> TokenKeeper::renew() {
  const auto executor = co_await asio::this_coro::executor;
  renewal_ = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
  const Renewal renewal(renewal_);
  failure_ = not_renewed();
  Result<Token> token = co_await fetch_();
  if (!token) {
    failure_ = token.error();
    co_return token.error();
  }
  // A token of a minute must not be renewed at once, again and again.
  const Duration early = std::min(refresh_early_, token->lifetime / 2);
  header_ = "Bearer " + std::string(token->value.reveal());
  fresh_until_ = clock_.steady() + token->lifetime - early;
  co_return header_;
}

bool TokenKeeper::drop(const std::string& refused) {
  if (refused != header_) return false;
  const bool was_fresh = is_fresh();
  wipe(header_);
  return was_fresh;
}

}  // namespace usersyncd
