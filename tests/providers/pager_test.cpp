#include "providers/pager.hpp"

#include <doctest/doctest.h>

namespace usersyncd {
namespace {

Paging by_offset(int size = 2) {
  Paging paging;
  paging.kind = Paging::Kind::offset;
  paging.size = size;
  paging.size_parameter = "limit";
  paging.position_parameter = "offset";
  return paging;
}

PageFacts page(std::vector<std::string> keys, std::optional<std::size_t> total = {}, std::string next = {}) {
  return PageFacts{std::move(keys), total, std::move(next), false};
}

PageFacts last_page(std::vector<std::string> keys) {
  return PageFacts{std::move(keys), {}, {}, true};
}

Paging by_name(Paging::Kind kind) {
  Paging paging;
  paging.kind = kind;
  paging.size = 2;
  paging.size_parameter = "limit";
  paging.position_parameter = "after";
  return paging;
}

TEST_CASE("pages are asked for until the total is reached") {
  const Paging paging = by_offset();
  Pager pager(paging, "/users");
  CHECK(pager.target() == "/users?limit=2&offset=0");
  CHECK(pager.take(page({"a", "b"}, 3)));
  CHECK_FALSE(pager.finished());
  CHECK(pager.target() == "/users?limit=2&offset=2");
  CHECK(pager.take(page({"c"}, 3)));
  CHECK(pager.finished());
  CHECK(pager.total() == 3);
  CHECK(pager.faults().empty());
}

TEST_CASE("A9: without a total a short page may be a silent cap, so one more is asked for") {
  const Paging paging = by_offset(100);
  Pager pager(paging, "/users");
  pager.take(page({"a", "b"}));
  REQUIRE_FALSE(pager.finished());
  CHECK(pager.target() == "/users?limit=100&offset=2");
  pager.take(page({}));
  CHECK(pager.finished());
  CHECK(pager.faults().empty());

  Paging trusting = by_offset(100);
  trusting.short_page_ends = true;
  Pager short_pager(trusting, "/users");
  short_pager.take(page({"a"}));
  CHECK(short_pager.finished());
}

TEST_CASE("the whole list at once, whatever the limit says, is the whole list") {
  const Paging paging = by_offset();
  Pager longer(paging, "/users");
  longer.take(page({"a", "b", "c"}));
  REQUIRE_FALSE(longer.finished());  // or it gives three where two are asked for, and there are more
  CHECK_FALSE(longer.take(page({"a", "b", "c"})));
  CHECK(longer.finished());
  CHECK(longer.faults().empty());
  Pager shuffled(paging, "/users");  // not in the same order each time
  shuffled.take(page({"a", "b", "c"}));
  CHECK_FALSE(shuffled.take(page({"c", "a", "b"})));
  CHECK(shuffled.finished());
  CHECK(shuffled.faults().empty());
  Pager shorter(paging, "/users");
  shorter.take(page({"a"}));
  CHECK_FALSE(shorter.take(page({"a"})));  // the same again: the offset is ignored
  CHECK(shorter.finished());
  CHECK(shorter.faults().empty());
}

TEST_CASE("A9: a repeated page of exactly the size asked for may be cut off") {
  const Paging paging = by_offset();
  Pager pager(paging, "/users");
  pager.take(page({"a", "b"}));
  CHECK_FALSE(pager.take(page({"a", "b"})));
  CHECK(pager.finished());
  CHECK(pager.faults().size() == 1);
}

TEST_CASE("a list that ends before its total ends, and keeps the total for others to compare") {
  const Paging paging = by_offset();
  Pager pager(paging, "/users");
  pager.take(page({"a", "b"}, 5));
  pager.take(page({}, 5));
  CHECK(pager.finished());
  CHECK(pager.total() == 5);
}

TEST_CASE("a total that changes between pages, and pages without end, are faults") {
  Paging paging = by_offset(1);
  paging.max_pages = 3;
  Pager pager(paging, "/users");
  pager.take(page({"a"}, 9));
  pager.take(page({"b"}, 8));
  CHECK(pager.faults().size() == 1);
  pager.take(page({"c"}, 8));
  CHECK(pager.finished());
  CHECK(pager.faults().size() == 2);
}

TEST_CASE("page numbers count from where the profile says") {
  Paging paging = by_offset();
  paging.kind = Paging::Kind::page;
  paging.size_parameter = "size";
  paging.position_parameter = "page";
  Pager pager(paging, "/users?x=1");
  CHECK(pager.target() == "/users?x=1&size=2&page=1");
  pager.take(page({"a", "b"}));
  CHECK(pager.target() == "/users?x=1&size=2&page=2");
}

TEST_CASE("next links are followed to their end, and one that leads back is a fault") {
  Paging paging;
  paging.kind = Paging::Kind::link;
  Pager pager(paging, "/users");
  pager.take(page({"a"}, {}, "/users?c=2"));
  CHECK(pager.target() == "/users?c=2");
  pager.take(page({"b"}, {}, "/users"));
  CHECK(pager.finished());
  CHECK(pager.faults().size() == 1);
  Pager good(paging, "/users");
  good.take(page({"a"}, {}, "/users?c=2"));
  good.take(page({"b"}));
  CHECK(good.finished());
  CHECK(good.faults().empty());
}

TEST_CASE("cursors are sent back, percent-encoded, until none comes") {
  const Paging paging = by_name(Paging::Kind::cursor);
  Pager pager(paging, "/users");
  CHECK(pager.target() == "/users?limit=2");
  pager.take(page({"a", "b"}, {}, "x+/=&"));
  CHECK(pager.target() == "/users?limit=2&after=x%2B%2F%3D%26");
  pager.take(page({}, {}, "y"));  // an empty page is not the last where it names another
  CHECK(pager.target() == "/users?limit=2&after=y");
  pager.take(page({"c", "d"}));
  CHECK(pager.finished());
  CHECK(pager.faults().empty());
  Pager round(paging, "/users");
  round.take(page({"a", "b"}, {}, "x"));
  round.take(page({"c", "d"}, {}, "x"));
  CHECK(round.finished());
  CHECK(round.faults().size() == 1);
}

TEST_CASE("A9: a page that neither names a next one nor ends the list may be all that is given") {
  for (const auto kind : {Paging::Kind::link, Paging::Kind::cursor}) {
    Paging paging = by_name(kind);
    const auto faults_of = [&](const PageFacts& only) {
      Pager pager(paging, "/users");
      pager.take(only);
      CHECK(pager.finished());
      return pager.faults().size();
    };
    CHECK(faults_of(page({"a", "b"})) == 1);
    CHECK(faults_of(page({"a"})) == 1);
    CHECK(faults_of(page({"a", "b"}, 2)) == 0);  // what a total is worth is for others to tell
    CHECK(faults_of(last_page({"a", "b"})) == 0);
    CHECK(faults_of(page({})) == 0);
    paging.short_page_ends = true;
    CHECK(faults_of(page({"a"})) == 0);
    CHECK(faults_of(page({"a", "b"})) == 1);
  }
}

TEST_CASE("a whole list that names a next page is not whole, unless its total says so") {
  const Paging paging;
  Pager pager(paging, "/users");
  pager.take(page({"a"}, {}, "/users?page=2"));
  CHECK(pager.finished());
  CHECK(pager.faults().size() == 1);
  Pager counted(paging, "/users");
  counted.take(page({"a"}, 1, "/users?page=2"));
  CHECK(counted.faults().empty());
}

TEST_CASE("A9: a list of a length that smells of a cap is a fault") {
  Paging paging;
  paging.truncation_sizes = {2};
  Pager pager(paging, "/users");
  pager.take(page({"a", "b"}));
  CHECK(pager.finished());
  CHECK(pager.faults().size() == 1);
}

}  // namespace
}  // namespace usersyncd
