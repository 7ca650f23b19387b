#include "reconcile/parallel.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>

namespace usersyncd {
namespace {

namespace asio = boost::asio;

// Shared by the workers and the one who waits for them; owned by each, because an io_context that is
// destroyed in the middle destroys their frames in any order.
struct Group {
  Group(const asio::any_io_executor& executor, std::size_t count_,
        std::function<Awaitable<void>(std::size_t)> body_)
      : all_done(executor, asio::steady_timer::time_point::max()), count(count_), body(std::move(body_)) {}
  asio::steady_timer all_done;
  std::size_t count;
  std::size_t next = 0;
  std::size_t working = 0;
  std::function<Awaitable<void>(std::size_t)> body;
  std::exception_ptr failure;
};

Awaitable<void> work(std::shared_ptr<Group> group) {
  while (group->next < group->count && !group->failure) {
    const auto index = group->next++;
    co_await group->body(index);
  }
}

}  // namespace

Awaitable<void> for_each_limited(std::size_t count, std::size_t limit,
                                 std::function<Awaitable<void>(std::size_t)> body) {
  const auto executor = co_await asio::this_coro::executor;
  const auto group = std::make_shared<Group>(executor, count, std::move(body));
  group->working = std::min(count, std::max<std::size_t>(limit, 1));
  for (std::size_t i = group->working; i > 0; --i) {
    const auto ended = [group](std::exception_ptr failure) {
      if (failure && !group->failure) group->failure = failure;
      if (--group->working == 0) group->all_done.cancel();
    };
    asio::co_spawn(executor, work(group), ended);
  }
  while (group->working > 0) {
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await group->all_done.async_wait(token);
  }
  if (group->failure) std::rethrow_exception(group->failure);
}

}  // namespace usersyncd
