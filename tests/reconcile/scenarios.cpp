#include "tests/reconcile/scenarios.hpp"

namespace usersyncd::test {
namespace {

/// Somebody who is there and wanted just as they are.
void settle_in(Harness& h, const std::string& username) {
  h.want(wanted_as(h.world.add(username)));
}

DesiredUser& entry(Harness& h, const std::string& username) {
  for (auto& user : h.desired().users) {
    if (user.username == username) return user;
  }
  throw std::logic_error("no entry of " + username);
}

void joiner(Harness& h) {
  h.converge();
  auto ann = wanted("ann");
  set_roles(ann, {"reporting"});
  h.want(ann);
}

void leaver(Harness& h) {
  settle_in(h, "ann");
  h.converge();
  h.want(wanted_absent("ann"));
}

void deleted_leaver(Harness& h) {
  h.rules = free_rules({rule("leavers", DeprovisionWay::remove)});
  leaver(h);
}

void field_drift(Harness& h) {
  settle_in(h, "ann");
  settle_in(h, "bob");
  h.converge();
  h.world.find("ann")->fields.set(Field::phone, "+19195559999");
  h.world.find("bob")->fields.set(Field::last_name, "Changed");
}

void role_change(Harness& h) {
  settle_in(h, "ann");
  h.converge();
  set_roles(entry(h, "ann"), {"ordering", "reporting"});
  h.world.find("ann")->fields.set(Field::roles, StringSet{"admin"});
}

void toggles(Harness& h) {
  settle_in(h, "ann");
  settle_in(h, "bob");
  h.converge();
  entry(h, "ann").fields.set(Field::enabled, false);
  h.world.find("bob")->fields.set(Field::enabled, false);
}

void edit_and_toggle(Harness& h) {
  settle_in(h, "ann");
  h.converge();
  entry(h, "ann").fields.set(Field::enabled, false);
  entry(h, "ann").fields.set(Field::last_name, "Miller");
}

void rename(Harness& h) {
  settle_in(h, "mary.jones");
  h.converge();
  auto mary = wanted_as(*h.world.find("mary.jones"));
  h.want_no_more("mary.jones");
  mary.username = "mary.smith";
  mary.previously = {"mary.jones"};
  mary.fields.set(Field::last_name, "Smith");
  h.want(mary);
}

void twelve(Harness& h) {
  const std::vector<std::string> names{"u01", "u02", "u03", "u04", "u05", "u06", "u07", "u08"};
  for (const auto& name : names) settle_in(h, name);
  h.converge();
  for (const auto* name : {"u01", "u02"}) h.want(wanted_absent(name));
  for (const auto* name : {"u03", "u04"}) entry(h, name).fields.set(Field::first_name, "Edited");
  h.world.find("u05")->fields.set(Field::email, "clicked@example.com");
  set_roles(entry(h, "u06"), {"ordering"});
  h.world.find("u07")->fields.set(Field::enabled, false);
  for (const auto* name : {"v01", "v02", "v03"}) h.want(wanted(name));
}

// So many creates that one list verifies them all.
void many_joiners(Harness& h) {
  h.converge();
  for (char c = 'a'; c <= 'i'; ++c) h.want(wanted(std::string{"new-"} + c));
}

void thin_list(Harness& h) {
  h.world.hidden = of_thin_list;
  h.account.capabilities.list_is_full = false;
  role_change(h);
  h.want(wanted("zoe"));
}

}  // namespace

std::vector<Scenario> all_scenarios() {
  return {{"joiner", joiner},
          {"leaver", leaver},
          {"deleted leaver", deleted_leaver},
          {"field drift", field_drift},
          {"role change", role_change},
          {"toggles", toggles},
          {"edit and toggle", edit_and_toggle},
          {"rename", rename},
          {"twelve users", twelve},
          {"many joiners", many_joiners},
          {"thin list", thin_list}};
}

}  // namespace usersyncd::test
