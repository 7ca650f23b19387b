#include <algorithm>
#include <type_traits>

#include "tests/reconcile/scenarios.hpp"

// The write protocol, one accident at a time.

namespace usersyncd::test {
namespace {

using Kind = ActionResult::Kind;

constexpr Duration a_minute{60'000};

/// Ann is there, wanted as she is, and known.
struct WithAnn : Harness {
  WithAnn() {
    want(wanted_as(world.add("ann")));
    converge();
    world.calls.clear();
    clock.advance(a_minute);
  }
  User& ann() { return *world.find("ann"); }
  void want_ann(Field field, Value value) {
    auto entry = wanted_as(ann());
    entry.fields.set(field, std::move(value));
    want(entry);
  }
};

std::function<Fault(const Call&, std::size_t)> on(Call::Kind kind, Fault fault) {
  return [=](const Call& call, std::size_t) { return call.kind == kind ? fault : Fault::none; };
}

}  // namespace

TEST_CASE("A19 A20: only a judged plan makes permits, and no write of a provider takes anything else") {
  static_assert(!std::is_default_constructible_v<Permit>);
  static_assert(!std::is_constructible_v<Permit, const Action&>);
  static_assert(!std::is_copy_constructible_v<Permit>);
  static_assert(!std::is_constructible_v<JudgedPlan, Plan, std::vector<JudgedAction>>);
  static_assert(!std::is_default_constructible_v<JudgedPlan>);
  static_assert(!std::is_invocable_v<decltype(&World::remove), World&, const Action&, ExchangeContext>);
  static_assert(std::is_invocable_v<decltype(&World::remove), World&, const Permit&, ExchangeContext>);
  WithAnn h;
  h.rules = free_rules({rule("nobody-goes", Deny{})});
  h.want(wanted_absent("ann"));
  h.cycle();
  REQUIRE(h.judged("ann"));
  CHECK_FALSE(h.look.judged->permit(0));
  CHECK(h.world.writes() == 0);
}

TEST_CASE("A14: as many actions of each class are carried out as were permitted") {
  for (const auto& scenario : all_scenarios()) {
    CAPTURE(scenario.name);
    Harness h;
    scenario.begin(h);
    h.cycle();
    std::map<Operation, std::size_t> permitted, executed;
    for (const auto& judged : h.look.judged->actions()) {
      if (judged.verdict == Verdict::apply) ++permitted[judged.action.operation];
    }
    for (const auto& step : h.acted.steps) {
      if (step.result.kind == Kind::applied) ++executed[step.judged->action.operation];
    }
    CHECK(executed == permitted);
  }
}

TEST_CASE("A22: a write that is answered with success and not done is no success, and is reported") {
  WithAnn h;
  h.want_ann(Field::last_name, "Miller");
  h.world.faults = on(Call::Kind::update, Fault::ignored);
  h.cycle();
  REQUIRE(h.result_of("ann"));
  CHECK(h.result_of("ann")->kind == Kind::unverified);
  CHECK(h.events.count("action.unverified", "ann") == 1);
  h.world.faults = nullptr;
  h.clock.advance(a_minute);
  h.converge();
  CHECK(*h.ann().fields.text(Field::last_name) == "Miller");
}

TEST_CASE("A26: one user that always fails does not keep the others from converging, and backs off") {
  Harness h;
  for (char c = 'a'; c <= 'z'; ++c) h.want(wanted(std::string{"u-"} + c));
  h.world.faults = [](const Call& call, std::size_t) {
    return is_write(call.kind) && call.key == "u-m" ? Fault::refused : Fault::none;
  };
  for (int i = 0; i < 10; ++i) {
    h.cycle();
    h.clock.advance(a_minute);
  }
  CHECK(h.world.users.size() == 26);
  const auto tries = std::count_if(h.world.calls.begin(), h.world.calls.end(),
                                   [](const Call& call) { return is_write(call.kind) && call.key == "u-m"; });
  CHECK(tries >= 2);
  CHECK(tries <= 5);
}

TEST_CASE("a create is read back by the id that its answer tells, where nothing else finds a user") {
  for (const bool by_list : {false, true}) {
    CAPTURE(by_list);
    Harness h;
    h.world.by_id_only = true;
    h.account.capabilities.reads_by_name = false;
    h.account.capabilities.list_is_full = by_list;
    h.converge();
    h.world.unlisted = {"ann"};  // yet: so that a list cannot have told the id
    for (const char* name : {"ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal"}) h.want(wanted(name));
    h.cycle();
    REQUIRE(h.result_of("ann"));
    CHECK(h.result_of("ann")->kind == Kind::applied);
    CHECK(h.unresolved() == 0);
  }
}

TEST_CASE("the id that the answer to a create told finds the user in later polls, too") {
  Harness h;
  h.world.by_id_only = true;
  h.account.capabilities.reads_by_name = false;
  h.converge();
  h.world.unlisted = h.world.invisible = {"ann"};
  h.want(wanted("ann"));
  h.cycle();
  CHECK(h.unresolved() == 1);
  h.world.invisible.clear();  // the list is older still
  h.clock.advance(3 * h.account.visibility_grace);
  h.cycle();
  CHECK(h.unresolved() == 0);
  CHECK(h.world.count(Call::Kind::create) == 1);
}

TEST_CASE("a create is read back by name where what its answer told is no id") {
  Harness h;
  h.converge();
  h.world.told_id = "ann";
  h.want(wanted("ann"));
  h.cycle();
  REQUIRE(h.result_of("ann"));
  CHECK(h.result_of("ann")->kind == Kind::applied);
}

TEST_CASE("A26: usernames that are taken stop nobody else where nobody can be asked for by name") {
  Harness h;
  h.world.by_id_only = true;
  h.account.capabilities.reads_by_name = false;
  h.account.max_in_flight = 1;
  h.converge();
  for (const char* name : {"bob", "cid", "dan", "eve", "fay", "zoe"}) h.want(wanted(name));
  h.world.faults = [](const Call& call, std::size_t) {
    return call.kind == Call::Kind::create && call.key != "zoe" ? Fault::conflict : Fault::none;
  };
  h.cycle();
  REQUIRE(h.result_of("bob"));
  CHECK(h.result_of("bob")->kind == Kind::failed);
  CHECK(h.unresolved() == 0);
  CHECK(h.world.find("zoe"));
}

TEST_CASE("a create whose answer got lost is resolved by the list where nothing else finds a user") {
  for (const bool done : {false, true}) {
    CAPTURE(done);
    Harness h;
    h.world.by_id_only = true;
    h.account.capabilities.reads_by_name = false;
    h.converge();
    h.want(wanted("ann"));
    bool first = true;
    h.world.faults = [&](const Call& call, std::size_t) {
      const bool lost = call.kind == Call::Kind::create && std::exchange(first, false);
      return !lost ? Fault::none : done ? Fault::timeout_after : Fault::timeout_before;
    };
    h.cycle();
    CHECK(h.unresolved() == 1);
    h.clock.advance(2 * h.account.request_timeout);
    h.cycle();
    CHECK(h.unresolved() == (done ? 0 : 1));  // a list may be stale: nothing is sent again yet
    CHECK(h.world.count(Call::Kind::create) == 1);
    h.clock.advance(h.account.visibility_grace);
    h.converge();
    CHECK(h.world.history() == "ann +1 -0\n");
    CHECK(h.unresolved() == 0);
  }
}

TEST_CASE("A26: a user that backs off is tried at once when what is wanted of them has changed") {
  WithAnn h;
  h.want_ann(Field::last_name, "Miller");
  h.world.faults = on(Call::Kind::update, Fault::refused);
  h.cycle();
  CHECK(h.world.count(Call::Kind::update) == 1);
  h.clock.advance(Duration{5000});
  h.cycle();
  CHECK(h.world.count(Call::Kind::update) == 1);
  h.want_ann(Field::last_name, "Mills");
  h.cycle();
  CHECK(h.world.count(Call::Kind::update) == 2);
  h.clock.advance(Duration{5000});
  h.cycle();
  CHECK(h.world.count(Call::Kind::update) == 2);
}

TEST_CASE("A30: an ambiguous create is resolved by looking, at once or within two cycles") {
  for (const bool done : {false, true}) {
    CAPTURE(done);
    Harness h;
    h.converge();
    h.want(wanted("ann"));
    bool first = true;
    h.world.faults = [&](const Call& call, std::size_t) {
      if (call.kind == Call::Kind::create && std::exchange(first, false)) {
        return done ? Fault::timeout_after : Fault::timeout_before;
      }
      // And the look right after it fails, too.
      return h.world.calls.size() > 1 && call.kind == Call::Kind::read && !call.context.action.empty() &&
                     !done
                 ? Fault::server_error
                 : Fault::none;
    };
    h.cycle();
    CHECK(h.unresolved() == (done ? 0 : 1));
    h.world.faults = nullptr;
    h.clock.advance(Duration{1000});
    h.cycle();
    CHECK(h.world.count(Call::Kind::create) == 1);  // too early to send it again
    h.clock.advance(2 * a_minute);
    h.cycle();
    CHECK(h.unresolved() == 0);
    CHECK(h.converge() <= 2);
    CHECK(h.world.history() == "ann +1 -0\n");
  }
}

TEST_CASE("A31: sixteen at once, and never two writes on one user") {
  Harness h;
  h.account.max_in_flight = 16;
  for (int i = 0; i < 40; ++i) {
    const auto name = "u" + std::to_string(100 + i);
    auto& live = h.world.add(name);
    h.want(wanted_as(live));
  }
  h.converge();
  for (auto& [key, user] : h.world.users) {
    if (key == "boss") continue;
    user.fields.set(Field::last_name, "Clicked");
    user.fields.set(Field::enabled, false);
  }
  h.cycle();
  CHECK(h.world.most_at_once == 16);
  CHECK_FALSE(h.world.overlapped_on_a_user);
  h.converge();
  h.check_invariants();
}

TEST_CASE("A32: a user that is created and not visible yet is waited for, not created again") {
  Harness h;
  h.converge();
  h.want(wanted("ann"));
  h.world.unlisted = {"ann"};
  h.world.invisible = {"ann"};
  h.cycle();
  CHECK(h.unresolved() == 1);
  h.clock.advance(a_minute);
  h.cycle();
  CHECK(h.world.count(Call::Kind::create) == 1);
  h.world.invisible.clear();
  h.clock.advance(a_minute);
  h.cycle();
  CHECK(h.unresolved() == 0);
  h.world.unlisted.clear();
  h.converge();
  CHECK(h.world.count(Call::Kind::create) == 1);
}

TEST_CASE(
    "A32: who may be there and invisible is waited for as long after a restart and with the clock set") {
  Harness h;
  h.converge();
  h.want(wanted("ann"));
  h.world.unlisted = h.world.invisible = {"ann"};
  h.cycle();
  CHECK(h.unresolved() == 1);
  h.restart();
  h.clock.set_wall(std::chrono::minutes{50});
  h.cycle();
  h.clock.advance(h.account.visibility_grace - Duration{1});
  h.cycle();
  CHECK(h.world.count(Call::Kind::create) == 1);
  h.world.invisible.clear();
  h.world.unlisted.clear();
  h.converge();
  CHECK(h.unresolved() == 0);
  CHECK(h.world.history() == "ann +1 -0\n");
  CHECK(h.world.count(Call::Kind::create) == 1);
}

TEST_CASE(
    "A30 A32: where a taken username is not known to be refused, a lost create has to be visible first") {
  for (const bool made : {true, false}) {
    CAPTURE(made);
    Harness h;
    h.account.capabilities.unique_usernames = false;
    h.converge();
    h.want(wanted("ann"));
    h.world.unlisted = h.world.invisible = {"ann"};
    h.world.faults = on(Call::Kind::create, made ? Fault::timeout_after : Fault::timeout_before);
    h.cycle();
    CHECK(h.unresolved() == 1);
    h.world.faults = nullptr;
    h.clock.advance(2 * h.account.request_timeout + h.account.visibility_grace - Duration{1});
    h.cycle();
    CHECK(h.world.count(Call::Kind::create) == 1);
    h.world.invisible.clear();
    h.world.unlisted.clear();
    h.clock.advance(Duration{1});
    h.converge();
    CHECK(h.world.count(Call::Kind::create) == (made ? 1 : 2));
    CHECK(h.world.history() == "ann +1 -0\n");
  }
}

TEST_CASE("A31: an unanswered update that reads as done may arrive still, and nothing is written over it") {
  for (const bool in_a_later_poll : {false, true}) {
    CAPTURE(in_a_later_poll);
    WithAnn h;
    h.want_ann(Field::last_name, "Miller");
    h.world.faults = on(Call::Kind::update, Fault::timeout_before);
    const auto somebody_does_it = [&] { h.ann().fields.set(Field::last_name, std::string{"Miller"}); };
    h.world.before_call = [&](const Call& call) {
      if (call.kind == Call::Kind::read && h.world.writes() == 1 && !in_a_later_poll) somebody_does_it();
    };
    h.cycle();
    h.world.faults = nullptr;
    h.world.before_call = nullptr;
    CHECK(h.unresolved() == (in_a_later_poll ? 1 : 0));
    if (in_a_later_poll) somebody_does_it();
    h.want_ann(Field::last_name, "Mills");
    h.cycle();
    CHECK(h.unresolved() == 0);
    CHECK(h.world.writes() == 1);
    REQUIRE(h.judged("ann"));
    CHECK(h.judged("ann")->action.must_wait.find("may arrive still") != std::string::npos);
    h.clock.advance(2 * h.account.request_timeout);
    h.converge();
    CHECK(h.world.writes() == 2);
    h.check_invariants();
  }
}

TEST_CASE("A42: what somebody else changed since the plan is planned anew, without a write") {
  WithAnn h;
  h.want_ann(Field::last_name, "Miller");
  h.world.before_call = [&](const Call& call) {
    if (call.kind == Call::Kind::read) h.ann().fields.set(Field::last_name, "Smith");
  };
  h.cycle();
  REQUIRE(h.result_of("ann"));
  CHECK(h.result_of("ann")->kind == Kind::changed);
  CHECK(h.world.writes() == 0);
  h.world.before_call = nullptr;
  h.converge();
  CHECK(*h.ann().fields.text(Field::last_name) == "Miller");
}

TEST_CASE("reconcile: an update leaves alone what somebody else changes in other fields meanwhile") {
  WithAnn h;
  auto entry = wanted("ann");
  entry.fields.set(Field::last_name, "Miller");
  h.want(entry);
  h.world.before_call = [&](const Call& call) {
    if (call.kind == Call::Kind::read) h.ann().fields.set(Field::phone, "+19195557777");
  };
  h.cycle();
  CHECK(*h.ann().fields.text(Field::last_name) == "Miller");
  CHECK(*h.ann().fields.text(Field::phone) == "+19195557777");
}

TEST_CASE(
    "A51: a value that the provider overrides three times running is left alone, until another is wanted") {
  WithAnn h;
  h.want_ann(Field::last_name, "van Dyck");
  h.world.normalize = [](User& user) {
    if (*user.fields.text(Field::last_name) == "van Dyck") user.fields.set(Field::last_name, "Van Dyck");
  };
  h.converge();
  CHECK(h.world.count(Call::Kind::update) == 3);
  REQUIRE(h.judged("ann"));
  CHECK(h.judged("ann")->verdict == Verdict::report);
  h.check_invariants();
  h.want_ann(Field::last_name, "Dyck");
  h.converge();
  CHECK(*h.ann().fields.text(Field::last_name) == "Dyck");
}

TEST_CASE("A51: a leaver whom the provider does not disable is left to a person, until wanted anew") {
  WithAnn h;
  h.want(wanted_absent("ann"));
  h.world.faults = on(Call::Kind::update, Fault::ignored);
  h.converge();
  CHECK(h.world.count(Call::Kind::update) == 3);
  REQUIRE(h.judged("ann"));
  CHECK(h.judged("ann")->verdict == Verdict::manual);
  CHECK(h.judged("ann")->rules == std::vector<std::string>{"provider-overrides"});
  CHECK(h.judged("ann")->action.reason.ends_with("times running: disable the user in the provider's portal"));
  h.world.faults = nullptr;
  h.converge();
  CHECK(h.ann().fields.flag(Field::enabled) == true);
  h.want(wanted("ann"));
  h.converge();
  h.want(wanted_absent("ann"));
  h.converge();
  CHECK(h.ann().fields.flag(Field::enabled) == false);
  h.check_invariants();
}

TEST_CASE("A51: a role that leaves the catalogue for a moment starts no new count of what is overridden") {
  WithAnn h;
  const std::string kept = "r1", lost = "r2";
  h.world.catalog.roles = std::vector<Role>{{kept, "Day"}, {lost, "Night"}};
  const auto all = h.world.catalog;
  h.ann().fields.set(Field::roles, StringSet{kept});
  auto entry = wanted("ann");
  set_roles(entry, {kept, lost});
  h.want(entry);
  h.world.normalize = [&](User& user) { user.fields.set(Field::roles, StringSet{kept}); };
  for (int i = 0; i < 12; ++i, h.clock.advance(std::chrono::hours{1})) h.cycle();
  CHECK(h.world.count(Call::Kind::update) == 3);
  h.world.catalog.roles->pop_back();
  h.cycle();
  h.clock.advance(std::chrono::hours{1});
  h.world.catalog = all;
  for (int i = 0; i < 3; ++i, h.clock.advance(std::chrono::hours{1})) h.cycle();
  CHECK(h.world.count(Call::Kind::update) == 3);
}

TEST_CASE("A51: a value that came out right in between has not been overridden three times running") {
  WithAnn h;
  h.want_ann(Field::last_name, "Miller");
  h.world.faults = on(Call::Kind::update, Fault::ignored);
  h.cycle();
  h.clock.advance(a_minute);
  h.cycle();
  h.ann().fields.set(Field::last_name, "Miller");
  h.clock.advance(a_minute);
  h.cycle();
  h.ann().fields.set(Field::last_name, "Clicked");
  h.clock.advance(a_minute);
  h.cycle();
  CHECK(h.world.count(Call::Kind::update) == 3);
  h.world.faults = nullptr;
  h.clock.advance(a_minute);
  h.converge();
  CHECK(*h.ann().fields.text(Field::last_name) == "Miller");
}

TEST_CASE(
    "A56: whom we deleted is not created again on the word of the same entry, but on that of an edited one") {
  WithAnn h;
  h.rules = free_rules({rule("leavers", DeprovisionWay::remove)});
  h.want(wanted_absent("ann"));
  h.converge();
  CHECK_FALSE(h.world.find("ann"));
  CHECK(h.store->tombstones(h.account.id).contains("ann"));
  h.want(wanted("ann"));
  h.converge();
  CHECK(h.world.find("ann"));
  CHECK(h.world.history() == "ann +1 -1\n");
}

TEST_CASE("reconcile: an update or a delete that may still arrive is not sent again before it had its time") {
  for (const bool removes : {false, true}) {
    CAPTURE(removes);
    WithAnn h;
    if (removes) h.rules = free_rules({rule("leavers", DeprovisionWay::remove)});
    if (removes)
      h.want(wanted_absent("ann"));
    else
      h.want_ann(Field::last_name, "Miller");
    h.world.faults = on(removes ? Call::Kind::remove : Call::Kind::update, Fault::timeout_before);
    h.cycle();
    CHECK(h.unresolved() == 1);
    h.world.faults = nullptr;
    h.clock.advance(Duration{1000});
    h.cycle();
    CHECK(h.world.writes() == 1);
    if (removes) h.world.users.erase("ann");  // now it arrives
    h.clock.advance(2 * a_minute);
    h.converge();
    CHECK(h.world.writes() == (removes ? 1 : 2));
    CHECK(h.store->tombstones(h.account.id).contains("ann") == removes);
  }
}

TEST_CASE(
    "A30: a create that may still arrive is not sent again because the process died or the clock was set") {
  enum class Death { none, before_the_answer, after_it };
  for (const auto death : {Death::none, Death::before_the_answer, Death::after_it}) {
    for (const Duration set : {std::chrono::minutes{50}, -std::chrono::minutes{180}}) {
      CAPTURE(static_cast<int>(death));
      CAPTURE(set.count());
      Harness h;
      h.want(wanted("ann"));
      const bool dies = death == Death::before_the_answer;
      h.world.faults = on(Call::Kind::create, dies ? Fault::crash_before : Fault::timeout_before);
      if (dies)
        CHECK_THROWS_AS(h.cycle(), SimulatedCrash);
      else
        h.cycle();
      h.world.faults = nullptr;
      if (death != Death::none) h.restart();
      if (death == Death::after_it) h.clock.set_wall(set);
      h.cycle();
      if (death != Death::after_it) h.clock.set_wall(set);
      h.clock.advance(h.account.request_timeout);
      h.cycle();
      CHECK(h.unresolved() == 1);
      CHECK(h.world.count(Call::Kind::create) == 1);
      // A clock that was set back keeps nobody waiting, either.
      h.clock.advance(h.account.visibility_grace);
      h.cycle();
      CHECK(h.world.count(Call::Kind::create) == 2);
      CHECK(h.world.history() == "ann +1 -0\n");
    }
  }
}

TEST_CASE("reconcile: a pause or a stop in the middle of a run lets no further write leave") {
  for (const bool pauses : {false, true}) {
    CAPTURE(pauses);
    Harness h;
    h.account.max_in_flight = 1;
    for (char c = 'a'; c <= 'f'; ++c) h.want(wanted(std::string{"u-"} + c));
    h.world.before_call = [&](const Call& call) {
      if (call.kind != Call::Kind::create || call.key != "u-b") return;
      Pause pause;
      pause.actor = "ann";
      if (pauses) h.store->pause(pause);
      if (!pauses) h.clock.stop();
    };
    h.cycle();
    CHECK(h.world.count(Call::Kind::create) == 2);
  }
}

TEST_CASE("reconcile: what could not be sent is left, not done, and the summary says so") {
  WithAnn h;
  h.want_ann(Field::last_name, "Miller");
  h.world.faults = on(Call::Kind::update, Fault::throttled);
  h.cycle();
  REQUIRE(h.result_of("ann"));
  CHECK(h.result_of("ann")->kind == Kind::held);
  CHECK(!h.acted.stopped.empty());
  CHECK(h.events.events.back().name == "cycle.summary");
  CHECK(h.events.events.back().reason.starts_with("degraded: 0 applied, 0 failed, 0 unverified, 1 left;"));
}

TEST_CASE("reconcile: what the provider does for nobody is for a person, and is tried once a day") {
  WithAnn h;
  h.rules = free_rules({rule("leavers", DeprovisionWay::remove)});
  h.want(wanted_as(h.world.add("bob")));
  h.converge();
  h.want(wanted_absent("ann"));
  h.world.faults = on(Call::Kind::remove, Fault::unsupported);
  const auto deletes = [&] { return h.world.count(Call::Kind::remove); };
  h.cycle();
  CHECK(h.result_of("ann")->kind == Kind::manual);
  CHECK(deletes() == 1);

  // Nobody else is tried, either, and the reason stays the same.
  h.want(wanted_absent("bob"));
  std::string reason;
  for (int i = 0; i < 3; ++i) {
    h.clock.advance(10 * a_minute);
    h.cycle();
    REQUIRE(h.judged("bob"));
    CHECK(h.judged("bob")->verdict == Verdict::manual);
    CHECK(h.judged("ann")->verdict == Verdict::manual);
    if (i > 0) CHECK(h.judged("ann")->reason == reason);
    reason = h.judged("ann")->reason;
  }
  CHECK(reason.find("cannot delete users") != std::string::npos);
  CHECK(reason.find("405") != std::string::npos);
  CHECK(deletes() == 1);

  h.clock.advance(std::chrono::hours{24});
  h.world.faults = nullptr;
  h.cycle();
  CHECK(deletes() == 3);
  CHECK(!h.world.find("ann"));
}

TEST_CASE("A13: how long somebody was disabled counts from a poll that was saved, not from each plan") {
  Harness h;
  h.rules = free_rules(
      {rule("leavers", DeprovisionWay::remove), rule("wait", DisabledFor{30 * 24 * 60 * a_minute})});
  h.world.add("ann").fields.set(Field::enabled, false);
  h.want(wanted_absent("ann"));
  h.cycle();
  REQUIRE(h.judged("ann"));
  CHECK(h.judged("ann")->verdict == Verdict::deferred);
  CHECK(h.judged("ann")->reason.find("not known to be disabled before this poll") != std::string::npos);
  h.clock.advance(a_minute);
  h.cycle();
  const auto reason = h.judged("ann")->reason;
  CHECK(reason.find("not before 20") != std::string::npos);
  h.clock.advance(a_minute);
  h.cycle();
  CHECK(h.judged("ann")->reason == reason);
}

TEST_CASE("the breaker is open for the rest of one run; then one write may try, and the state says so") {
  Harness h;
  for (char c = 'a'; c <= 'h'; ++c) h.want(wanted_as(h.world.add(std::string{c})));
  h.converge();
  for (char c = 'a'; c <= 'h'; ++c)
    h.world.find(std::string{c})->fields.set(Field::phone, std::string{"+49"});
  h.account.max_in_flight = 1;
  h.world.faults = [](const Call& call, std::size_t) {
    return is_write(call.kind) ? Fault::timeout_before : Fault::none;
  };
  const auto breaker = [&] { return h.store->load_state(h.account.id).breaker; };
  const auto poll = [&] {
    h.clock.advance(Duration{60'000});
    h.cycle();
  };
  poll();
  CHECK(breaker() == "open");
  CHECK(h.events.count("breaker.open") == 1);
  h.account.enforce = false;
  poll();
  CHECK(breaker() == "half-open");
  h.account.enforce = true;
  const auto tried = h.world.writes();
  for (int i = 0; i < 10 && h.world.writes() == tried; ++i) poll();
  CHECK(h.world.writes() == tried + 1);
  CHECK(breaker() == "open");
  CHECK(h.events.count("breaker.open") == 1);  // a try that failed is no news
  h.world.faults = nullptr;
  h.converge(40);
  CHECK(breaker() == "closed");
  CHECK(h.events.count("breaker.closed") == 1);
  h.check_invariants();
}

TEST_CASE("reconcile: creates that were announced together and not sent are closed as not done") {
  Harness h;
  h.account.max_in_flight = 1;
  for (char c = 'a'; c <= 'f'; ++c) h.want(wanted(std::string{"u-"} + c));
  // The pause comes while the rest of those that were announced wait for their turn.
  h.world.before_call = [&](const Call& call) {
    if (call.kind != Call::Kind::create || call.key != "u-b") return;
    Pause pause;
    pause.actor = "ann";
    h.store->pause(pause);
  };
  h.cycle();
  CHECK(h.world.count(Call::Kind::create) == 2);
  CHECK(h.unresolved() == 0);
  const auto intents = h.store->list_intents({});
  REQUIRE(intents.size() == 4);
  CHECK(intents[1].state == IntentState::done);
  for (const auto index : {2U, 3U}) {
    CHECK(intents[index].state == IntentState::not_done);
    CHECK(intents[index].message == "not sent: paused by ann");
  }
}

TEST_CASE("reconcile: the next creates are announced while the provider works on those before") {
  Harness h;
  h.account.max_in_flight = 2;
  for (char c = 'a'; c <= 'l'; ++c) h.want(wanted(std::string{"u-"} + c));
  std::vector<std::pair<std::string, std::size_t>> announced;  // when a create left
  h.world.before_call = [&](const Call& call) {
    if (call.kind == Call::Kind::create) announced.emplace_back(call.key, h.store->list_intents({}).size());
  };
  h.cycle();
  REQUIRE(announced.size() == 12);
  // Eight at once, and the rest ahead of need, by one that lets those go first that are ready.
  CHECK(announced[5] == std::pair<std::string, std::size_t>{"u-f", 8});
  CHECK(announced[6] == std::pair<std::string, std::size_t>{"u-h", 12});
  CHECK(announced[7] == std::pair<std::string, std::size_t>{"u-g", 12});
}

}  // namespace usersyncd::test
