#include "reconcile/compare.hpp"

#include <doctest/doctest.h>

namespace usersyncd::test {
namespace {

User ann() {
  User user;
  user.username = "ann";
  user.user_id = "1";
  user.fields.set(Field::email, "ann@example.com");
  user.fields.set(Field::enabled, true);
  user.fields.set(Field::roles, StringSet{"ordering"});
  return user;
}

Action on_ann(Operation operation, std::vector<Change> changes) {
  Action action;
  action.operation = operation;
  action.username = "ann";
  action.user_id = "1";
  action.before = ann();
  action.changes = std::move(changes);
  return action;
}

Action edit() {
  return on_ann(Operation::update, {{Field::email, Value{"ann@example.com"}, Value{"new@example.com"}}});
}

Action disable() {
  return on_ann(Operation::disable, {{Field::enabled, Value{true}, Value{false}}});
}

User with(Field field, Value value) {
  auto user = ann();
  user.fields.set(field, std::move(value));
  return user;
}

}  // namespace

TEST_CASE("A42: an update looks at its own fields, a removal at everything that the plan saw") {
  struct Row {
    const char* what;
    Action action;
    User found;
    Evidence evidence;
  };
  User other = ann();
  other.user_id = "2";
  User renamed = ann();
  renamed.username = "anna";
  User bare = ann();
  bare.fields.erase(Field::email);
  User without_roles = ann();
  without_roles.fields.erase(Field::roles);
  const auto remove = on_ann(Operation::remove, {});
  const std::vector<Row> rows{
      {"nothing changed", edit(), ann(), Evidence::as_planned},
      {"somebody did it already", edit(), with(Field::email, "NEW@example.com"), Evidence::as_wanted},
      {"somebody did something else", edit(), with(Field::email, "third@example.com"), Evidence::changed},
      {"another field", edit(), with(Field::roles, StringSet{}), Evidence::as_planned},
      {"another case is no change", edit(), with(Field::email, "Ann@Example.com"), Evidence::as_planned},
      {"not carried is no evidence", edit(), bare, Evidence::as_planned},
      {"roles that are not carried would be sent back as none", edit(), without_roles, Evidence::incomplete},
      {"somebody else by id", edit(), other, Evidence::changed},
      {"somebody else by name", edit(), renamed, Evidence::changed},
      {"a disable as planned", disable(), ann(), Evidence::as_planned},
      {"a disable of somebody edited", disable(), with(Field::roles, StringSet{"admin"}), Evidence::changed},
      {"disabled already", disable(), with(Field::enabled, false), Evidence::as_wanted},
      {"a removal as planned", remove, ann(), Evidence::as_planned},
      {"a removal of somebody edited", remove, with(Field::email, "x@example.com"), Evidence::changed},
      {"a removal of somebody else", remove, other, Evidence::changed},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(compare_before(row.action, row.found) == row.evidence);
  }
}

TEST_CASE("compare: a half-done update may be sent, and only what differs counts as unverified") {
  auto action = edit();
  action.changes.push_back({Field::roles, Value{StringSet{"ordering"}}, Value{StringSet{"reporting"}}});
  CHECK(compare_before(action, with(Field::email, "new@example.com")) == Evidence::as_planned);
  CHECK(unverified_fields(action, with(Field::email, "new@example.com")) == std::vector{Field::roles});
  auto bare = ann();
  bare.fields.erase(Field::roles);
  CHECK(unverified_fields(action, bare) == std::vector{Field::email, Field::roles});
}

TEST_CASE("A33: the same person is the same username and no other e-mail") {
  Action create;
  create.operation = Operation::create;
  create.username = "Ann";
  create.after.fields.set(Field::email, "ANN@example.com");
  CHECK(is_same_person(create, ann()));
  CHECK_FALSE(is_same_person(create, with(Field::email, "other@example.com")));
  auto bare = ann();
  bare.fields.erase(Field::email);
  CHECK(is_same_person(create, bare));
  create.username = "bob";
  CHECK_FALSE(is_same_person(create, ann()));
}

}  // namespace usersyncd::test
