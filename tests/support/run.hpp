#pragma once

#include <doctest/doctest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

// A coroutine that never runs would let its test pass in silence, so every test of a coroutine goes through
// here.

namespace usersyncd::test {

namespace detail {

template <class T>
boost::asio::awaitable<void> keep_result(boost::asio::awaitable<T> task, std::optional<T>& result) {
  T value = co_await std::move(task);
  result.emplace(std::move(value));
}

inline void run_to_end(boost::asio::io_context& io, boost::asio::awaitable<void> task) {
  bool finished = false;
  boost::asio::co_spawn(io, std::move(task), [&finished, &io](std::exception_ptr failure) {
    finished = true;
    io.stop();
    if (failure) std::rethrow_exception(failure);
  });
  io.restart();
  io.run_for(std::chrono::seconds{60});
  REQUIRE_MESSAGE(finished, "the coroutine did not finish");
}

}  // namespace detail

/// Runs the context until the coroutine has finished and returns what it returned; other work in the context
/// stays where it is. An exception of the coroutine comes out here. A coroutine that has not finished when
/// the work runs out, or within a minute, fails the test.
template <class T>
T run(boost::asio::io_context& io, boost::asio::awaitable<T> task) {
  if constexpr (std::is_void_v<T>) {
    detail::run_to_end(io, std::move(task));
  } else {
    std::optional<T> result;
    detail::run_to_end(io, detail::keep_result(std::move(task), result));
    REQUIRE_MESSAGE(result.has_value(), "the coroutine did not finish");
    return std::move(*result);
  }
}

/// The same on a context of its own.
template <class T>
T run(boost::asio::awaitable<T> task) {
  boost::asio::io_context io;
  return run(io, std::move(task));
}

}  // namespace usersyncd::test
