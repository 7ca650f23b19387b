#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>

#include "samples.hpp"
#include "sync/item_reads.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

// A thin list, everybody in it managed and known, each item read at its own time.
struct Quiet {
  Desired desired;
  std::vector<User> listed;
  Snapshot known;
  Catalog catalog;
  FixedWays ways;
  Capabilities can;

  explicit Quiet(int count) {
    for (int i = 0; i < count; ++i) {
      std::string name(8, '\0');
      name.resize(static_cast<std::size_t>(std::snprintf(name.data(), name.size(), "u%05d", i)));
      auto wanted = entry(name);
      wanted.roles = grants({"r1"});
      desired.users.push_back(wanted);
      listed.push_back(live(name, {{Field::email, text(name + "@example.com")}}));
      auto& memory = known[name];
      memory.user = live(name, {{Field::email, text(name + "@example.com")}, {Field::roles, set({"r1"})}});
      memory.item_read_at = noon + std::chrono::seconds{(i * 7'919) % (count + 1)};
      memory.desired_digest = digest_of(wanted);
    }
  }

  std::vector<std::string> choose(std::size_t budget, Time now = noon) const {
    const ReadChoice choice{desired, known, catalog, ways, can, now};
    return choose_item_reads(choice, listed, budget);
  }
};

}  // namespace

TEST_CASE("A65: a quiet cycle reads no more items than the budget, whatever the number of users") {
  for (const int count : {0, 1, 5, 100, 3'000}) {
    for (const std::size_t budget : {0U, 1U, 20U}) {
      CAPTURE(count);
      CAPTURE(budget);
      CHECK(Quiet{count}.choose(budget).size() ==
            std::min<std::size_t>(budget, static_cast<std::size_t>(count)));
    }
  }
}

TEST_CASE("A65 A69: everybody's turn comes, the one read longest ago first") {
  Quiet quiet{50};
  StringSet seen;
  for (int cycle = 0; cycle < 10; ++cycle) {
    const auto chosen = quiet.choose(5);
    REQUIRE(chosen.size() == 5);
    for (const auto& key : chosen) {
      seen.push_back(key);
      quiet.known[key].item_read_at = noon + std::chrono::hours{cycle + 1};
    }
  }
  CHECK(make_set(seen).size() == 50);
}

TEST_CASE("A65: where the list carries all that is managed, no item is read") {
  Quiet quiet{5};
  for (auto& user : quiet.listed) user.fields.set(Field::roles, set({"r1"}));
  CHECK(quiet.choose(20).empty());
}

TEST_CASE("A65: unmanaged users, and managed fields that are not carried by anyone's entry, cost nothing") {
  Quiet quiet{5};
  quiet.desired.users.resize(2);
  CHECK(quiet.choose(20) == Lines{"u00000", "u00001"});
  quiet.can.lacking = {Field::roles};  // which no read would ever show
  CHECK(quiet.choose(20).empty());
  quiet.can.lacking.clear();
  for (auto& user : quiet.desired.users) user.roles.reset();
  CHECK(quiet.choose(20).empty());
}

TEST_CASE("A69: who is new, edited or known to differ is read in full, beyond any budget") {
  Quiet quiet{8};
  quiet.known.erase("u00000");
  quiet.known["u00001"].item_read_at.reset();
  quiet.known["u00002"].desired_digest = "edited";
  quiet.known["u00003"].user.fields.set(Field::roles, set({"r2"}));
  quiet.listed[4].fields.set(Field::email, text("other@example.com"));
  CHECK(quiet.choose(0) == Lines{"u00000", "u00001", "u00002", "u00003", "u00004"});
}

TEST_CASE("A69: somebody with a known name and another id is new to us") {
  Quiet quiet{2};
  quiet.known["u00000"].user.user_id = "old";
  quiet.listed[0].user_id = "new";
  quiet.known["u00001"].user.user_id = "same";
  quiet.listed[1].user_id = "same";
  CHECK(quiet.choose(0) == Lines{"u00000"});
  quiet.listed[0].user_id.clear();
  CHECK(quiet.choose(0).empty());
}

TEST_CASE("A69: a leaver is read while known to be enabled, and in turn once known to be disabled") {
  Quiet quiet{1};
  quiet.desired.users[0] = leaver("u00000");
  quiet.known["u00000"].desired_digest = digest_of(quiet.desired.users[0]);
  CHECK(quiet.choose(0).empty());
  quiet.known["u00000"].user.fields.set(Field::enabled, Value{true});
  CHECK(quiet.choose(0) == Lines{"u00000"});
  quiet.known["u00000"].user.fields.set(Field::enabled, Value{false});
  CHECK(quiet.choose(0).empty());
  CHECK(quiet.choose(1) == Lines{"u00000"});
}

TEST_CASE(
    "A69: whom no entry names is read like a leaver where the rules take them out, and not at all "
    "elsewhere") {
  Quiet quiet{2};
  quiet.desired.users.resize(1);
  quiet.known["u00001"].desired_digest = "of the entry that is gone";
  quiet.known["u00001"].user.fields.set(Field::enabled, Value{true});
  CHECK(quiet.choose(5) == Lines{"u00000"});
  quiet.ways.strangers = UnmanagedWay::deprovision;
  CHECK(quiet.choose(0) == Lines{"u00001"});
  quiet.known["u00001"].user.fields.set(Field::enabled, Value{false});
  CHECK(quiet.choose(0).empty());
  CHECK(quiet.choose(5).size() == 2);
  quiet.ways.deprovisioning = DeprovisionWay::remove;  // which is not done with by being disabled
  CHECK(quiet.choose(0) == Lines{"u00001"});
  quiet.known.erase("u00001");
  quiet.ways.deprovisioning = DeprovisionWay::disable;
  CHECK(quiet.choose(0) == Lines{"u00001"});
  quiet.listed[1].fields.set(Field::enabled, Value{false});
  CHECK(quiet.choose(0).empty());
}

TEST_CASE(
    "item reads: whoever is to be changed is read where writes need an id that the list does not show") {
  Quiet quiet{3};
  for (auto& user : quiet.listed) user.fields.set(Field::roles, set({"r1"}));
  quiet.listed[1].fields.set(Field::roles, set({"r2"}));
  quiet.listed[2].fields.set(Field::roles, set({"r2"}));
  quiet.listed[2].user_id = "u2";
  CHECK(quiet.choose(5).empty());
  quiet.can.by_id = {Operation::update};
  CHECK(quiet.choose(5) == Lines{"u00001"});
}

TEST_CASE(
    "A69: a user who still has an earlier name is read for the entry that names it, and case does not "
    "matter") {
  Quiet quiet{1};
  quiet.desired.users[0].username = "mary.smith";
  quiet.desired.users[0].previously = {"U00000"};
  quiet.listed[0].username = "U00000";
  CHECK(quiet.choose(0) == Lines{"u00000"});
}

TEST_CASE("A69: a role that runs out makes the user known to differ at that instant") {
  Quiet quiet{1};
  quiet.desired.users[0].roles->front().until = noon + std::chrono::hours{1};
  quiet.known["u00000"].desired_digest = digest_of(quiet.desired.users[0]);
  CHECK(quiet.choose(0).empty());
  CHECK(quiet.choose(0, noon + std::chrono::hours{1}) == Lines{"u00000"});
}

TEST_CASE("item reads: sorted keys, each once, whatever the order of the inputs") {
  Quiet quiet{20};
  const auto chosen = quiet.choose(7);
  CHECK(make_set(chosen) == chosen);
  std::reverse(quiet.listed.begin(), quiet.listed.end());
  std::reverse(quiet.desired.users.begin(), quiet.desired.users.end());
  CHECK(quiet.choose(7) == chosen);
}
