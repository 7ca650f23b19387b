#include <boost/json/serialize.hpp>

#include "sync/plan_json.hpp"
#include "tests/reconcile/harness.hpp"
#include "tests/support/run.hpp"

// An account that is as it was is recognised without a close look, and only then.

namespace usersyncd::test {
namespace {

constexpr Duration a_minute{60'000};

/// Ann and Bob are there, wanted as they are, and known to be.
struct Calm : Harness {
  Calm() {
    rules_name = "rules 1 ";
    for (const auto* name : {"ann", "bob"}) want(wanted_as(world.add(name)));
    converge();
    poll();
    REQUIRE(look.glanced);
    world.calls.clear();
  }
  bool poll() {
    clock.advance(a_minute);
    cycle();
    REQUIRE(broken.empty());
    return look.glanced;
  }
};

/// The plan without the times, which differ from poll to poll.
std::string plan_of(const Look& look) {
  auto document = plan_document({&*look.judged}, Time{});
  document.at("accounts").at(0).as_object().erase("observedAt");
  return boost::json::serialize(document);
}

}  // namespace

TEST_CASE("a quiet account is recognised by its bytes: one catalogue, one list, and the same plan") {
  Calm h;
  CHECK(h.poll());
  CHECK(h.world.calls.size() == 2);
  const auto glanced = plan_of(h.look);
  CHECK(h.store->load_state(h.account.id).users == h.look.judged->plan().live_users);
  h.rules_name = "rules 2 ";
  CHECK_FALSE(h.poll());
  CHECK(plan_of(h.look) == glanced);
  CHECK(h.poll());
  h.check_invariants();
}

TEST_CASE(
    "whatever changes is looked at closely: a user, the list's order of things, an edit, the catalogue") {
  Calm h;
  h.world.find("ann")->fields.set(Field::email, std::string{"other@example.com"});
  CHECK_FALSE(h.poll());
  CHECK(h.acted.count(ActionResult::Kind::applied) == 1);
  CHECK_FALSE(h.poll());
  CHECK(h.poll());

  h.want(wanted("new"));
  CHECK_FALSE(h.poll());
  CHECK(h.world.count(Call::Kind::create) == 1);
  CHECK_FALSE(h.poll());
  CHECK(h.poll());

  h.world.catalog.roles.emplace().push_back(Role{"r9", "Night"});
  CHECK_FALSE(h.poll());
  CHECK(h.poll());
  h.check_invariants();
}

TEST_CASE("a poll that fails or lies is no quiet one, and changes nothing") {
  Calm h;
  h.world.faults = [](const Call& call, std::size_t) {
    return call.kind == Call::Kind::list ? Fault::server_error : Fault::none;
  };
  CHECK_FALSE(h.poll());
  CHECK(h.events.count("poll.failed") == 1);
  CHECK(h.world.count(Call::Kind::list) == 1);  // what glance() read, look() does not read again
  h.world.faults = nullptr;
  CHECK(h.poll());
  h.world.stale_list = std::vector<User>{};
  CHECK_FALSE(h.poll());
  CHECK(h.events.count("poll.incomplete") == 1);
  h.world.stale_list.reset();
  CHECK(h.poll());
  CHECK(h.world.writes() == 0);
}

TEST_CASE("an unresolved write is looked up however quiet the list is") {
  Calm h;
  const auto before = h.world.users;
  h.want(wanted("new"));
  h.world.faults = [](const Call& call, std::size_t) {
    return call.kind == Call::Kind::create ? Fault::timeout_before : Fault::none;
  };
  CHECK_FALSE(h.poll());
  CHECK(h.unresolved() == 1);
  h.world.faults = nullptr;
  h.want_no_more("new");  // desired and list are again what they were when all was quiet
  CHECK_FALSE(h.poll());
  h.converge();
  CHECK(h.unresolved() == 0);
  CHECK(h.world.users.size() == before.size());
  h.check_invariants();
}

TEST_CASE("what is only reported leaves an account quiet, and is not forgotten; what waits does not") {
  Calm h;
  h.world.add("stranger");
  CHECK_FALSE(h.poll());
  CHECK(h.events.count("drift.detected", "stranger") == 1);
  REQUIRE(h.judged("stranger"));
  CHECK(h.judged("stranger")->verdict == Verdict::report);
  CHECK(h.poll());
  CHECK(h.poll());
  CHECK(h.store->load_drift(h.account.id).size() == 1);
  CHECK(h.events.count("drift.resolved") == 0);

  h.world.find("stranger")->fields.set(Field::enabled, false);
  CHECK_FALSE(h.poll());
  CHECK(h.events.count("drift.changed", "stranger") == 1);
  CHECK(h.poll());
  h.world.users.erase("stranger");
  CHECK_FALSE(h.poll());
  CHECK_FALSE(h.poll());
  CHECK(h.events.count("drift.resolved", "stranger") == 1);

  h.rules = free_rules({rule("ask", RequireApproval{})});
  h.rules_name = "rules 3 ";
  auto ann = wanted_as(*h.world.find("ann"));
  ann.fields.set(Field::phone, std::string{"+49"});
  h.want(ann);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(h.poll());
}

TEST_CASE("a plan looks closely where there is something to report, and leaves the quiet to the polls") {
  Calm h;
  h.world.add("stranger");
  CHECK_FALSE(h.poll());
  Ports ports{h.world, *h.store, h.clock, h.random, h.events, *h.in_doubt};
  Cycle plan{h.account, ports, "plan-1", Purpose::plan, h.rules_name};
  CHECK_FALSE(run(plan.glance(h.desired().revision)));
  const auto look = run(plan.look(h.desired(), h.rules, false, false));
  REQUIRE(look.judged);
  CHECK(look.judged->actions().size() == 1);
  plan.remember_quiet(look);
  CHECK(h.poll());
}

TEST_CASE("time alone can end the quiet: what expires, and a day") {
  Calm h;
  auto ann = wanted_as(*h.world.find("ann"));
  ann.valid_until = h.clock.now() + std::chrono::days{8};
  h.want(ann);
  CHECK_FALSE(h.poll());
  CHECK(h.poll());
  h.clock.advance(std::chrono::days{1});
  CHECK_FALSE(h.poll());  // once a day, whatever is the same
  h.clock.advance(std::chrono::days{6});
  CHECK_FALSE(h.poll());  // announced
  CHECK(h.look.judged->plan().notes.size() == 1);
  h.clock.advance(std::chrono::days{1});
  CHECK_FALSE(h.poll());
  CHECK(h.world.find("ann")->fields.flag(Field::enabled) == false);
}

TEST_CASE("a clock that was set back, and a note that is garbage, are no reason to look away") {
  Calm h;
  const auto text = *h.store->load_quiet(h.account.id);
  auto quiet = quiet_from_text(text);
  REQUIRE(quiet);
  CHECK(to_text(*quiet) == text);
  quiet->until = h.clock.now() + std::chrono::days{3};
  h.store->save_quiet(h.account.id, to_text(*quiet));
  CHECK_FALSE(h.poll());
  CHECK(h.poll());
  for (const std::string bad :
       {"", "null", "[]", "{}", R"({"list":[["a"]]})", R"({"list":[["a",1]],"settings":"x"})"}) {
    h.store->save_quiet(h.account.id, bad);
    CHECK_FALSE(h.poll());
  }
  CHECK(h.poll());
}

TEST_CASE("a list that was recognised is never taken for one that was read") {
  Listing listing;
  listing.recognised = true;
  CHECK_FALSE(believe(listing, Snapshot{}, Catalog{}, std::nullopt, "5500001").complete);
}

}  // namespace usersyncd::test
