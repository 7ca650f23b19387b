#include "sync/believe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "samples.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

const std::string account = "5500001";
const ShrinkLimit default_limit{30, 2};

std::string name_at(int i) {
  return "user" + std::to_string(i);
}

Listing listing_of(int count) {
  Listing listing;
  for (int i = 0; i < count; ++i) listing.users.push_back(live(name_at(i)));
  return listing;
}

Snapshot known_of(int count) {
  Snapshot known;
  for (int i = 0; i < count; ++i) known[name_at(i)].user = live(name_at(i));
  return known;
}

Belief judge(const Listing& listing, const Snapshot& known = {}, const Catalog& catalog = {}) {
  return believe(listing, known, catalog, default_limit, account);
}

bool says(const Belief& belief, const std::string& part) {
  return std::any_of(belief.reasons.begin(), belief.reasons.end(),
                     [&](const std::string& reason) { return reason.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("believe: a list that adds up is complete, and nothing is missing") {
  auto listing = listing_of(3);
  listing.total = 3;
  const auto belief = judge(listing, known_of(3));
  CHECK(belief.complete);
  CHECK(!belief.shrunken);
  CHECK(belief.reasons.empty());
  CHECK(belief.missing.empty());
  CHECK(judge(listing_of(0)).complete);
}

TEST_CASE("A2 A6: an empty list where users were known is never believed, and no approval can help it") {
  for (int known = 1; known < 30; ++known) {
    CAPTURE(known);
    for (const auto& limit :
         {std::optional<ShrinkLimit>{}, std::optional<ShrinkLimit>{ShrinkLimit{100, 1'000}}}) {
      const auto belief = believe(Listing{}, known_of(known), Catalog{}, limit, account);
      CHECK(!belief.complete);
      CHECK(!belief.shrunken);
      CHECK(says(belief, "the list is empty"));
    }
  }
}

TEST_CASE("A1 A3: a list with a fault is not complete, whatever it holds") {
  auto listing = listing_of(5);
  listing.faults = {"page 3 failed: 503"};
  const auto belief = judge(listing, known_of(5));
  CHECK(!belief.complete);
  CHECK(!belief.shrunken);
  CHECK(belief.reasons == Lines{"page 3 failed: 503"});
}

TEST_CASE("A9: a total that differs from what arrived is not complete, in either direction") {
  for (const std::size_t total : {0U, 4U, 6U, 50U}) {
    CAPTURE(total);
    auto listing = listing_of(5);
    listing.total = total;
    CHECK(!judge(listing).complete);
    CHECK(says(judge(listing), "5 arrived"));
  }
}

TEST_CASE("A7: the shrink limit counts what was lost, and its boundary is inclusive") {
  struct Row {
    int before, lost, percent;
    std::size_t at_least;
    bool believed;
  };
  const Row rows[]{{10, 3, 30, 2, true},     {10, 4, 30, 2, false},    {100, 30, 30, 2, true},
                   {100, 31, 30, 2, false},  {3, 1, 30, 2, true},      {3, 2, 30, 2, false},
                   {2, 1, 30, 2, true},      {10, 0, 0, 0, true},      {10, 1, 0, 0, false},
                   {10, 1, 0, 1, false},     {10, 1, 0, 2, true},      {10, 9, 100, 2, true},
                   {1000, 300, 30, 2, true}, {1000, 301, 30, 2, false}};
  for (const auto& row : rows) {
    CAPTURE(row.before);
    CAPTURE(row.lost);
    CAPTURE(row.percent);
    const ShrinkLimit limit{row.percent, row.at_least};
    const auto belief =
        believe(listing_of(row.before - row.lost), known_of(row.before), Catalog{}, limit, account);
    CHECK(belief.complete == row.believed);
    CHECK(belief.shrunken == !row.believed);
    CHECK(belief.missing.size() == static_cast<std::size_t>(row.lost));
  }
}

TEST_CASE("A7: without a limit any list but an empty one may shrink") {
  CHECK(believe(listing_of(1), known_of(100), Catalog{}, std::nullopt, account).complete);
}

TEST_CASE("A7: as many new users as were lost do not hide the loss") {
  Listing listing;
  for (int i = 50; i < 60; ++i) listing.users.push_back(live(name_at(i)));
  const auto belief = judge(listing, known_of(10));
  CHECK(!belief.complete);
  CHECK(says(belief, "lost 10 of 10"));
}

TEST_CASE("A7: a copy of the account, with every name and other ids, counts as lost") {
  Listing listing;
  Snapshot known;
  for (int i = 0; i < 10; ++i) {
    listing.users.push_back(live(name_at(i), {}, "copy" + std::to_string(i)));
    known[name_at(i)].user = live(name_at(i), {}, "id" + std::to_string(i));
  }
  CHECK(judge(listing, known).shrunken);
  CHECK(judge(listing, known).missing.empty());
  for (auto& user : listing.users) user.user_id.clear();
  CHECK(judge(listing, known).complete);
}

TEST_CASE("A4: users that earlier lists lacked are no new loss, but stay missing") {
  auto known = known_of(10);
  for (int i = 0; i < 5; ++i) known[name_at(i)].missed_lists = 1;
  Listing listing;
  for (int i = 5; i < 10; ++i) listing.users.push_back(live(name_at(i)));
  const auto belief = judge(listing, known);
  CHECK(belief.complete);
  CHECK(belief.missing == Lines{"user0", "user1", "user2", "user3", "user4"});
  listing.users.resize(3);
  CHECK(says(judge(listing, known), "lost 2 of 5"));
}

TEST_CASE("believe: nameless entries and entries that come twice are faults") {
  auto listing = listing_of(2);
  listing.users.push_back(live(""));
  CHECK(says(judge(listing), "no username"));
  listing = listing_of(2);
  listing.users.push_back(live("USER1"));
  CHECK(says(judge(listing), "\"USER1\" is listed twice"));
  listing = listing_of(2);
  listing.users[0].user_id = listing.users[1].user_id = "u7";
  CHECK(says(judge(listing), "user id \"u7\" is listed twice"));
}

TEST_CASE("A6: a list of somebody else's account is an error, however plausible") {
  auto listing = listing_of(2);
  listing.account_ids = {account, account};
  CHECK(judge(listing, known_of(2)).complete);
  listing.account_ids.emplace_back("5500009");
  CHECK(says(judge(listing, known_of(2)), "account 5500009, not 5500001"));
}

TEST_CASE("A6: somebody in the list has to belong to an account that the credential sees") {
  const auto catalog = catalog_of({}, {"1", "2"});
  const auto with = [](const std::vector<std::vector<std::string>>& accounts) {
    auto listing = listing_of(static_cast<int>(accounts.size()));
    for (std::size_t i = 0; i < accounts.size(); ++i) {
      listing.users[i].fields.set(Field::accounts, set(accounts[i]));
    }
    return listing;
  };
  CHECK(!judge(with({{"8"}, {"9"}}), {}, catalog).complete);
  CHECK(judge(with({{"8"}, {"9", "2"}}), {}, catalog).complete);
  CHECK(judge(with({{}, {}}), {}, catalog).complete);
  CHECK(judge(listing_of(3), {}, catalog).complete);
  CHECK(judge(with({{"8"}}), {}, Catalog{}).complete);
  CHECK(!judge(with({{"8"}}), {}, catalog_of({}, {})).complete);
}

TEST_CASE("believe: a list that shrank and has another flaw is not merely shrunken") {
  auto listing = listing_of(2);
  listing.total = 9;
  const auto belief = judge(listing, known_of(20));
  CHECK(!belief.complete);
  CHECK(!belief.shrunken);
  CHECK(belief.reasons.size() == 2);
}

TEST_CASE("believe: the order of the list does not change the verdict") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 100; ++round) {
    auto listing = listing_of(static_cast<int>(random() % 12));
    if (round % 3 == 0) listing.total = random() % 12;
    const auto known = known_of(static_cast<int>(random() % 12));
    const auto belief = judge(listing, known);
    std::shuffle(listing.users.begin(), listing.users.end(), random);
    const auto again = judge(listing, known);
    CHECK(again.complete == belief.complete);
    CHECK(again.shrunken == belief.shrunken);
    CHECK(again.reasons == belief.reasons);
    CHECK(again.missing == belief.missing);
    CHECK(belief.complete == belief.reasons.empty());
  }
}
