#include <doctest/doctest.h>

#include <algorithm>

#include "samples.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

TEST_CASE("fields: every field has its own name, and is found by it") {
  StringSet names;
  for (Field field : all_fields) {
    CHECK(field_from_name(name_of(field)) == field);
    names.emplace_back(name_of(field));
  }
  CHECK(make_set(names).size() == field_count);
  for (const auto* wrong : {"", "firstname", "First", "username", "roles "}) CHECK(!field_from_name(wrong));
}

TEST_CASE("make_set: sorted, without duplicates") {
  CHECK(make_set({"b", "a", "b", ""}) == StringSet{"", "a", "b"});
  CHECK(make_set({}).empty());
}

TEST_CASE("fields: absent, empty and present are three things") {
  Fields fields;
  CHECK(!fields.has(Field::roles));
  CHECK(fields.set_of(Field::roles) == nullptr);
  fields.set(Field::roles, set({}));
  REQUIRE(fields.set_of(Field::roles) != nullptr);
  CHECK(fields.set_of(Field::roles)->empty());
  CHECK(fields != Fields{});
  fields.erase(Field::roles);
  CHECK(fields == Fields{});
}

TEST_CASE("fields: a look-up of another shape finds nothing and converts nothing") {
  const auto fields = fields_of({{Field::enabled, text("false")}, {Field::email, Value{true}}});
  CHECK(!fields.flag(Field::enabled));
  CHECK(fields.text(Field::email) == nullptr);
  CHECK(fields.set_of(Field::enabled) == nullptr);
  REQUIRE(fields.text(Field::enabled) != nullptr);
  CHECK(*fields.text(Field::enabled) == "false");
}

TEST_CASE("A47: keys fold ASCII case and touch nothing else") {
  CHECK(key_of("JDoe@EX.com") == "jdoe@ex.com");
  CHECK(key_of("007") == "007");
  CHECK(key_of("") == "");
  CHECK(key_of("J\u00c4GER") == "j\u00c4ger");
  CHECK(key_of("a b\n") == "a b\n");
}

TEST_CASE("A47 A50: what means the same is the same, and nothing more") {
  struct Row {
    Field field;
    Value left, right;
    bool same;
  };
  const std::vector<Row> rows{
      {Field::email, text("JDoe@EX.com"), text("jdoe@ex.com"), true},
      {Field::email, text("jdoe@ex.com"), text("jdoe@ex.org"), false},
      {Field::email, text("jdoe@ex.com"), text(" jdoe@ex.com"), false},
      {Field::phone, text("+1 (919) 555-1234"), text("+19195551234"), true},
      {Field::phone, text("+1.919.555.1234"), text("+1\t919 555 1234"), true},
      {Field::phone, text("0412345678"), text("412345678"), false},
      {Field::phone, text("+19195551234"), text("19195551234"), false},
      {Field::phone, text("5551234x1"), text("5551234"), false},
      {Field::first_name, text("Ann"), text("ann"), false},
      {Field::scope, text("ACCOUNT"), text("account"), false},
      {Field::enabled, Value{true}, Value{true}, true},
      {Field::enabled, Value{true}, Value{false}, false},
      {Field::enabled, Value{true}, text("true"), false},
      {Field::roles, set({"a", "b"}), set({"b", "a"}), true},
      {Field::roles, Value{StringSet{"b", "a", "a"}}, Value{StringSet{"a", "b"}}, true},
      {Field::roles, set({"a"}), set({"A"}), false},
      {Field::roles, set({}), set({"a"}), false},
      {Field::accounts, set({"5500001"}), text("5500001"), false},
  };
  for (const auto& row : rows) {
    CAPTURE(name_of(row.field));
    CAPTURE(show(row.left));
    CAPTURE(show(row.right));
    CHECK(same_value(row.field, row.left, row.right) == row.same);
    CHECK(same_value(row.field, row.right, row.left) == row.same);
    CHECK(same_value(row.field, row.left, row.left));
  }
}

TEST_CASE("show: for people") {
  CHECK(show(text("Ann")) == "\"Ann\"");
  CHECK(show(Value{true}) == "true");
  CHECK(show(Value{false}) == "false");
  CHECK(show(set({"basicAccess", "Admin"})) == "[Admin, basicAccess]");
  CHECK(show(set({})) == "[]");
}
