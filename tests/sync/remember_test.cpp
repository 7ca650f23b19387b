#include <doctest/doctest.h>

#include "samples.hpp"
#include "sync/believe.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

const Time later = noon + std::chrono::hours{1};

KnownUser known(const User& user) {
  KnownUser before;
  before.user = user;
  before.item_read_at = noon;
  before.disabled_since = noon;
  before.missed_lists = 2;
  return before;
}

}  // namespace

TEST_CASE("remember: what was seen comes over what was known, and is no longer missed") {
  const auto before = known(live("jdoe", {{Field::phone, text("1")}, {Field::email, text("a")}}, "u7"));
  const auto after = remember(&before, live("JDoe", {{Field::email, text("b")}}), false, later);
  CHECK(after.user == live("JDoe", {{Field::phone, text("1")}, {Field::email, text("b")}}, "u7"));
  CHECK(after.missed_lists == 0);
  CHECK(after.item_read_at == noon);
  CHECK(after.disabled_since == noon);
}

TEST_CASE("remember: only an item read counts as one") {
  const auto before = known(live("jdoe"));
  CHECK(remember(&before, live("jdoe"), true, later).item_read_at == later);
  CHECK(!remember(nullptr, live("jdoe"), false, later).item_read_at);
}

TEST_CASE("remember: of somebody with the same name and another id nothing is known") {
  const auto before = known(live("jdoe", {{Field::phone, text("1")}}, "u7"));
  const auto other = remember(&before, live("jdoe", {}, "u8"), false, later);
  CHECK(other.user == live("jdoe", {}, "u8"));
  CHECK(!other.item_read_at);
  CHECK(!other.disabled_since);
  for (const auto* id : {"u7", ""}) {
    CAPTURE(id);
    const auto same = remember(&before, live("jdoe", {}, id), false, later);
    CHECK(same.user == live("jdoe", {{Field::phone, text("1")}}, "u7"));
    CHECK(same.item_read_at == noon);
  }
  const auto nameless = known(live("jdoe", {{Field::phone, text("1")}}));
  CHECK(remember(&nameless, live("jdoe", {}, "u8"), false, later).user ==
        live("jdoe", {{Field::phone, text("1")}}, "u8"));
}

TEST_CASE("remember: disabled since it was first seen so, until it is seen enabled") {
  const Values off{{Field::enabled, Value{false}}}, on{{Field::enabled, Value{true}}};
  const auto before = known(live("jdoe"));
  CHECK(remember(&before, live("jdoe", off), false, later).disabled_since == noon);
  CHECK(!remember(&before, live("jdoe", on), false, later).disabled_since);
  CHECK(remember(nullptr, live("jdoe", off), false, later).disabled_since == later);
  CHECK(!remember(nullptr, live("jdoe", on), false, later).disabled_since);
  CHECK(!remember(nullptr, live("jdoe"), false, later).disabled_since);
}
