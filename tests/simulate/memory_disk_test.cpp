#include "simulate/memory_disk.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>

#include "store/audit_files.hpp"
#include "store/note.hpp"
#include "store/store.hpp"

using namespace usersyncd;
using namespace usersyncd::simulate;

namespace {

void note(Store& store, const std::string& content) {
  store.save_note("5500001", "name", content);
}

std::string noted(const MemoryDisk& disk) {
  Store store{disk.path(), Access::read_write};
  store.check_health();
  return store.load_note("5500001", "name").value_or("nothing");
}

}  // namespace

TEST_CASE("memory disk: what a store wrote is there for the next process, and only while the disk is") {
  std::string path;
  {
    MemoryDisk disk;
    path = disk.path();
    {
      Store store{disk.path(), Access::read_write};
      note(store, "kept");
    }
    CHECK(noted(disk) == "kept");
  }
  CHECK_THROWS_AS(Store(path, Access::read_only), StoreError);
}

TEST_CASE("memory disk: a kill and a power cut take nothing that was committed, wherever they come") {
  for (const bool power : {false, true}) {
    for (int effect = 0; effect < 12; ++effect) {
      MemoryDisk disk;
      auto store = std::make_unique<Store>(disk.path(), Access::read_write);
      note(*store, "before");
      int left = effect;
      disk.before_effect = [&](MemoryDisk::Effect) {
        if (left-- == 0) disk.die();
        return SQLITE_OK;
      };
      bool committed = true;
      try {
        note(*store, "after");
      } catch (const StoreError&) {
        committed = false;
      }
      disk.die();
      store.reset();
      disk.before_effect = nullptr;
      Dice dice{static_cast<std::uint64_t>(effect), "cut"};
      if (power)
        disk.survive_power_cut(dice);
      else
        disk.survive_kill();
      const auto found = noted(disk);
      CHECK((found == "after" || (!committed && found == "before")));
    }
  }
}

TEST_CASE("memory disk: what was not synchronized is what a power cut takes") {
  MemoryDisk disk;
  auto store = std::make_unique<Store>(disk.path(), Access::read_write);
  note(*store, "before");
  CHECK(disk.all_synced());
  disk.before_effect = [](MemoryDisk::Effect effect) {
    return effect == MemoryDisk::Effect::sync ? SQLITE_IOERR_FSYNC : SQLITE_OK;
  };
  CHECK_THROWS_AS(note(*store, "after"), StoreError);
  CHECK_FALSE(disk.all_synced());
}

TEST_CASE("memory disk: the record of an exchange waits for the next write, or for a checkpoint") {
  MemoryDisk disk;
  Store store{disk.path(), Access::read_write};
  AuditEntry exchange;
  exchange.kind = AuditKind::exchange;
  store.audit().append(exchange);
  CHECK_FALSE(disk.all_synced());
  note(store, "done about it");
  CHECK(disk.all_synced());

  store.audit().append(exchange);
  const auto key = SigningKey::generate("test");
  int syncs_until_filed = 0;
  disk.on_sync = [&] {
    if (!std::filesystem::exists(audit_checkpoints_path(disk.path()))) ++syncs_until_filed;
  };
  const bool made = store.audit().checkpoint(key, Time{}).has_value();
  REQUIRE(made);
  CHECK(syncs_until_filed > 0);
  disk.on_sync = nullptr;
}

TEST_CASE("memory disk: a full disk fails a write, and the next one goes on") {
  MemoryDisk disk;
  Store store{disk.path(), Access::read_write};
  note(store, "before");
  disk.before_effect = [](MemoryDisk::Effect) { return SQLITE_FULL; };
  CHECK_THROWS_AS(note(store, "lost"), StoreError);
  disk.before_effect = nullptr;
  CHECK(store.load_note("5500001", "name") == "before");
  note(store, "after");
  CHECK(store.load_note("5500001", "name") == "after");
}

TEST_CASE("memory disk: rows are told by table") {
  MemoryDisk disk;
  Store store{disk.path(), Access::read_write};
  int audit_rows = 0;
  disk.on_row = [&](bool inserted, const char* table) {
    if (inserted && std::string_view{table} == "audit") ++audit_rows;
  };
  AuditEntry entry;
  store.audit().append(entry);
  CHECK(audit_rows == 1);
}

TEST_CASE("memory disk: two connections see each other's commits, and wait for each other's transactions") {
  MemoryDisk disk;
  Store one{disk.path(), Access::read_write};
  Store two{disk.path(), Access::read_write};
  note(one, "first");
  CHECK(two.load_note("5500001", "name") == "first");
  note(two, "second");
  CHECK(one.load_note("5500001", "name") == "second");
}

TEST_CASE("memory disk: under a connection that stays open, put back is put back") {
  MemoryDisk disk;
  { const Store made{disk.path(), Access::read_write}; }
  const auto image = disk.image();
  std::optional<Database> connection;
  for (const auto* content : {"one", "two", "three"}) {
    if (connection) disk.put_back(image);
    Store store = connection ? Store{std::move(*connection)} : Store{disk.path(), Access::read_write};
    CHECK_FALSE(store.load_note("5500001", "name"));
    note(store, content);
    CHECK(noted(disk) == content);
    store.check_health();
    disk.die();
    connection.emplace(std::move(store).release());
  }
  connection.reset();
  disk.load(image);
  CHECK(noted(disk) == "nothing");
}
