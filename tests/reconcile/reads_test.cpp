#include "tests/reconcile/harness.hpp"

// What the cycle makes of what it reads, one accident at a time.

namespace usersyncd::test {
namespace {

constexpr Duration a_minute{60'000};

void next_minute(Harness& h) {
  h.clock.advance(a_minute);
  h.cycle();
}

/// Ann and Bob are there, wanted as they are, and known.
struct WithTwo : Harness {
  WithTwo() {
    for (const auto* name : {"ann", "bob"}) want(wanted_as(world.add(name)));
    converge();
    world.calls.clear();
    clock.advance(a_minute);
  }
};

}  // namespace

TEST_CASE("A1: a look-up that fails in a cycle keeps everybody's access in it") {
  WithTwo h;
  h.want(wanted_absent("ann"));
  h.world.unlisted = {"bob"};
  h.world.faults = [](const Call& call, std::size_t) {
    return call.kind == Call::Kind::read && call.key == "bob" ? Fault::server_error : Fault::none;
  };
  for (int i = 0; i < 4; ++i) next_minute(h);
  CHECK(h.world.writes() == 0);
  REQUIRE(h.judged("ann"));
  CHECK(h.judged("ann")->verdict == Verdict::deferred);
  h.world.faults = nullptr;
  h.converge();
  CHECK(h.world.count(Call::Kind::update) == 1);
  CHECK(h.world.count(Call::Kind::create) == 0);
}

TEST_CASE("A1: a listed user who is not found by themselves keeps everybody's access in that cycle") {
  WithTwo h;
  h.want(wanted_absent("ann"));
  h.world.hidden = of_thin_list;
  h.account.capabilities.list_is_full = false;
  h.world.invisible = {"bob"};
  auto bob = wanted_as(*h.world.find("bob"));
  bob.fields.set(Field::phone, "+1555");
  h.want(bob);
  next_minute(h);
  CHECK(h.world.writes() == 0);
  REQUIRE(h.judged("ann"));
  CHECK(h.judged("ann")->verdict == Verdict::deferred);
  h.world.invisible.clear();
  h.converge();
  CHECK(h.world.writes() == 2);
}

TEST_CASE("A1: nothing is written in a cycle whose list or catalogue failed") {
  for (const auto kind : {Call::Kind::list, Call::Kind::catalog}) {
    WithTwo h;
    h.want(wanted_absent("ann"));
    h.want(wanted("new"));
    h.world.faults = [=](const Call& call, std::size_t) {
      return call.kind == kind ? Fault::server_error : Fault::none;
    };
    next_minute(h);
    CHECK(h.world.writes() == 0);
    CHECK(h.events.count("poll.failed") == 1);
    h.world.faults = nullptr;
    h.converge();
    CHECK(h.world.writes() == 2);
  }
}

TEST_CASE("A2 A3: a list with a fault, or an empty one, changes nothing and is told") {
  WithTwo h;
  h.want(wanted("new"));
  h.world.list_faults = {"page 2 failed"};
  next_minute(h);
  h.world.list_faults.clear();
  h.world.stale_list = std::vector<User>{};
  next_minute(h);
  CHECK(h.world.writes() == 0);
  CHECK(h.events.count("poll.incomplete") == 2);
  CHECK(h.store->load_snapshot(h.account.id).size() == 3);
}

TEST_CASE(
    "A32: whom a look finds after an unanswered create is remembered, though the same poll's list lacks "
    "them") {
  WithTwo h;
  h.want(wanted("new"));
  h.world.faults = [](const Call& call, std::size_t) {
    return call.kind == Call::Kind::create ? Fault::timeout_after : Fault::none;
  };
  next_minute(h);
  h.world.faults = nullptr;
  h.world.unlisted = {"new"};
  h.store->clear_backoff(h.account.id, "new");
  next_minute(h);
  CHECK(h.unresolved() == 0);
  CHECK(h.store->load_snapshot(h.account.id).contains("new"));
  for (int i = 0; i < 3; ++i) next_minute(h);
  CHECK(h.world.count(Call::Kind::create) == 1);
  h.world.unlisted.clear();
  h.converge();
  h.check_invariants();
}

TEST_CASE(
    "A69 A50: on a list that does not say who is enabled, whoever is taken out is disabled once, and again "
    "only "
    "if somebody enables them") {
  WithTwo h;
  h.world.hidden = {Field::enabled};
  h.account.capabilities.list_is_full = false;
  h.rules = free_rules({rule("unmanaged", UnmanagedWay::deprovision)});
  h.world.add("stranger");
  h.world.add("long.gone").fields.set(Field::enabled, false);
  h.converge();
  CHECK(h.world.writes() == 1);
  CHECK(h.world.find("stranger")->fields.flag(Field::enabled) == false);
  for (int i = 0; i < 3; ++i) {
    next_minute(h);
    CHECK_FALSE(h.judged("stranger"));
    CHECK_FALSE(h.judged("long.gone"));
  }
  CHECK(h.world.writes() == 1);
  h.world.find("long.gone")->fields.set(Field::enabled, true);
  h.converge();
  CHECK(h.world.writes() == 2);
  CHECK(h.world.find("long.gone")->fields.flag(Field::enabled) == false);

  h.world.find("long.gone")->fields.set(Field::enabled, true);
  h.world.faults = [](const Call& call, std::size_t) {
    return call.kind == Call::Kind::read ? Fault::server_error : Fault::none;
  };
  next_minute(h);
  CHECK_FALSE(h.judged("long.gone"));
  const auto& notes = h.look.judged->plan().notes;
  CHECK(std::any_of(notes.begin(), notes.end(), [](const Note& note) {
    return note.rule == unread_rule && note.username == "long.gone";
  }));
  CHECK(h.world.writes() == 2);
  h.world.faults = nullptr;
  h.converge();
  CHECK(h.world.writes() == 3);
}

TEST_CASE("A2 A6: an empty first list creates nobody until a person, or the rule, has accepted it") {
  for (const bool by_rule : {false, true}) {
    CAPTURE(by_rule);
    Harness h;
    h.world.users.clear();
    h.want(wanted("ann"));
    if (by_rule) {
      Shrink patient;
      patient.confirm_after = 2;
      h.rules = free_rules({rule("believable-list", patient)});
    }
    h.cycle();
    CHECK(h.world.writes() == 0);
    REQUIRE(h.judged("ann"));
    CHECK(h.judged("ann")->verdict == Verdict::approval);
    CHECK(h.judged("ann")->rules == std::vector<std::string>{"believable-list"});
    const auto asked = h.store->list_approvals(h.account.id);
    REQUIRE(asked.size() == 1);  // the list as a whole, not each create
    next_minute(h);
    CHECK(h.world.writes() == 0);
    if (!by_rule) {
      for (int i = 0; i < 3; ++i) next_minute(h);
      CHECK(h.world.writes() == 0);
      ApprovalDecision decision;
      decision.action = asked.front().action;
      decision.approved = true;
      decision.actor = "somebody";
      decision.expires_at = h.clock.now() + std::chrono::hours{1};
      h.store->decide(decision, h.clock.now());
      // Accepted is accepted, though nothing could be done at once.
      h.account.enforce = false;
      next_minute(h);
      h.clock.advance(std::chrono::hours{2});
      h.account.enforce = true;
    }
    h.converge();
    CHECK(h.world.count(Call::Kind::create) == 2);
    h.check_invariants();
  }
}

TEST_CASE("A2: an account in which nobody is wanted may be empty, which accepts nothing for later") {
  Harness h;
  h.world.users.clear();
  h.want_no_more("boss");
  next_minute(h);
  CHECK(h.events.count("poll.ok") == 1);
  CHECK(h.store->list_approvals(h.account.id).empty());
  h.want(wanted("ann"));
  next_minute(h);
  CHECK(h.world.writes() == 0);
  CHECK(h.store->list_approvals(h.account.id).size() == 1);
}

TEST_CASE("A4: who is missing from one list is not forgotten, and their drift is not taken for resolved") {
  WithTwo h;
  h.world.add("stranger");
  next_minute(h);
  CHECK(h.events.count("drift.detected", "stranger") == 1);
  h.world.unlisted = {"stranger"};
  next_minute(h);
  CHECK(h.store->known_user(h.account.id, "stranger"));
  CHECK(h.events.count("drift.resolved", "stranger") == 0);
  next_minute(h);
  CHECK_FALSE(h.store->known_user(h.account.id, "stranger"));
  CHECK(h.events.count("drift.resolved", "stranger") == 1);
}

TEST_CASE("drift in a field that the provider does not have is over when it is wanted no more") {
  Harness h;
  h.account.capabilities.lacking = {Field::phone};
  auto& ann = h.world.add("ann");
  ann.fields.erase(Field::phone);
  auto entry = wanted_as(ann);
  entry.fields.set(Field::phone, "+1555");
  h.want(entry);
  h.cycle();
  CHECK(h.events.count("drift.detected", "ann") == 1);
  entry.fields.erase(Field::phone);
  h.want(entry);
  next_minute(h);
  CHECK(h.events.count("drift.resolved", "ann") == 1);
  CHECK(h.store->load_drift(h.account.id).empty());
}

TEST_CASE("reconcile: a known user whom the list lacks is looked up, not created again") {
  WithTwo h;
  h.world.unlisted = {"ann"};
  for (int i = 0; i < 4; ++i) next_minute(h);
  CHECK(h.world.writes() == 0);
  h.want(wanted_absent("ann"));
  next_minute(h);
  CHECK(h.world.count(Call::Kind::update) == 1);
}

TEST_CASE("reconcile: a known user who was renamed at the provider is not created a second time") {
  WithTwo h;
  auto renamed = *h.world.find("ann");
  renamed.username = "ann.new";
  renamed.fields.set(Field::email, "another@example.com");
  h.world.users.erase("ann");
  h.world.users["ann.new"] = renamed;
  for (int i = 0; i < 4; ++i) next_minute(h);
  CHECK(h.world.writes() == 0);
  REQUIRE(h.judged("ann"));
  CHECK(h.judged("ann")->verdict == Verdict::deferred);
  h.want_no_more("ann");
  auto entry = wanted_as(renamed);
  entry.previously = {"ann"};
  h.want(entry);
  h.converge();
  next_minute(h);
  CHECK(h.world.writes() == 0);
  CHECK_FALSE(h.store->known_user(h.account.id, "ann"));
}

TEST_CASE("reconcile: an old list after a create or an edit undoes nothing and sends nothing") {
  WithTwo h;
  std::vector<User> old;
  for (const auto& [key, user] : h.world.users) old.push_back(user);
  h.want(wanted("new"));
  auto ann = wanted_as(*h.world.find("ann"));
  ann.fields.set(Field::last_name, "Miller");
  h.want(ann);
  h.converge();
  const auto writes = h.world.writes();
  h.world.stale_list = old;
  for (int i = 0; i < 3; ++i) next_minute(h);
  CHECK(h.world.writes() == writes);
  CHECK(h.world.find("new"));
}

TEST_CASE("A45: with the same desired state, an edit behind our back is reported within one cycle") {
  WithTwo h;
  h.account.enforce = false;
  h.world.find("ann")->fields.set(Field::phone, "+1");
  h.cycle();
  CHECK(h.events.count("drift.detected", "ann") == 1);
  next_minute(h);
  CHECK(h.events.count("drift.detected", "ann") == 1);
  CHECK(h.world.writes() == 0);
}

TEST_CASE("A46: what is remembered is never the live side of a plan") {
  for (const bool thin : {false, true}) {
    CAPTURE(thin);
    WithTwo h;
    if (thin) h.world.hidden = of_thin_list;
    h.account.capabilities.list_is_full = !thin;
    h.account.item_reads = 0;
    run_raw(h.file.path(), "UPDATE snapshot SET fields = replace(fields, '+19195550000', '+49')");
    next_minute(h);
    REQUIRE(h.look.judged);
    CHECK(h.look.judged->actions().empty());
    CHECK(h.world.writes() == 0);
  }
}

TEST_CASE("A50: after random drift and convergence the next cycle writes nothing and says nothing new") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Harness h;
    FakeRandom dice;
    for (unsigned i = 0; i < seed; ++i) dice.uniform();
    for (int i = 0; i < 6; ++i) h.want(wanted_as(h.world.add("u" + std::to_string(i))));
    h.converge();
    for (auto& [key, user] : h.world.users) {
      if (key == "boss") continue;
      if (dice.uniform() < 0.5)
        user.fields.set(Field::phone, "+1919555" + std::to_string(int(dice.uniform() * 9)));
      if (dice.uniform() < 0.3) user.fields.set(Field::enabled, dice.uniform() < 0.5);
      if (dice.uniform() < 0.3) user.fields.set(Field::roles, StringSet{"admin", "reporting"});
    }
    h.clock.advance(a_minute);
    h.converge();
    h.check_invariants();
  }
}

}  // namespace usersyncd::test
