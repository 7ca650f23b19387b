#include "daemon/turnstile.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace usersyncd::test {
namespace {

struct StillClock : Clock {
  Time now() const override { return Time{} + at; }
  Duration steady() const override { return at; }
  Awaitable<bool> sleep_for(Duration) override { co_return true; }
  bool stopping() const override { return false; }
  Duration at{1'000'000};
};

/// Visitors that stay until they are sent away.
struct Hall {
  boost::asio::io_context io;
  StillClock clock;
  Turnstile turnstile{io, clock, 2};
  std::vector<std::string> entered;
  std::map<std::string, std::optional<Turnstile::Place>> inside;

  static Awaitable<void> visit(Hall& hall, std::string name, bool urgent) {
    auto place = co_await hall.turnstile.enter(urgent);
    hall.entered.push_back(name);
    hall.inside[name].emplace(std::move(place));
  }
  void come(const std::string& name, bool urgent = false) {
    boost::asio::co_spawn(io, visit(*this, name, urgent), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
    settle();
  }
  void go(const std::string& name) {
    inside.erase(name);
    settle();
  }
  void settle() {
    io.restart();
    io.poll();
  }
  std::string order() const {
    std::string all;
    for (const auto& name : entered) all += name;
    return all;
  }
};

TEST_CASE("a turnstile lets so many in at once, in the order in which they came") {
  Hall hall;
  for (const char* name : {"a", "b", "c", "d", "e"}) hall.come(name);
  CHECK(hall.order() == "ab");
  CHECK(hall.turnstile.waiting() == 3);
  hall.go("b");
  CHECK(hall.order() == "abc");
  hall.go("a");
  hall.go("c");
  CHECK(hall.order() == "abcde");
  hall.go("d");
  hall.go("e");
  hall.come("f");
  CHECK(hall.order() == "abcdef");
}

TEST_CASE("who is urgent goes before the others, in turn among their like") {
  Hall hall;
  for (const char* name : {"a", "b", "c", "d"}) hall.come(name);
  hall.come("U", true);
  hall.come("V", true);
  for (const char* name : {"a", "b", "U"}) hall.go(name);
  CHECK(hall.order() == "abUVc");
  hall.come("W", true);
  hall.go("V");
  CHECK(hall.order() == "abUVcW");
}

TEST_CASE("who takes long does not count any more, and keeps nobody out") {
  Hall hall;
  hall.come("slow");
  hall.come("dead");
  hall.come("a");
  hall.turnstile.count_only_since(Duration{1'000});
  hall.settle();
  CHECK(hall.order() == "slowdead");
  hall.clock.at += Duration{1'001};
  hall.turnstile.count_only_since(Duration{1'000});
  hall.settle();
  hall.come("b");
  hall.come("c");
  CHECK(hall.order() == "slowdeadab");
  // Their end makes no second place of the one that they gave up.
  hall.go("slow");
  hall.go("dead");
  CHECK(hall.order() == "slowdeadab");
  hall.go("a");
  CHECK(hall.order() == "slowdeadabc");
}

TEST_CASE("an open turnstile keeps nobody") {
  Hall hall;
  for (const char* name : {"a", "b", "c", "d"}) hall.come(name);
  hall.turnstile.open();
  hall.settle();
  hall.come("e");
  CHECK(hall.order() == "abcde");
}

TEST_CASE("a place may outlive its turnstile") {
  boost::asio::io_context io;
  StillClock clock;
  std::optional<Turnstile> turnstile;
  turnstile.emplace(io, clock, 1U);
  std::vector<Turnstile::Place> kept;
  const auto visit = [](Turnstile& home, std::vector<Turnstile::Place>& places) -> Awaitable<void> {
    auto place = co_await home.enter(false);
    places.push_back(std::move(place));
  };
  boost::asio::co_spawn(io, visit(*turnstile, kept), [](std::exception_ptr) {});
  boost::asio::co_spawn(io, visit(*turnstile, kept), [](std::exception_ptr) {});
  io.poll();
  REQUIRE(kept.size() == 1);
  REQUIRE(turnstile->waiting() == 1);
  turnstile.reset();
  kept.clear();
  io.poll();
  CHECK(kept.empty());  // whoever waited was not let in by what is not there any more
}

}  // namespace
}  // namespace usersyncd::test
