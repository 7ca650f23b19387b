#include <doctest/doctest.h>

#include "daemon/settings.hpp"
#include "tests/support/temp_store.hpp"

namespace usersyncd::test {

TEST_CASE("what the store keeps for a digest of files is not believed if it is not the revision in force") {
  TempStore file;
  Store store{file.path(), Access::read_write};
  Desired desired;
  desired.account = "1";
  desired.revision = "r1";
  store.save_desired(desired, "f1", Store::DesiredOf::daemon);
  Wanted wanted;
  wanted.sources["1"] = DesiredSource{"f1", "r1", true};
  REQUIRE(wanted.find("1", store, Store::DesiredOf::daemon));
  wanted.sources["1"].revision = "r2";
  CHECK_FALSE(wanted.find("1", store, Store::DesiredOf::daemon));
}

TEST_CASE(
    "a desired state that is damaged in the store is as one that is not there, until it is put there anew") {
  TempStore file;
  Store store{file.path(), Access::read_write};
  Desired desired;
  desired.account = "1";
  desired.revision = "r1";
  store.save_desired(desired, "f1", Store::DesiredOf::daemon);
  Wanted wanted;
  wanted.sources["1"] = DesiredSource{"f1", "r1", true};
  for (const auto* damaged : {"", "{", "{}", "\x01"}) {
    CAPTURE(damaged);
    run_raw(file.path(), std::string{"UPDATE notes SET content = '"} + damaged + "' WHERE account = '1'");
    CHECK_FALSE(wanted.find("1", store, Store::DesiredOf::daemon));
  }
  store.save_desired(desired, "f1", Store::DesiredOf::daemon);
  CHECK(wanted.find("1", store, Store::DesiredOf::daemon));
}

}  // namespace usersyncd::test
