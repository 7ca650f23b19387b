#include <sys/stat.h>

#include <chrono>
#include <fstream>

#include "store/audit_files.hpp"
#include "store/private_file.hpp"
#include "tests/store/audit_world.hpp"

// Checkpoints, their file and their keys, and what is put away.

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

std::string text_of(const std::string& path) {
  return read_private_file(path).value_or("");
}

void add_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app | std::ios::binary) << text;
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

/// Why nothing is signed.
std::string refusal_of(Store& store, const SigningKey& key) {
  const auto made = store.audit().checkpoint(key, at(0));
  return made ? "" : made.error().message;
}

/// A store with ten signed records and five that are not.
struct Signed {
  TempStore temp{quick_directory()};
  Store store{temp.path(), Access::read_write};
  AuditWorld world{store.audit()};
  Signed() {
    world.append(10);
    world.sign();
    world.append(5);
  }
  std::string checkpoints() const { return audit_checkpoints_path(temp.path()); }
};

}  // namespace

TEST_CASE("a checkpoint signs all records, is kept in the store and in the file, and is made once") {
  Signed bench;
  const auto made = bench.world.sign();
  CHECK(made.size == 15);
  CHECK(refusal_of(bench.store, bench.world.key()) == "");
  CHECK(bench.store.audit().checkpoints().size() == 2);
  const auto filed = parse_notes(text_of(bench.checkpoints()));
  REQUIRE(filed.has_value());
  REQUIRE(filed->size() == 2);
  CHECK(filed->back().head.size == 15);
  CHECK(filed->back().head.origin == bench.store.audit().origin());
  CHECK(mode_of(bench.checkpoints()) == 0600);
  const auto keys = read_public_keys(bench.temp.path());
  REQUIRE(keys.has_value());
  REQUIRE(keys->size() == 1);
  CHECK(keys->front().verifies(filed->back()));
  const auto verified = bench.store.audit().verify(heads_of(bench.store.audit().checkpoints()));
  CHECK(!verified.broken);
  CHECK(verified.vouched == 15);
}

TEST_CASE("a store without records has nothing to sign; two stores have two names") {
  const TempStore temp(quick_directory()), other(quick_directory());
  Store store(temp.path(), Access::read_write);
  const auto made = store.audit().checkpoint(SigningKey::generate("k"), at(0));
  REQUIRE(made.has_value());
  CHECK(!made.value().has_value());
  CHECK(Store(other.path(), Access::read_write).audit().origin() != store.audit().origin());
}

TEST_CASE("the key beside the store is made once, for the owner alone, and a garbled one is told") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  const auto made = load_audit_key(temp.path(), store.audit().origin());
  const auto again = load_audit_key(temp.path(), store.audit().origin());
  REQUIRE(made.has_value());
  REQUIRE(again.has_value());
  CHECK(made->verifying_key().text() == again->verifying_key().text());
  CHECK(mode_of(audit_key_path(temp.path())) == 0600);
  write_private_file(audit_key_path(temp.path()), "PRIVATE+KEY+oops\n");
  const auto garbled = load_audit_key(temp.path(), store.audit().origin());
  REQUIRE(!garbled.has_value());
  CHECK(garbled.error().text().find("oops") == std::string::npos);
}

TEST_CASE("what was changed since the last checkpoint is not signed") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"UPDATE audit SET record = replace(record, 'daemon', 'nobody') WHERE seq = 12", "broken at seq 12"},
      {"DELETE FROM audit WHERE seq = 13", "broken at seq 13"},
      {"DELETE FROM audit WHERE seq = 15", "not its head"},
      {"DELETE FROM audit WHERE seq = 10", "records are missing"},
      {"UPDATE audit_head SET frontier = replace(frontier, substr(frontier, 1, 1), 'g')", "tampered"},
      {"UPDATE audit_checkpoints SET note = replace(note, '10', '11')", "not genuine"},
      {"UPDATE audit_checkpoints SET frontier = lower(hex(zeroblob(64)))", "not genuine"},
      {"DELETE FROM audit_checkpoints", ""}};
  for (const auto& one : cases) {
    const auto& reason = one.second;
    INFO(one.first);
    Signed bench;
    run_raw(bench.temp.path(), drop_audit_triggers + one.first);
    std::string refusal;
    try {
      refusal = refusal_of(bench.store, bench.world.key());
    } catch (const StoreError& error) {
      refusal = error.what();
    }
    CHECK(contains(refusal, reason));
    CHECK(refusal.empty() == reason.empty());
    const auto filed = parse_notes(text_of(bench.checkpoints()));
    CHECK(filed->size() == (reason.empty() ? 2 : 1));
  }
}

TEST_CASE("a crash between the file and the store costs nothing: the same is signed again") {
  Signed bench;
  const auto made = bench.world.sign();
  run_raw(bench.temp.path(), "DELETE FROM audit_checkpoints WHERE size = 15");
  bench.world.append(3);
  const auto next = bench.world.sign();
  CHECK(next.size == 18);
  const auto filed = parse_notes(text_of(bench.checkpoints()));
  CHECK(filed->size() == 3);
  CHECK(!bench.store.audit().verify(heads_of({made, next})).broken);
}

TEST_CASE("a checkpoint of which only a part was written is replaced by the next one") {
  const std::string torn = "usersyncd/0123\n15\nAAAA";
  for (std::size_t length = 1; length <= torn.size(); ++length) {
    Signed bench;
    add_text(bench.checkpoints(), torn.substr(0, length));
    bench.world.sign();
    const auto filed = parse_notes(text_of(bench.checkpoints()));
    REQUIRE(filed.has_value());
    CHECK(filed->size() == 2);
  }
  Signed bench;
  const std::string whole = text_of(bench.checkpoints());
  add_text(bench.checkpoints(), whole.substr(0, whole.size() / 2 + 40));
  bench.world.sign();
  CHECK(parse_notes(text_of(bench.checkpoints()))->size() == 2);
}

TEST_CASE("an older copy of the store, or another store, is not signed over the checkpoints beside it") {
  Signed bench;
  const TempStore copies(quick_directory());
  bench.store.tidy_up();
  std::filesystem::copy_file(bench.temp.path(), copies.path());
  bench.world.sign();
  for (const auto& path :
       {audit_checkpoints_path(bench.temp.path()), audit_public_key_path(bench.temp.path())}) {
    std::filesystem::copy_file(path, copies.path() + path.substr(bench.temp.path().size()));
  }
  {
    Store copy(copies.path(), Access::read_write);
    CHECK(refusal_of(copy, bench.world.key()) == "");  // all 15 records are there: nothing was lost
    run_raw(copies.path(), "DELETE FROM audit_checkpoints");
  }
  std::filesystem::remove(copies.path());
  Store fresh(copies.path(), Access::read_write);
  AuditWorld(fresh.audit()).append(30);
  CHECK(contains(refusal_of(fresh, bench.world.key()), "another store"));
}

TEST_CASE("a store that lost signed records is not signed, even when it has grown again") {
  Signed bench;
  const TempStore copies(quick_directory());
  bench.store.tidy_up();
  std::filesystem::copy_file(bench.temp.path(), copies.path());
  bench.world.append(5);
  bench.world.sign();
  for (const auto& path :
       {audit_checkpoints_path(bench.temp.path()), audit_public_key_path(bench.temp.path())}) {
    std::filesystem::copy_file(path, copies.path() + path.substr(bench.temp.path().size()));
  }
  Store copy(copies.path(), Access::read_write);
  CHECK(contains(refusal_of(copy, bench.world.key()), "older than the last checkpoint"));
  AuditWorld(copy.audit()).append(20);
  CHECK(contains(refusal_of(copy, bench.world.key()), "up to 20 are not those that were signed"));
}

TEST_CASE("a new key goes on where the old one ended; both stay published") {
  Signed bench;
  const auto other = SigningKey::generate("second");
  const auto made = bench.store.audit().checkpoint(other, at(50));
  REQUIRE(made.has_value());
  REQUIRE(made->has_value());
  const auto keys = read_public_keys(bench.temp.path());
  REQUIRE(keys.has_value());
  CHECK(keys->size() == 2);
}

TEST_CASE("old records leave for a segment; the chain, shared bodies and checkpoints hold") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  world.append(60);
  const auto lines = exported(store.audit());
  const auto body_of_54 = store.audit().show(54).value();
  REQUIRE(contains(lines.at(53), "sameAs\":4,"));
  CHECK(!store.audit().put_away(at(30), at(100)));  // nothing is signed yet
  const auto first = world.sign();
  CHECK(!store.audit().put_away(at(-5), at(100)));  // nothing is old enough

  const auto segment = store.audit().put_away(at(30), at(100));
  REQUIRE(segment);
  CHECK(segment->first == 1);
  CHECK(segment->last == 30);
  CHECK(!segment->more);
  CHECK(!store.audit().put_away(at(30), at(100'000)));
  const auto second = world.sign();

  std::string expected;
  for (std::size_t i = 0; i < 30; ++i) expected += lines[i] + '\n';
  CHECK(text_of(segment->file) == expected);
  CHECK(segment->file == temp.path() + ".audit-1-30.jsonl");
  CHECK(mode_of(segment->file) == 0600);
  CHECK(store.audit().show(54).value() == body_of_54);
  CHECK(store.audit().put_away_until() == 30);
  CHECK(exported(store.audit()).front() == lines[30]);
  const auto verified = store.audit().verify(heads_of({first, second}));
  CHECK(!verified.broken);
  CHECK(verified.base == 30);
  CHECK(verified.checked == 31);
  CHECK(verified.vouched == 61);
  world.append(10);  // points to the body that was written out in what has left
  CHECK(contains(exported(store.audit()).at(34), "sameAs\":4,"));
  CHECK(!store.audit().verify({}).broken);

  run_raw(temp.path(), "UPDATE audit_bodies SET body = replace(body, 'l', 'k')");
  CHECK(store.audit().verify({}).broken->seq == 34);
}

TEST_CASE("a body that nobody points to any more leaves with its record") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  world.append(30);  // the last one with the large body is 24
  world.sign();
  REQUIRE(store.audit().put_away(at(24), at(100)));
  CHECK(query_raw(temp.path(), "SELECT COUNT(*) FROM audit_bodies") == "0");
  world.append(10);
  CHECK(contains(exported(store.audit()).at(10), "llll"));
  CHECK(!store.audit().verify({}).broken);
}

TEST_CASE("records that left without being put away are missed") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  world.append(20);
  const auto head = world.sign();
  // The base as it would be after three records, but no record that says so.
  MerkleFrontier tree;
  std::string hash;
  for (const auto& line : exported(store.audit())) {
    if (tree.size() == 3) break;
    hash = line.substr(line.size() - 66, 64);
    tree.add(*digest_from_hex(hash));
  }
  run_raw(temp.path(), drop_audit_triggers + "UPDATE audit_base SET seq = 3, hash = '" + hash +
                           "', frontier = '" + tree.text() + "'; DELETE FROM audit WHERE seq <= 3");
  const auto broken = store.audit().verify(heads_of({head})).broken;
  REQUIRE(broken);
  CHECK(broken->seq == 1);
  CHECK(contains(broken->reason, "no record says that they were put away"));
}

TEST_CASE("what has not left cannot be deleted, also after something was put away") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  world.append(20);
  world.sign();
  REQUIRE(store.audit().put_away(at(10), at(100)));
  Database database(temp.path(), Access::read_write, Schema{0x55535944, std::array<std::string_view, 1>{""}});
  CHECK(contains(store_error_of([&] { database.execute("DELETE FROM audit"); }), "append-only"));
}

TEST_CASE("checkpoints take less than a tenth of the time that the store needs for a run of 1,000 writes") {
  using Steady = std::chrono::steady_clock;
  const TempStore temp;  // on a disk, where waiting for it is what takes time
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  std::chrono::duration<double> signing{0};
  const auto began = Steady::now();
  std::int64_t due = 256;
  for (int i = 0; i < 1'000; ++i) {
    // What one update leaves: the intent, three exchanges, the end of the intent.
    const auto id = store.open_intent(make_intent("user-" + std::to_string(i)), at(i));
    world.append(3);
    store.close_intent(id, IntentEnd{}, at(i));
    if (store.audit().newest_appended() < due && i < 999) continue;
    const auto before = Steady::now();
    due = world.sign().size + 256;
    signing += Steady::now() - before;
  }
  const std::chrono::duration<double> whole = Steady::now() - began;
  MESSAGE("checkpoints took ", signing.count(), " s of ", whole.count(), " s");
  CHECK(store.audit().checkpoints().size() == 20);
  CHECK(signing < whole / 10);
}
