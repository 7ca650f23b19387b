#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "store/audit_files.hpp"
#include "store/private_file.hpp"
#include "tests/store/audit_world.hpp"
#include "tests/support/tracer.hpp"

// What leaves the store when its records are old, what stays, and what is left when that is interrupted.

using namespace usersyncd;
using namespace usersyncd::test;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t day = 86'400;
constexpr std::size_t small_part = 2'000;  // bytes; some four records

/// The names of what lies beside the store and has left it, whole or not.
std::vector<std::string> segments_of(const TempStore& temp) {
  std::vector<std::string> found;
  for (const auto& file : fs::directory_iterator(temp.directory())) {
    const auto name = file.path().filename().string();
    if (name.find(".jsonl") != name.npos) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string text_of(const std::string& path) {
  return read_private_file(path).value_or("");
}

/// Until nothing more is to leave; returns in how many parts.
int put_all_away(Store& store, Time before, Time now, std::size_t at_once = small_part) {
  int parts = 0;
  for (bool more = true; more;) {
    const auto left = store.audit().put_away(before, now, at_once);
    if (left) ++parts;
    more = left && left->more;
  }
  return parts;
}

void make_run(Store& store, const std::string& id, std::int64_t second, bool finished = true) {
  Run run;
  run.id = id;
  run.account = "a1";
  run.kind = "poll";
  run.started_at = at(second);
  store.start_run(run);
  AuditEntry entry = make_entry("somebody", second);
  entry.run = id;
  store.audit().append(entry);
  if (finished) store.finish_run(id, "a1", "ok", "{}", at(second));
}

/// A store with 60 records, of which the first 40 are to leave, and all that was ever signed of it.
class Old {
 public:
  Old() {
    Store store(temp_.path(), Access::read_write);
    AuditWorld world(store.audit());
    for (int i = 0; i < 6; ++i) {
      world.append(10);
      heads_.push_back(heads_of({world.sign()}).front());
    }
    lines_ = exported(store.audit());
    store.tidy_up();
  }

  const TempStore& temp() const { return temp_; }
  const std::vector<TreeHead>& heads() const { return heads_; }

  /// A copy of it, as it was.
  void copy_to(const TempStore& other) const {
    for (const auto& file : fs::directory_iterator(temp_.directory()))
      fs::copy(file.path(), other.directory() / file.path().filename());
  }
  static int put_away(Store& store) { return put_all_away(store, at(40), at(100)); }
  /// When it is no longer the same records that are old.
  static int put_away_later(Store& store) { return put_all_away(store, at(45), at(3 * day)); }

  /// Whether every record is where it belongs, however far it has come.
  void check_nothing_is_lost(const TempStore& temp, Store& store) const {
    CHECK(!store.audit().verify(heads_).broken);
    const auto left = static_cast<std::size_t>(store.audit().put_away_until());
    const auto inside = exported(store.audit());
    REQUIRE(inside.size() + left >= lines_.size());
    for (std::size_t i = left; i < lines_.size(); ++i) REQUIRE(inside[i - left] == lines_[i]);
    const auto names = segments_of(temp);
    if (left > 0) {
      REQUIRE(names.size() == 1);
      CHECK(text_of((temp.directory() / names.front()).string()).starts_with(text_until(left)));
    }
  }
  /// Each record that was old is in one segment, and no part of one is left.
  void check_all_has_left(const TempStore& temp, Store& store) const {
    const auto left = store.audit().put_away_until();
    CHECK(left >= 40);
    std::string text;
    for (const auto& name : segments_of(temp)) {
      CHECK(name.ends_with(".jsonl"));
      text += text_of((temp.directory() / name).string());
    }
    CHECK(text == text_until(static_cast<std::size_t>(left)));
    CHECK(contains(store.audit().show(54).value(), "llll"));
    CHECK(!store.audit().verify(heads_).broken);
  }

 private:
  std::string text_until(std::size_t last) const {
    std::string text;
    for (std::size_t i = 0; i < last; ++i) text += lines_[i] + '\n';
    return text;
  }

  TempStore temp_{quick_directory()};
  std::vector<TreeHead> heads_;
  std::vector<std::string> lines_;
};

}  // namespace

TEST_CASE(
    "the store keeps no checkpoint that speaks only of records that have left; one kept elsewhere holds") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  std::vector<Checkpoint> elsewhere;
  for (int i = 0; i < 6; ++i) {
    world.append(10);
    elsewhere.push_back(world.sign());
  }
  const auto all = heads_of(elsewhere);
  CHECK(!store.audit().verify(all).broken);
  REQUIRE(put_all_away(store, at(40), at(100)) > 1);
  std::vector<std::int64_t> sizes;
  for (const auto& kept : store.audit().checkpoints()) sizes.push_back(kept.size);
  CHECK(sizes == std::vector<std::int64_t>{40, 50, 60});
  CHECK(store.audit().verify(all).vouched == 60);
  CHECK(!store.audit().verify(all).broken);
  CHECK(store.audit().verify(heads_of(store.audit().checkpoints())).vouched == 60);
  world.append(1);
  const auto made = world.sign();  // goes on from those that stayed
  CHECK(!store.audit().verify(heads_of({elsewhere.front(), made})).broken);
  // All that is signed may leave: what the next signature has to continue stays.
  REQUIRE(put_all_away(store, at(1'000), at(200'000)) > 0);
  CHECK(store.audit().checkpoints().size() == 1);
  world.sign();
}

TEST_CASE("old runs leave with their records, those that wrote stay with what they wrote") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  make_run(store, "idle", 1);
  make_run(store, "run-1", 2);  // of make_intent
  const auto intent = store.open_intent(make_intent("ann"), at(3));
  store.close_intent(intent, IntentEnd{}, at(3));
  make_run(store, "without end", 4, false);
  make_run(store, "idle too", 5);
  make_run(store, "young", 50);
  world.sign();
  REQUIRE(store.audit().put_away(at(20), at(100)));
  CHECK(store.audit().put_away_until() == 6);
  CHECK(store.find_run("idle").empty());
  CHECK(store.find_run("run-1").size() == 1);
  CHECK(store.find_run("without end").size() == 1);
  CHECK(store.find_run("young").size() == 1);
  IntentFilter of_run;
  of_run.run = "run-1";
  CHECK(store.list_intents(of_run).size() == 1);
  // What was over just when the last record was written may have records that are still there.
  CHECK(store.find_run("idle too").size() == 1);
  make_run(store, "younger", 3 * day);
  world.sign();
  REQUIRE(store.audit().put_away(at(2 * day), at(3 * day)));
  CHECK(store.find_run("idle too").empty());
  CHECK(store.find_run("run-1").size() == 1);
}

TEST_CASE(
    "runs and checkpoints from a time when none left are gone after some days, a part of them each day") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  for (int i = 0; i < 40; ++i) {
    Run run;
    run.id = "old " + std::to_string(i);
    run.account = "a1";
    store.start_run(run);
    store.finish_run(run.id, "a1", "ok", "{}", at(0));
  }
  const auto runs = [&] { return store.list_runs(std::nullopt, 1'000).size(); };
  std::vector<std::size_t> left;
  for (int i = 1; i <= 4; ++i) {
    world.append(6);
    world.sign();
    REQUIRE(store.audit().put_away(at(i * 6), at(i * day)));
    left.push_back(runs());
  }
  CHECK(left == std::vector<std::size_t>{28, 14, 0, 0});
}

TEST_CASE("one segment a day, however often somebody asks and the daemon starts anew") {
  const TempStore temp(quick_directory());
  std::int64_t written = 0;
  const auto key = SigningKey::generate("test");
  for (std::int64_t hour = 0; hour < 10 * 24; ++hour) {
    Store store(temp.path(), Access::read_write);
    for (int minute = 0; minute < 60; minute += 10) {
      const auto now = at(hour * 3'600 + minute * 60);
      store.audit().append(make_entry("user-" + std::to_string(++written), hour * 3'600 + minute * 60));
      REQUIRE(store.audit().checkpoint(key, now).has_value());
      store.audit().put_away(now - std::chrono::hours{48}, now);
    }
  }
  Store store(temp.path(), Access::read_write);
  CHECK(segments_of(temp).size() == 8);
  // Two days stay, and what has come of age since a day ago; of each day one record is about the segment.
  constexpr int a_day_of_records = 24 * 6 + 1;
  const auto rows = [&](const std::string& table) {
    return std::stoi(query_raw(temp.path(), "SELECT COUNT(*) FROM " + table));
  };
  CHECK(rows("audit") >= 2 * a_day_of_records - 1);
  CHECK(rows("audit") <= 3 * a_day_of_records);
  CHECK(rows("audit_checkpoints") <= rows("audit") + 1);
  CHECK(!store.audit().verify({}).broken);
}

TEST_CASE("much leaves in parts into one file, and the chain holds after each of them") {
  const Old old;
  const TempStore temp(quick_directory());
  old.copy_to(temp);
  Store store(temp.path(), Access::read_write);
  int parts = 0;
  for (bool more = true; more; ++parts) {
    const auto left = store.audit().put_away(at(40), at(100 + parts), small_part);
    REQUIRE(left);
    CHECK(left->file == audit_segment_path(temp.path(), 1, 40));
    CHECK(fs::exists(left->file) == !left->more);
    CHECK(fs::exists(left->file + ".part") == left->more);
    CHECK(left->last - left->first < 10);
    old.check_nothing_is_lost(temp, store);
    more = left->more;
    store.audit().append(make_entry("meanwhile", 100 + parts));
  }
  CHECK(parts > 4);
  CHECK(store.audit().put_away_until() == 40);
  old.check_all_has_left(temp, store);
}

TEST_CASE("a segment that somebody takes away before it is whole is not begun with a hole") {
  const Old old;
  const TempStore temp(quick_directory());
  old.copy_to(temp);
  Store store(temp.path(), Access::read_write);
  const auto first = store.audit().put_away(at(40), at(100), small_part);
  REQUIRE(first);
  fs::remove(first->file + ".part");
  put_all_away(store, at(40), at(100));
  const auto rest = audit_segment_path(temp.path(), first->last + 1, 40);
  REQUIRE(segments_of(temp) == std::vector<std::string>{fs::path(rest).filename().string()});
  CHECK(text_of(rest).starts_with("{\"seq\":" + std::to_string(first->last + 1) + ","));
  CHECK(!store.audit().verify(old.heads()).broken);
}

TEST_CASE("A28: killed at any system call while records leave, nothing is lost and the next start ends it") {
  const Old old;
  std::size_t nth = 0;
  for (bool killed = true; killed;) {
    ++nth;
    CAPTURE(nth);
    const TempStore temp(quick_directory());
    old.copy_to(temp);
    const auto put_away = [&temp] {
      Store store(temp.path(), Access::read_write);
      Old::put_away(store);
    };
    const auto traced = run_traced(put_away, nth);
    killed = traced.killed;
    REQUIRE((killed || traced.exit == 0));
    Store store(temp.path(), Access::read_write);
    old.check_nothing_is_lost(temp, store);
    Old::put_away_later(store);
    old.check_all_has_left(temp, store);
  }
  CHECK(nth > 500);
}

TEST_CASE(
    "a disk that fills up while records leave is a StoreError; nothing is lost, and there is a next time") {
  const Old old;
  std::size_t failed = 0;
  for (rlim_t most = 0; most <= 120'000; most += 3'000) {
    CAPTURE(most);
    const TempStore temp(quick_directory());
    old.copy_to(temp);
    Child child([&temp, most](const Report& report) {
      std::signal(SIGXFSZ, SIG_IGN);
      Store store(temp.path(), Access::read_write);
      const rlimit limit{most, RLIM_INFINITY};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      Old::put_away(store);
      report("done");
    });
    const auto told = child.read_line();
    child.wait();
    if (told != "done") ++failed;
    Store store(temp.path(), Access::read_write);
    old.check_nothing_is_lost(temp, store);
    Old::put_away_later(store);
    old.check_all_has_left(temp, store);
  }
  CHECK(failed > 5);
}
