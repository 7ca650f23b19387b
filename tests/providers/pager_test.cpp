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
  return PageFacts{std::move(keys), total, std::move(next)};
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
  CHECK(longer.finished());
  CHECK(longer.faults().empty());
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
