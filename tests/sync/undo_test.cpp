#include "sync/undo.hpp"

#include "tests/sync/samples.hpp"

namespace usersyncd::test {
namespace {

PastWrite write_on(Operation operation, const std::string& username, std::optional<User> before,
                   std::optional<User> after) {
  PastWrite write;
  write.operation = operation;
  write.username = username;
  write.user_id = "id-" + username;
  write.before = std::move(before);
  write.after = std::move(after);
  return write;
}

User ann(const std::string& first_name, bool enabled = true) {
  return live("ann",
              {{Field::first_name, text(first_name)},
               {Field::enabled, Value{enabled}},
               {Field::roles, set({"r1", "r2"})}},
              "id-ann");
}

Observation seen(std::vector<User> users) {
  Observation observed;
  observed.account = "a1";
  observed.complete = true;
  observed.users = std::move(users);
  return observed;
}

}  // namespace

TEST_CASE("an update is turned into what the fields were, and only those that it changed") {
  const auto inverse = invert("a1", "run-1", {write_on(Operation::update, "ann", ann("Ann"), ann("Anna"))});
  REQUIRE(inverse.desired.users.size() == 1);
  const auto& back = inverse.desired.users[0];
  CHECK(back.fields == fields_of({{Field::first_name, text("Ann")}}));
  CHECK_FALSE(back.roles.has_value());
  CHECK_FALSE(back.absent);
  CHECK(back.place.text() == "run run-1");
  CHECK(inverse.desired.revision == "undo run-1");
  CHECK(inverse.desired.account == "a1");
  CHECK(inverse.impossible.empty());
}

TEST_CASE("several writes on one user count as one: each field as it was before the first that changed it") {
  auto roles_gone = ann("Anna");
  roles_gone.fields.set(Field::roles, set({"r1"}));
  // Images come from the plan, so each says of the other's field what it was before both.
  const auto both = invert("a1", "r",
                           {write_on(Operation::update, "ann", ann("Ann"), ann("Anna")),
                            write_on(Operation::disable, "ANN", ann("Ann"), ann("Ann", false))});
  REQUIRE(both.desired.users.size() == 1);
  CHECK(both.desired.users[0].fields ==
        fields_of({{Field::first_name, text("Ann")}, {Field::enabled, Value{true}}}));
  const auto thrice = invert("a1", "r",
                             {write_on(Operation::update, "ann", ann("Ann"), ann("Anna")),
                              write_on(Operation::update, "ann", ann("Anna"), ann("Annabel")),
                              write_on(Operation::update, "ann", ann("Annabel"), ann("Ann"))});
  REQUIRE(thrice.desired.users.size() == 1);
  CHECK(thrice.desired.users[0].fields == fields_of({{Field::first_name, text("Ann")}}));
}

TEST_CASE("who was created is to be gone; who was created and deleted again is nobody's concern") {
  const auto created = write_on(Operation::create, "ann", std::nullopt, ann("Ann"));
  const auto changed = write_on(Operation::update, "ann", ann("Ann"), ann("Anna"));
  const auto deleted = write_on(Operation::remove, "ann", ann("Anna"), std::nullopt);
  const auto gone = invert("a1", "r", {created, changed});
  REQUIRE(gone.desired.users.size() == 1);
  CHECK(gone.desired.users[0].absent);
  const auto nothing = invert("a1", "r", {created, changed, deleted});
  CHECK(nothing.desired.users.empty());
  CHECK(nothing.impossible.empty());
}

TEST_CASE("a delete, a write whose outcome is not known, and a field that was not recorded are named") {
  auto open = write_on(Operation::update, "bob", live("bob"), live("bob", {{Field::phone, text("1")}}));
  open.outcome = PastWrite::Outcome::unknown;
  const auto inverse =
      invert("a1", "r",
             {write_on(Operation::remove, "ann", ann("Ann"), std::nullopt), open,
              write_on(Operation::update, "cat", live("cat", {{Field::email, text("c@x")}}),
                       live("cat", {{Field::email, text("d@x")}, {Field::phone, text("1")}}))});
  REQUIRE(inverse.impossible.size() == 3);
  CHECK(inverse.impossible[0].username == "ann");
  CHECK(inverse.impossible[0].message.find("was deleted") != std::string::npos);
  CHECK(inverse.impossible[1].message.find("not known") != std::string::npos);
  CHECK(inverse.impossible[2].message.find("phone cannot be undone") == 0);
  REQUIRE(inverse.desired.users.size() == 1);
  CHECK(inverse.desired.users[0].fields == fields_of({{Field::email, text("c@x")}}));
}

TEST_CASE("what was changed since is left alone and named; what was put back already is not") {
  const std::vector<PastWrite> writes{write_on(Operation::update, "ann", ann("Ann"), ann("Anna"))};
  struct Since {
    std::string now;
    std::size_t left, named;
  };
  for (const auto& [now, left, named] : {Since{"Anna", 1, 0}, Since{"Annabel", 0, 1}, Since{"Ann", 0, 0}}) {
    const std::string shown = now;
    CAPTURE(shown);
    auto inverse = invert("a1", "r", writes);
    keep_possible(inverse, writes, seen({ann(now)}), {});
    CHECK(inverse.desired.users.size() == left);
    CHECK(inverse.impossible.size() == named);
  }
}

TEST_CASE("nobody is created by an undo, and another user of the same name is not touched") {
  const std::vector<PastWrite> writes{write_on(Operation::update, "ann", ann("Ann"), ann("Anna"))};
  auto gone = invert("a1", "r", writes);
  keep_possible(gone, writes, seen({}), {});
  CHECK(gone.desired.users.empty());
  REQUIRE(gone.impossible.size() == 1);
  auto found = invert("a1", "r", writes);
  keep_possible(found, writes, seen({}), {ann("Anna")});
  CHECK(found.desired.users.size() == 1);
  auto stranger = ann("Anna");
  stranger.user_id = "id-other";
  auto other = invert("a1", "r", writes);
  keep_possible(other, writes, seen({stranger}), {});
  CHECK(other.desired.users.empty());
  CHECK(other.impossible.at(0).message.find("another user") != std::string::npos);
  const std::vector<PastWrite> created{write_on(Operation::create, "ann", std::nullopt, ann("Ann"))};
  auto not_there = invert("a1", "r", created);
  keep_possible(not_there, created, seen({}), {});
  CHECK(not_there.desired.users.empty());
  CHECK(not_there.impossible.empty());
}

TEST_CASE("what was accepted and not read back, and who was there already, is left to a person") {
  auto open = write_on(Operation::update, "ann", ann("Ann"), ann("Anna"));
  open.outcome = PastWrite::Outcome::unverified;
  auto found = write_on(Operation::create, "bob", std::nullopt, live("bob"));
  found.outcome = PastWrite::Outcome::adopted;
  const auto inverse = invert("a1", "r", {open, found});
  CHECK(inverse.desired.users.empty());
  REQUIRE(inverse.impossible.size() == 2);
  CHECK(inverse.impossible[0].message.find("did not read back") != std::string::npos);
  CHECK(inverse.impossible[1].message.find("was there when the create was sent") != std::string::npos);
}

TEST_CASE("whom a create made is known by the id, or else by the e-mail address") {
  auto made = live("dan", {{Field::email, text("dan@x.org")}}, "");
  const auto undo_of = [&](const std::string& id, const User& now) {
    auto create = write_on(Operation::create, "dan", std::nullopt, made);
    create.user_id = id;
    auto inverse = invert("a1", "r", {create});
    keep_possible(inverse, {create}, seen({now}), {});
    return inverse.desired.users.size();
  };
  const auto now = [&](const std::string& id, const std::string& email) {
    return live("dan", {{Field::email, text(email)}}, id);
  };
  CHECK(undo_of("u1", now("u1", "other@x.org")) == 1);
  CHECK(undo_of("u1", now("u2", "dan@x.org")) == 0);
  CHECK(undo_of("", now("", "DAN@x.org")) == 1);
  CHECK(undo_of("", now("", "other@x.org")) == 0);
  CHECK(undo_of("", live("dan")) == 0);
}

TEST_CASE("a field that cannot be read now, and a role that has gone, are named and nothing else is lost") {
  auto before = ann("Ann"), after = ann("Anna");
  after.fields.set(Field::roles, set({"r1"}));
  const std::vector<PastWrite> writes{write_on(Operation::update, "ann", before, after)};
  auto thin = invert("a1", "r", writes);
  keep_possible(thin, writes, seen({live("ann", {{Field::first_name, text("Anna")}}, "id-ann")}), {});
  REQUIRE(thin.desired.users.size() == 1);
  CHECK_FALSE(thin.desired.users[0].roles.has_value());
  CHECK(thin.impossible.at(0).message.find("roles cannot be undone") == 0);

  auto gone = invert("a1", "r", writes);
  auto observed = seen({after});
  observed.catalog.roles = std::vector<Role>{{"r9", "Other"}};
  keep_possible(gone, writes, observed, {});
  REQUIRE(gone.desired.users.size() == 1);
  REQUIRE(gone.desired.users[0].roles->size() == 1);
  CHECK(gone.desired.users[0].roles->front().role == "r1");  // gone as well, but the user has it still
  CHECK(gone.impossible.at(0).message.find("the role r2 cannot be given back") == 0);
}

TEST_CASE("what the plan of an undo does not do is named, and so is whom the next plan acts on again") {
  const std::vector<PastWrite> writes{write_on(Operation::update, "ann", ann("Ann"), ann("Anna")),
                                      write_on(Operation::disable, "bob", ann("Bob"), ann("Bob", false))};
  auto inverse = invert("a1", "r", writes);
  Plan plan;
  Action enable;
  enable.operation = Operation::enable;
  enable.username = "BOB";
  enable.changes = {{Field::enabled, Value{false}, Value{true}}};
  plan.actions = {enable};
  name_what_is_left(inverse, plan);
  REQUIRE(inverse.impossible.size() == 1);
  CHECK(inverse.impossible[0].username == "ann");

  auto bob = live("bob", {{Field::enabled, Value{false}}});
  const auto undone = after_plan(seen({bob, ann("Anna")}), plan);
  CHECK(undone.users[0].fields.flag(Field::enabled) == true);
  CHECK(undone.users[1] == ann("Anna"));

  Action again;
  again.operation = Operation::disable;
  again.username = "bob";
  again.reason = "state: absent";
  Action stranger = again;
  stranger.username = "eve";
  Action told = again;
  told.username = "ann";
  told.report_only = true;
  Plan next;
  next.actions = {again, again, stranger, told};
  const auto notes = contradictions(inverse, next);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].username == "bob");
  CHECK(notes[0].message.find("the next poll will disable again: state: absent") != std::string::npos);
}

TEST_CASE("accounts go back like roles: those that are there, and none that somebody changed since") {
  const auto with = [](std::vector<std::string> accounts) {
    return live("ann", {{Field::accounts, set(std::move(accounts))}}, "id-ann");
  };
  const std::vector<PastWrite> writes{write_on(Operation::update, "ann", with({"1", "2"}), with({"1"}))};
  const auto turned = invert("a1", "r", writes);
  REQUIRE(turned.desired.users.at(0).accounts.has_value());
  CHECK(turned.desired.users[0].accounts->size() == 2);

  auto observed = seen({with({"1"})});
  observed.catalog.accounts = StringSet{"1", "2"};
  auto all = turned;
  keep_possible(all, writes, observed, {});
  REQUIRE(all.desired.users.size() == 1);
  CHECK(all.desired.users[0].accounts->size() == 2);
  CHECK(all.impossible.empty());

  observed.catalog.accounts = StringSet{"1"};
  auto fewer = turned;
  keep_possible(fewer, writes, observed, {});
  REQUIRE(fewer.desired.users.at(0).accounts->size() == 1);
  CHECK(fewer.desired.users[0].accounts->front().account == "1");
  CHECK(fewer.impossible.at(0).message.find("the account 2 cannot be given back") == 0);

  auto overtaken = turned;
  keep_possible(overtaken, writes, seen({with({"3"})}), {});
  CHECK(overtaken.desired.users.empty());
  CHECK(overtaken.impossible.size() == 1);
}

TEST_CASE("a user whom no create made is the same where there is no id to compare") {
  for (const char* recorded : {"", "id-ann"}) {
    auto write = write_on(Operation::update, "ann", ann("Ann"), ann("Anna"));
    write.user_id = recorded;
    auto now = ann("Anna");
    now.user_id.clear();
    auto inverse = invert("a1", "r", {write});
    keep_possible(inverse, {write}, seen({now}), {});
    CHECK(inverse.desired.users.size() == 1);
    CHECK(inverse.impossible.empty());
  }
}

TEST_CASE("what is only reported is not done: it is named, and changes nothing") {
  auto inverse = invert("a1", "r", {write_on(Operation::disable, "bob", ann("Bob"), ann("Bob", false))});
  Action told;
  told.operation = Operation::enable;
  told.username = "bob";
  told.report_only = true;
  told.changes = {{Field::enabled, Value{false}, Value{true}}};
  Plan plan;
  plan.actions = {told};
  name_what_is_left(inverse, plan);
  CHECK(inverse.impossible.size() == 1);
  const auto bob = live("bob", {{Field::enabled, Value{false}}});
  CHECK(after_plan(seen({bob}), plan).users.at(0) == bob);
}

}  // namespace usersyncd::test
