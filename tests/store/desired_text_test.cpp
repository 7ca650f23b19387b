#include "store/desired_text.hpp"

#include <doctest/doctest.h>

#include "store/store.hpp"
#include "sync/plan.hpp"
#include "tests/support/temp_store.hpp"

namespace usersyncd::test {
namespace {

/// One of everything that an entry can say.
Desired everything() {
  DesiredUser ann;
  ann.username = "Ann";
  ann.place = Place{"users/a.yaml", 4, 5};
  ann.fields.set(Field::first_name, std::string{"Ann \"\xC3\xA9\\"});
  ann.fields.set(Field::enabled, false);
  ann.roles = {RoleGrant{"Admin", std::nullopt, Place{"users/a.yaml", 6, 14}},
               RoleGrant{"reporting", time_from_millis(1'800'000'000'000), Place{"users/b.yaml", 2, 3}}};
  ann.accounts = {AccountGrant{"5500001", Place{"users/a.yaml", 7, 1}}};
  ann.previously = {"anna", "ann.old"};
  ann.valid_from = time_from_millis(1'700'000'000'000);
  ann.valid_until = time_from_millis(1'900'000'000'123);
  DesiredUser bob;
  bob.username = "bob";
  bob.absent = true;
  DesiredUser cid;
  cid.username = "cid";
  cid.frozen = "users/a.yaml:9:3: error: no role";
  cid.roles.emplace();
  cid.accounts.emplace();
  Desired desired;
  desired.account = "5500001";
  desired.revision = "r1";
  desired.users = {ann, bob, cid};
  return desired;
}

void check_same(const DesiredUser& left, const DesiredUser& right) {
  CHECK(digest_of(left) == digest_of(right));
  CHECK(left.username == right.username);
  CHECK(left.place == right.place);
  CHECK(left.frozen == right.frozen);
  CHECK(left.roles.has_value() == right.roles.has_value());
  CHECK(left.accounts.has_value() == right.accounts.has_value());
  for (std::size_t i = 0; left.roles && i < left.roles->size(); ++i)
    CHECK(left.roles->at(i).place == right.roles->at(i).place);
  for (std::size_t i = 0; left.accounts && i < left.accounts->size(); ++i)
    CHECK(left.accounts->at(i).place == right.accounts->at(i).place);
}

}  // namespace

TEST_CASE("a desired state comes back from the store with every word and every place") {
  TempStore file;
  Store store{file.path(), Access::read_write};
  const auto desired = everything();
  using Keeper = Store::DesiredOf;
  CHECK_FALSE(store.load_desired("5500001", "f1", Keeper::daemon));
  store.save_desired(desired, "f1", Keeper::daemon);
  const auto found = store.load_desired("5500001", "f1", Keeper::daemon);
  REQUIRE(found);
  REQUIRE(found->users.size() == desired.users.size());
  for (std::size_t i = 0; i < desired.users.size(); ++i) check_same(desired.users[i], found->users[i]);
  CHECK(desired_to_text(*found) == desired_to_text(desired));
  CHECK_FALSE(store.load_desired("5500001", "f2", Keeper::daemon));
  CHECK_FALSE(store.load_desired("77", "f1", Keeper::daemon));
}

// Property: what is read while another one is in force takes nothing from it, until somebody says what is to
// stay.
TEST_CASE(
    "a keeper's desired states stay until it names those that it keeps, and no other keeper's go with them") {
  TempStore file;
  Store store{file.path(), Access::read_write};
  using Keeper = Store::DesiredOf;
  const auto first = everything();
  auto second = first;
  second.revision = "r2";
  auto elsewhere = first;
  elsewhere.users[0].place.file = "elsewhere/a.yaml";
  store.save_desired(first, "f1", Keeper::daemon);
  store.save_desired(elsewhere, "f3", Keeper::command);
  store.save_desired(second, "f2", Keeper::daemon);
  CHECK(store.load_desired("5500001", "f1", Keeper::daemon)->revision == "r1");
  CHECK(store.load_desired("5500001", "f1", Keeper::command));
  CHECK(store.load_desired("5500001", "f3", Keeper::command)->users[0].place.file == "elsewhere/a.yaml");
  CHECK_FALSE(store.load_desired("5500001", "f3", Keeper::daemon));

  store.keep_desired({{"5500001", "f2"}}, Keeper::daemon);
  CHECK_FALSE(store.load_desired("5500001", "f1", Keeper::daemon));
  CHECK(store.load_desired("5500001", "f2", Keeper::daemon)->revision == "r2");
  CHECK(store.load_desired("5500001", "f3", Keeper::command));
  store.keep_desired({}, Keeper::command);
  CHECK_FALSE(store.load_desired("5500001", "f3", Keeper::command));
  CHECK(store.load_desired("5500001", "f2", Keeper::command));
  store.keep_desired({}, Keeper::daemon);
  CHECK_FALSE(store.load_desired("5500001", "f2", Keeper::command));
}

TEST_CASE("a desired state in another form than ours is an error, never a smaller desired state") {
  const auto text = desired_to_text(everything());
  for (const std::string bad : {"", "null", "[]", "{}",
                                "{}\n"
                                R"({"account":"1","revision":"r","files":[],"users":1})",
                                R"({"account":"1","revision":"r","files":[],"users":1})",
                                R"({"account":"1","revision":"r","files":[1],"users":0})"}) {
    CHECK_THROWS_AS(desired_from_text(bad), StoreError);
  }
  for (std::size_t i = 0; i < text.size(); ++i)
    CHECK_THROWS_AS(desired_from_text(text.substr(0, i)), StoreError);
}

}  // namespace usersyncd::test
