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
  CHECK(inverse.desired.account == "a1");
  CHECK(inverse.impossible.empty());
}

TEST_CASE("several writes on one user count as one: the first before, the last after") {
  auto roles_gone = ann("Anna");
  roles_gone.fields.set(Field::roles, set({"r1"}));
  const auto inverse = invert("a1", "r",
                              {write_on(Operation::update, "ann", ann("Ann"), ann("Anna")),
                               write_on(Operation::update, "ANN", ann("Anna"), roles_gone),
                               write_on(Operation::disable, "ann", roles_gone, ann("Ann", false))});
  REQUIRE(inverse.desired.users.size() == 1);
  const auto& back = inverse.desired.users[0];
  // The last write put the name back by itself, so only being enabled is left to undo.
  CHECK(back.fields == fields_of({{Field::enabled, Value{true}}}));
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
  open.settled = false;
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
    CAPTURE(now);
    auto inverse = invert("a1", "r", writes);
    keep_newer(inverse, writes, seen({ann(now)}), {});
    CHECK(inverse.desired.users.size() == left);
    CHECK(inverse.impossible.size() == named);
  }
}

TEST_CASE("nobody is created by an undo, and another user of the same name is not touched") {
  const std::vector<PastWrite> writes{write_on(Operation::update, "ann", ann("Ann"), ann("Anna"))};
  auto gone = invert("a1", "r", writes);
  keep_newer(gone, writes, seen({}), {});
  CHECK(gone.desired.users.empty());
  REQUIRE(gone.impossible.size() == 1);
  auto found = invert("a1", "r", writes);
  keep_newer(found, writes, seen({}), {ann("Anna")});
  CHECK(found.desired.users.size() == 1);
  auto stranger = ann("Anna");
  stranger.user_id = "id-other";
  auto other = invert("a1", "r", writes);
  keep_newer(other, writes, seen({stranger}), {});
  CHECK(other.desired.users.empty());
  CHECK(other.impossible.at(0).message.find("another user") != std::string::npos);
  const std::vector<PastWrite> created{write_on(Operation::create, "ann", std::nullopt, ann("Ann"))};
  auto not_there = invert("a1", "r", created);
  keep_newer(not_there, created, seen({}), {});
  CHECK(not_there.desired.users.empty());
  CHECK(not_there.impossible.empty());
}

TEST_CASE("an entry that asks for what the run did is named, one that agrees with the way back is not") {
  const auto inverse =
      invert("a1", "r",
             {write_on(Operation::update, "ann", ann("Ann"), ann("Anna")),
              write_on(Operation::create, "bob", std::nullopt, live("bob")),
              write_on(Operation::disable, "cat", live("cat", {{Field::enabled, Value{true}}}),
                       live("cat", {{Field::enabled, Value{false}}}))});
  Desired desired;
  desired.users = {entry("ann", {{Field::first_name, text("Anna")}}), entry("bob"), leaver("cat")};
  CHECK(contradictions(inverse, desired, {}, noon).size() == 3);
  desired.users = {entry("ann", {{Field::first_name, text("Ann")}}), leaver("bob"),
                   entry("cat", {{Field::phone, text("1")}})};
  CHECK(contradictions(inverse, desired, {}, noon).empty());
}

}  // namespace usersyncd::test
