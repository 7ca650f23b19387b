#include "reconcile/parallel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>
#include <vector>

#include "tests/support/run.hpp"

namespace usersyncd::test {
namespace {

namespace asio = boost::asio;

/// What the bodies saw.
struct Watched {
  std::vector<std::size_t> started;
  std::size_t working = 0, most = 0, ended = 0;
};

struct Worker {
  Watched& watched;
  ~Worker() { --watched.working; }
};

Awaitable<void> body(Watched& watched, std::size_t index, std::size_t failing) {
  watched.started.push_back(index);
  watched.most = std::max(watched.most, ++watched.working);
  const Worker worker{watched};
  const auto executor = co_await asio::this_coro::executor;
  for (std::size_t turn = 0; turn <= index % 3; ++turn) co_await asio::post(executor, asio::use_awaitable);
  if (index == failing) throw std::runtime_error("number " + std::to_string(index));
  ++watched.ended;
}

constexpr std::size_t nobody = 1000;

Awaitable<void> note(std::vector<std::size_t>& seen, std::size_t index) {
  seen.push_back(index);
  co_return;
}

Awaitable<void> sleep_for_ever(Watched& watched) {
  ++watched.working;
  const Worker worker{watched};
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, asio::steady_timer::time_point::max()};
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

TEST_CASE("parallel: all bodies run, in order, never more than the limit at once") {
  for (const std::size_t count : {0U, 1U, 3U, 20U}) {
    for (const std::size_t limit : {0U, 1U, 4U, 50U}) {
      CAPTURE(count);
      CAPTURE(limit);
      Watched watched;
      run(for_each_limited(count, limit, [&](std::size_t i) { return body(watched, i, nobody); }));
      CHECK(watched.ended == count);
      CHECK(std::is_sorted(watched.started.begin(), watched.started.end()));
      CHECK(watched.most == std::min(count, std::max<std::size_t>(limit, 1)));
      CHECK(watched.working == 0);
    }
  }
}

TEST_CASE("parallel: the first exception stops further starts, and comes out when all others have ended") {
  Watched watched;
  const auto failing = [&](std::size_t i) { return body(watched, i, 3); };
  CHECK_THROWS_WITH_AS(run(for_each_limited(100, 4, failing)), "number 3", std::runtime_error);
  CHECK(watched.started.size() < 12);
  CHECK(watched.working == 0);
  CHECK(watched.ended == watched.started.size() - 1);
}

TEST_CASE("parallel: bodies that never suspend run one after the other and to the end") {
  std::vector<std::size_t> seen;
  run(for_each_limited(5, 2, [&](std::size_t i) { return note(seen, i); }));
  CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3, 4});
}

TEST_CASE("parallel: an io_context that goes away in the middle takes everybody with it") {
  Watched watched;
  {
    asio::io_context io;
    const auto sleeping = [&](std::size_t) { return sleep_for_ever(watched); };
    asio::co_spawn(io, for_each_limited(10, 3, sleeping), [](std::exception_ptr) {});
    io.poll();
    CHECK(watched.working == 3);
  }
  CHECK(watched.working == 0);
}

}  // namespace usersyncd::test
