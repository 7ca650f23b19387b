#include "tests/reconcile/harness.hpp"

// Where an account ends depends on what is wanted last, not on the way there.

namespace usersyncd::test {
namespace {

constexpr int states = 3;

/// What is wanted of five people, each time of the same fields.
std::vector<DesiredUser> random_wishes(FakeRandom& dice) {
  std::vector<DesiredUser> wishes;
  const std::vector<std::string> names{"ann", "bob", "cid", "dee", "eve"};
  for (const auto& name : names) {
    if (dice.uniform() < 0.25) {
      wishes.push_back(wanted_absent(name));
      continue;
    }
    auto entry = wanted(name);
    entry.fields.set(Field::enabled, dice.uniform() < 0.7);
    entry.fields.set(Field::last_name, dice.uniform() < 0.5 ? "Doe" : "Miller");
    set_roles(entry, dice.uniform() < 0.5 ? StringSet{"ordering"} : StringSet{"ordering", "reporting"});
    wishes.push_back(entry);
  }
  return wishes;
}

void live_at_first(Harness& h, FakeRandom dice) {
  for (const auto* name : {"ann", "bob", "cid"}) {
    auto& user = h.world.add(name);
    user.fields.set(Field::enabled, dice.uniform() < 0.5);
    user.fields.set(Field::last_name, "Old");
  }
}

// Who is to be gone is gone or disabled; of the others, everything that is managed.
std::string outcome_for(const Harness& h, const std::vector<DesiredUser>& wishes) {
  std::string text;
  for (const auto& entry : wishes) {
    const auto user = h.world.users.find(key_of(entry.username));
    const bool there = user != h.world.users.end();
    text += entry.username + ":";
    if (entry.absent) {
      text += there && user->second.fields.flag(Field::enabled) != false ? " still there" : " gone";
    } else {
      for (Field field : {Field::enabled, Field::last_name, Field::roles}) {
        text += there ? " " + show(*user->second.fields.get(field)) : " missing";
      }
    }
    text += '\n';
  }
  return text;
}

}  // namespace

TEST_CASE("reconcile: by whatever way, the last desired state comes out as if it had been the first") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    FakeRandom dice;
    for (unsigned i = 0; i < 7 * seed; ++i) dice.uniform();
    Harness winding, straight;
    live_at_first(winding, dice);
    live_at_first(straight, dice);
    std::vector<DesiredUser> wishes;
    for (int i = 0; i < states; ++i) {
      wishes = random_wishes(dice);
      for (const auto& entry : wishes) winding.want(entry);
      // Not every state gets the time to come about.
      if (dice.uniform() < 0.7) winding.converge();
    }
    winding.converge();
    for (const auto& entry : wishes) straight.want(entry);
    straight.converge();
    CHECK(outcome_for(winding, wishes) == outcome_for(straight, wishes));
    winding.check_invariants();
  }
}

}  // namespace usersyncd::test
