#include "tests/providers/support.hpp"

// A list whose pages are byte for byte the known ones is recognised instead of decoded.

namespace usersyncd::test {
namespace {

std::string page(const std::vector<std::string>& names, int total) {
  std::string items;
  for (const auto& name : names) items += (items.empty() ? "" : ",") + (R"({"username":")" + name + "\"}");
  return R"({"data":{"items":[)" + items + R"(],"totalCount":)" + std::to_string(total) + "}}";
}

/// Two pages of two, of which a first reading made the mark.
struct TwoPages {
  TwoPages() : bench(small_pages()) {
    bench.http.answers = {answer(200, first), answer(200, second)};
    const auto listing = bench.list();
    REQUIRE(listing);
    REQUIRE_FALSE(listing->recognised);
    mark = listing->mark;
    REQUIRE(mark.size() == 2);
    bench.http.requests.clear();
  }
  static Profile small_pages() {
    auto profile = built_in("bandwidth-v1");
    profile.paging.size = 2;
    return profile;
  }
  Result<Listing> list(std::deque<Came> answers, const ListMark& known) {
    bench.http.answers = std::move(answers);
    bench.http.requests.clear();
    return run(bench.provider.list_users(bench.context, known));
  }

  std::string first = page({"ann", "bob"}, 3);
  std::string second = page({"cid"}, 3);
  Bench bench;
  ListMark mark;
};

std::vector<std::string> names_of(const Listing& listing) {
  std::vector<std::string> names;
  for (const auto& user : listing.users) names.push_back(user.username);
  return names;
}

}  // namespace

TEST_CASE("the same pages again are recognised, with one request for each, all of them recorded") {
  TwoPages two;
  const auto records = two.bench.log.records.size();
  const auto listing = two.list({answer(200, two.first), answer(200, two.second)}, two.mark);
  REQUIRE(listing);
  CHECK(listing->recognised);
  CHECK(listing->users.empty());
  CHECK(listing->mark == two.mark);
  CHECK(two.bench.http.lines().size() == 2);
  CHECK(two.bench.log.records.size() == records + 2);
  CHECK(two.bench.log.records.back().response_body == two.second);
}

TEST_CASE("one page that differs: all are decoded, and none is asked for twice") {
  TwoPages two;
  const auto changed = page({"dora"}, 3);
  const auto listing = two.list({answer(200, two.first), answer(200, changed)}, two.mark);
  REQUIRE(listing);
  CHECK_FALSE(listing->recognised);
  CHECK(names_of(*listing) == std::vector<std::string>{"ann", "bob", "dora"});
  CHECK(listing->faults.empty());
  CHECK(listing->mark != two.mark);
  CHECK(two.bench.http.lines().size() == 2);
  const auto other_first = two.list({answer(200, page({"x", "y"}, 3)), answer(200, two.second)}, two.mark);
  REQUIRE(other_first);
  CHECK(names_of(*other_first) == std::vector<std::string>{"x", "y", "cid"});
  CHECK(two.bench.http.lines().size() == 2);
}

TEST_CASE("who comes after a last page that was full is noticed: the page behind it is part of the mark") {
  TwoPages two;
  const std::string full = R"({"data":[{"username":"ann"},{"username":"bob"}]})";
  const std::string none = R"({"data":[]})";
  const auto before = two.list({answer(200, full), answer(200, none)}, {});
  REQUIRE(before);
  CHECK(before->mark.size() == 2);
  const auto same = two.list({answer(200, full), answer(200, none)}, before->mark);
  REQUIRE(same);
  CHECK(same->recognised);
  const std::string more = R"({"data":[{"username":"cid"}]})";
  const auto longer = two.list({answer(200, full), answer(200, more), answer(200, none)}, before->mark);
  REQUIRE(longer);
  CHECK_FALSE(longer->recognised);
  CHECK(names_of(*longer) == std::vector<std::string>{"ann", "bob", "cid"});
}

TEST_CASE("a page that fails is a fault of the list, and is not asked for once more") {
  TwoPages two;
  const auto listing = two.list({answer(200, two.first), answer(403)}, two.mark);
  REQUIRE(listing);
  CHECK_FALSE(listing->recognised);
  CHECK(listing->faults.size() == 1);
  CHECK(listing->mark.empty());
  CHECK(two.bench.http.lines().size() == 2);
  const auto none = two.list({answer(403)}, two.mark);
  CHECK_FALSE(none);
  CHECK(two.bench.http.lines().size() == 1);
}

TEST_CASE("the same bytes under another status are no page of users") {
  TwoPages two;
  const auto listing = two.list({answer(500, two.first), answer(500), answer(500), answer(500), answer(500),
                                 answer(500), answer(500), answer(500)},
                                two.mark);
  CHECK_FALSE(listing);
}

TEST_CASE("a 200 with an error in it is never to be recognised") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(200, R"({"data":[],"errors":[{"code":"1","description":"no"}]})")};
  const auto with_error = bench.list();
  CHECK((!with_error || with_error->mark.empty()));
}

}  // namespace usersyncd::test
