#include <doctest/doctest.h>

#include "daemon/settings.hpp"
#include "tests/support/temp_store.hpp"

namespace usersyncd::test {
namespace {

/// An account of which the store keeps what is wanted.
struct Kept {
  Kept() {
    desired.account = "1";
    desired.revision = "r1";
    put();
    wanted.sources["1"] = DesiredSource{"f1", "r1", true};
  }
  void put() { store.save_desired(desired, "f1", Store::DesiredOf::daemon); }
  bool is_found() { return wanted.find("1", store, Store::DesiredOf::daemon).has_value(); }

  TempStore file;
  Store store{file.path(), Access::read_write};
  Desired desired;
  Wanted wanted;
};

}  // namespace

TEST_CASE("what the store keeps for a digest of files is not believed if it is not the revision in force") {
  Kept kept;
  REQUIRE(kept.is_found());
  kept.wanted.sources["1"].revision = "r2";
  CHECK_FALSE(kept.is_found());
}

TEST_CASE(
    "a desired state that is damaged in the store is as one that is not there, until it is put there anew") {
  Kept kept;
  for (const auto* damaged : {"", "{", "{}", "\x01"}) {
    CAPTURE(damaged);
    run_raw(kept.file.path(),
            std::string{"UPDATE notes SET content = '"} + damaged + "' WHERE account = '1'");
    CHECK_FALSE(kept.is_found());
  }
  kept.put();
  CHECK(kept.is_found());
}

}  // namespace usersyncd::test
