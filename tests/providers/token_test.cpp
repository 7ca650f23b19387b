#include "providers/token.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tests/providers/support.hpp"

namespace usersyncd::test {
namespace {

/// Hands out numbered tokens, a turn of the event loop later.
struct Issuer {
  int fetched = 0;
  bool refuse = false;

  Awaitable<Result<Token>> fetch() {
    const int number = ++fetched;
    const auto executor = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
    if (refuse) co_return no();
    co_return made(number);
  }
  static Error no() { return Error{ErrorKind::auth, "no", {}}; }
  static Token made(int number) {
    Token token;
    token.value = Secret("token-" + std::to_string(number));
    token.lifetime = std::chrono::seconds{3600};
    return token;
  }
};

struct TokenBench {
  FakeClock clock;
  Issuer issuer;
  TokenKeeper keeper{clock, std::chrono::seconds{60}, [this] { return issuer.fetch(); }};

  std::string get() {
    const auto header = run(keeper.authorization());
    return header ? *header : header.error().message;
  }
};

Awaitable<void> collect(TokenKeeper& keeper, std::vector<std::string>& into) {
  const Result<std::string> header = co_await keeper.authorization();
  into.push_back(header ? *header : header.error().message);
}

std::vector<std::string> ask_together(TokenBench& bench, int callers) {
  boost::asio::io_context io;
  std::vector<std::string> headers;
  for (int i = 0; i < callers; ++i) {
    boost::asio::co_spawn(io, collect(bench.keeper, headers), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
  io.run();
  return headers;
}

TEST_CASE("many callers, one fetch: the others wait and get the same token") {
  TokenBench bench;
  CHECK(ask_together(bench, 5) == std::vector<std::string>(5, "Bearer token-1"));
  CHECK(bench.issuer.fetched == 1);
}

TEST_CASE("many callers, one refusal: the others share it and do not try one after the other") {
  TokenBench bench;
  bench.issuer.refuse = true;
  CHECK(ask_together(bench, 5) == std::vector<std::string>(5, "no"));
  CHECK(bench.issuer.fetched == 1);
  bench.issuer.refuse = false;
  CHECK(bench.get() == "Bearer token-2");
}

TEST_CASE("a token is renewed a minute before its end, and not before that") {
  TokenBench bench;
  CHECK(bench.get() == "Bearer token-1");
  bench.clock.elapsed += std::chrono::seconds{3539};
  CHECK(bench.get() == "Bearer token-1");
  bench.clock.elapsed += std::chrono::seconds{1};
  CHECK(bench.get() == "Bearer token-2");
}

TEST_CASE("a refused token is dropped, but not a newer one") {
  TokenBench bench;
  CHECK(bench.get() == "Bearer token-1");
  CHECK(bench.keeper.drop("Bearer token-1"));
  CHECK(bench.get() == "Bearer token-2");
  CHECK_FALSE(bench.keeper.drop("Bearer token-1"));
  CHECK(bench.get() == "Bearer token-2");
}

TEST_CASE("that a token is refused which is about to run out was to be expected") {
  TokenBench bench;
  CHECK(bench.get() == "Bearer token-1");
  bench.clock.elapsed += std::chrono::seconds{3540};
  CHECK_FALSE(bench.keeper.drop("Bearer token-1"));
  CHECK(bench.get() == "Bearer token-2");
}

}  // namespace
}  // namespace usersyncd::test
