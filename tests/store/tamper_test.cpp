#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <random>

#include "store/audit_rows.hpp"
#include "store/schema.hpp"
#include "sync/plan.hpp"
#include "tests/store/audit_world.hpp"

// What a person with write access to the database could do to the audit log, at random, many times over.
// `USERSYNCD_TAMPER_RUNS=100000` makes it the long run.

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

struct Row {
  std::int64_t seq = 0, time = 0;
  std::string run, account, kind, user_key, record, hash;
};

/// What was done, and which seq verify must name.
struct Tampering {
  std::string kind;
  std::int64_t first_bad = 0;
};

/// A log with checkpoints, which are kept elsewhere, and one way after the other to change it. Everything
/// happens inside a savepoint that is rolled back.
class Bench {
 public:
  Bench(const std::string& path, std::int64_t put_away, unsigned seed)
      : database_(path, Access::read_write, store_schema()), random_(seed) {
    AuditWorld world(audit_);
    for (const int count : {40, 50, 60}) {
      world.append(count);
      checkpoints_.push_back(world.sign());
    }
    if (put_away > 0) {
      REQUIRE(audit_.put_away(at(put_away), at(200)));
      world.append(5);
      checkpoints_.push_back(world.sign());
    }
    heads_ = heads_of(checkpoints_);
    auto statement = database_.prepare(
        "SELECT seq, time, run, account, kind, user_key, record, hash FROM audit ORDER BY seq");
    while (statement.step()) {
      rows_.push_back({statement.integer(0), statement.integer(1), statement.text(2), statement.text(3),
                       statement.text(4), statement.text(5), statement.text(6), statement.text(7)});
    }
    base_ = rows_.front().seq - 1;
    last_ = rows_.back().seq;
    database_.execute(drop_audit_triggers);
  }

  void run(std::map<std::string, int>& counts) {
    // Once in a while: the rollback of what was done before left nothing behind.
    if (runs_++ % 64 == 0) REQUIRE(!audit_.verify(heads_).broken);
    database_.execute("SAVEPOINT tampering");
    const Tampering done = tamper();
    const auto broken = audit_.verify(heads_).broken;
    INFO(done.kind, ", first bad seq ", done.first_bad);
    REQUIRE(broken);
    INFO(broken->reason);
    REQUIRE(broken->seq == done.first_bad);
    database_.execute("ROLLBACK TO tampering; RELEASE tampering");
    ++counts[done.kind];
  }

 private:
  std::int64_t pick(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  const Row& row(std::int64_t seq) const { return rows_.at(static_cast<std::size_t>(seq - base_ - 1)); }
  const Row& any_row() { return row(pick(base_ + 1, last_)); }

  std::string flipped(std::string text) {
    const auto place = static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(text.size()) - 1));
    text[place] = static_cast<char>(text[place] ^ (1 << pick(0, 7)));
    return text;
  }

  void set(const std::string& column, std::int64_t seq, const std::string& value) {
    database_.prepare("UPDATE audit SET " + column + " = ? WHERE seq = ?").bind(value, seq).run();
  }

  void put(const Row& content, std::int64_t seq) {
    database_
        .prepare(
            "INSERT INTO audit (seq, time, run, account, kind, user_key, record, hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(seq, content.time, content.run, content.account, content.kind, content.user_key, content.record,
              content.hash)
        .run();
  }

  void remove(std::int64_t first, std::int64_t last) {
    database_.prepare("DELETE FROM audit WHERE seq >= ? AND seq <= ?").bind(first, last).run();
  }

  /// Makes the head fit the records up to `seq` and whatever their hashes are now.
  void fit_head(std::int64_t seq) {
    AuditHead head = read_audit_base(database_).end;
    auto statement = database_.prepare("SELECT hash FROM audit WHERE seq <= ? ORDER BY seq");
    statement.bind(seq);
    while (statement.step()) {
      head.hash = statement.text(0);
      head.tree.add(digest_from_hex(head.hash).value());
    }
    head.seq = seq;
    write_audit_head(database_, head);
  }

  Tampering tamper() {
    switch (pick(0, 11)) {
      case 0:
        return flip_text();
      case 1:
        return flip_number();
      case 2:
        return flip_head();
      case 3:
        return flip_base();
      case 4:
        return take_out();
      case 5:
        return swap();
      case 6:
        return insert_copy();
      case 7:
        return insert_made_up();
      case 8:
        return shorten();
      case 9:
        return replace();
      case 10:
        return cut_off();
      default:
        return forge();
    }
  }

  Tampering flip_text() {
    const Row& victim = any_row();
    const std::vector<std::pair<std::string, std::string>> columns{
        {"record", victim.record},   {"hash", victim.hash}, {"run", victim.run},
        {"account", victim.account}, {"kind", victim.kind}, {"user_key", victim.user_key}};
    // The record is most of what there is.
    auto chosen = columns.at(static_cast<std::size_t>(std::max<std::int64_t>(0, pick(-5, 5))));
    if (chosen.second.empty()) chosen = columns.front();
    set(chosen.first, victim.seq, flipped(chosen.second));
    return {"bit of " + chosen.first, victim.seq};
  }

  Tampering flip_number() {
    const Row& victim = any_row();
    if (pick(0, 1) == 0) {
      const auto time =
          static_cast<std::int64_t>(static_cast<std::uint64_t>(victim.time) ^ (1ULL << pick(0, 62)));
      database_.prepare("UPDATE audit SET time = ? WHERE seq = ?").bind(time, victim.seq).run();
      return {"bit of time", victim.seq};
    }
    std::int64_t seq = victim.seq;
    while (seq > base_ && seq <= last_)
      seq = static_cast<std::int64_t>(static_cast<std::uint64_t>(victim.seq) ^ (1ULL << pick(0, 63)));
    database_.prepare("UPDATE audit SET seq = ? WHERE seq = ?").bind(seq, victim.seq).run();
    return {"bit of seq", std::min(seq, victim.seq)};
  }

  Tampering flip_head() {
    const AuditHead head = read_audit_head(database_);
    switch (pick(0, 2)) {
      case 0: {
        const auto seq = static_cast<std::int64_t>(static_cast<std::uint64_t>(last_) ^ (1ULL << pick(0, 63)));
        database_.prepare("UPDATE audit_head SET seq = ?").bind(seq).run();
        return {"bit of the head", seq > last_ ? last_ + 1 : last_};
      }
      case 1:
        database_.prepare("UPDATE audit_head SET hash = ?").bind(flipped(head.hash)).run();
        break;
      default:
        database_.prepare("UPDATE audit_head SET frontier = ?").bind(flipped(head.tree.text())).run();
    }
    return {"bit of the head", last_};
  }

  Tampering flip_base() {
    const AuditBase base = read_audit_base(database_);
    const std::string kind = "bit of the base";
    switch (pick(base_ == 0 ? 1 : 0, 3)) {
      case 0:
        database_.prepare("UPDATE audit_base SET frontier = ?").bind(flipped(base.end.tree.text())).run();
        return {kind, 1};
      case 1:
        database_.prepare("UPDATE audit_base SET hash = ?").bind(flipped(base.end.hash)).run();
        return {kind, base_ + 1};
      case 2:
        database_.prepare("UPDATE audit_base SET origin = ?").bind(flipped(base.origin)).run();
        return {kind, 1};
      default:
        const auto seq = static_cast<std::int64_t>(static_cast<std::uint64_t>(base_) ^ (1ULL << pick(0, 63)));
        database_.prepare("UPDATE audit_base SET seq = ?").bind(seq).run();
        return {kind, 1};
    }
  }

  Tampering take_out() {
    const auto first = pick(base_ + 1, last_);
    const auto last = pick(0, 3) == 0 ? pick(first, last_) : first;
    remove(first, last);
    if (pick(0, 1) == 0) shift(last + 1, first - last - 1);
    return {"records taken out", first};
  }

  /// Renumbers the rows from `seq` on.
  void shift(std::int64_t seq, std::int64_t by) {
    database_.prepare("UPDATE audit SET seq = -seq WHERE seq >= ?").bind(seq).run();
    database_.prepare("UPDATE audit SET seq = ? - seq WHERE seq < 0").bind(by).run();
  }

  Tampering swap() {
    const Row& one = any_row();
    const Row& other = any_row();
    if (one.seq == other.seq) return swap();
    remove(one.seq, one.seq);
    remove(other.seq, other.seq);
    put(one, other.seq);
    put(other, one.seq);
    return {"records swapped", std::min(one.seq, other.seq)};
  }

  Tampering insert_copy() {
    const Row& copy = any_row();
    const auto seq = pick(base_ + 1, last_ + 1);
    shift(seq, 1);
    put(copy, seq);
    if (pick(0, 1) == 0) database_.prepare("UPDATE audit_head SET seq = seq + 1").run();
    return {"copy inserted", copy.seq == seq ? seq + 1 : seq};
  }

  // With the right number, the right `prev` and a fitting hash.
  Tampering insert_made_up() {
    const auto seq = pick(base_ + 1, last_ + 1);
    Row made = row(seq == base_ + 1 ? seq + 1 : seq - 1);
    const std::string prev = seq == base_ + 1 ? read_audit_base(database_).end.hash : row(seq - 1).hash;
    made.record = with_prev(with_seq(made.record, seq), prev);
    made.hash = audit_hash(made.record);
    shift(seq, 1);
    put(made, seq);
    return {"record made up", seq};
  }

  Tampering shorten() {
    const Row& victim = any_row();
    const bool whole = pick(0, 3) > 0;
    const std::string& text = whole ? victim.record : victim.hash;
    const auto size = static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(text.size()) - 1));
    set(whole ? "record" : "hash", victim.seq,
        pick(0, 1) == 0 ? text.substr(0, size) : text.substr(text.size() - size));
    return {"record cut short", victim.seq};
  }

  /// One record edited, with a hash that fits.
  Tampering replace() {
    const Row& victim = any_row();
    const std::string record = edited(victim.record);
    set("record", victim.seq, record);
    set("hash", victim.seq, audit_hash(record));
    return {"record replaced", victim.seq};
  }

  /// As if the last records had never been written; only a checkpoint can tell.
  Tampering cut_off() {
    const auto first = pick(base_ + 1, last_);
    remove(first, last_);
    fit_head(first - 1);
    return {"tail cut off", first};
  }

  /// One record edited, and all that follow made to fit: only a checkpoint can tell, and only from which of
  /// them on.
  Tampering forge() {
    const auto first = pick(base_ + 1, last_);
    std::string prev = first == base_ + 1 ? read_audit_base(database_).end.hash : row(first - 1).hash;
    for (auto seq = first; seq <= last_; ++seq) {
      const std::string record = with_prev(seq == first ? edited(row(seq).record) : row(seq).record, prev);
      prev = audit_hash(record);
      set("record", seq, record);
      set("hash", seq, prev);
    }
    fit_head(last_);
    std::int64_t vouched = base_;
    for (const TreeHead& head : heads_) {
      if (head.size < first) vouched = std::max(vouched, head.size);
    }
    return {"log rewritten", vouched + 1};
  }

  static std::string edited(std::string record) {
    const auto at = record.find("\"actor\":\"daemon\"");
    return record.replace(at, 16, "\"actor\":\"nobody\"");
  }
  static std::string with_prev(std::string record, const std::string& prev) {
    return record.replace(record.size() - 66, 64, prev);
  }
  static std::string with_seq(const std::string& record, std::int64_t seq) {
    return "{\"seq\":" + std::to_string(seq) + record.substr(record.find(','));
  }

  Database database_;
  AuditLog audit_{database_};
  std::mt19937 random_;
  std::vector<Checkpoint> checkpoints_;
  std::vector<TreeHead> heads_;
  std::vector<Row> rows_;
  std::int64_t base_ = 0, last_ = 0;
  int runs_ = 0;
};

int tamper_runs() {
  const char* asked = std::getenv("USERSYNCD_TAMPER_RUNS");
  return asked == nullptr ? 3'000 : std::atoi(asked);
}

void print(const char* what, const std::map<std::string, int>& counts) {
  if (std::getenv("USERSYNCD_TAMPER_RUNS") == nullptr) return;
  for (const auto& [kind, count] : counts) std::cout << what << ": " << kind << " " << count << '\n';
}

}  // namespace

TEST_CASE("whatever is done to the records, verify finds it and names the first bad seq") {
  const unsigned seed = static_cast<unsigned>(tamper_runs());
  std::map<std::string, int> counts;
  for (const std::int64_t put_away : {0, 30}) {
    const TempStore temp(quick_directory());
    Bench bench(temp.path(), put_away, seed);
    for (int i = 0; i < tamper_runs() / 2; ++i) bench.run(counts);
  }
  CHECK(counts.size() == 18);
  print("found", counts);
}

TEST_CASE("an older copy of the whole file is found, also after it went on") {
  std::map<std::string, int> counts;
  std::mt19937 random(7);
  for (int i = 0; i < tamper_runs() / 100; ++i) {
    const TempStore temp(quick_directory()), copies(quick_directory());
    std::vector<Checkpoint> checkpoints;
    const int steps = 2 + i % 4;
    const auto kept = static_cast<std::size_t>(i % steps);
    {
      Store store(temp.path(), Access::read_write);
      AuditWorld world(store.audit());
      for (int step = 0; step < steps; ++step) {
        world.append(std::uniform_int_distribution<int>(1, 30)(random));
        checkpoints.push_back(world.sign());
        store.tidy_up();
        if (static_cast<std::size_t>(step) == kept) std::filesystem::copy_file(temp.path(), copies.path());
      }
    }
    const bool newest = kept + 1 == checkpoints.size();
    Store store(copies.path(), Access::read_write);
    if (i % 2 == 1) AuditWorld(store.audit()).append(200);
    const auto verified = store.audit().verify(heads_of(checkpoints));
    CHECK(verified.broken.has_value() == !newest);
    if (verified.broken) CHECK(verified.broken->seq == checkpoints[kept].size + 1);
    ++counts[newest ? "newest copy, nothing to find" : i % 2 == 1 ? "older copy that went on" : "older copy"];
  }
  print("rollback", counts);
}

TEST_CASE("a bit of the database file: verify or SQLite finds it, or the log still says the same") {
  std::map<std::string, int> counts;
  std::mt19937 random(11);
  const TempStore temp(quick_directory());
  std::vector<Checkpoint> checkpoints;
  std::vector<std::string> lines;
  {
    Store store(temp.path(), Access::read_write);
    AuditWorld world(store.audit());
    world.append(60);
    checkpoints.push_back(world.sign());
    lines = exported(store.audit());
    store.tidy_up();
  }
  const auto size = std::filesystem::file_size(temp.path());
  for (int i = 0; i < tamper_runs() / 20; ++i) {
    const TempStore copy(quick_directory());
    std::filesystem::copy_file(temp.path(), copy.path());
    {
      std::fstream file(copy.path(), std::ios::in | std::ios::out | std::ios::binary);
      const auto place = std::uniform_int_distribution<std::uintmax_t>(0, size - 1)(random);
      file.seekg(static_cast<std::streamoff>(place));
      const auto byte =
          static_cast<char>(file.get() ^ (1 << std::uniform_int_distribution<int>(0, 7)(random)));
      file.seekp(static_cast<std::streamoff>(place));
      file.put(byte);
    }
    try {
      Store store(copy.path(), Access::read_only);
      const auto verified = store.audit().verify(heads_of(checkpoints));
      ++counts[verified.broken ? "found by verify" : "no record touched"];
      if (!verified.broken) CHECK(exported(store.audit()) == lines);
    } catch (const StoreError&) {
      ++counts["found by SQLite"];
    }
  }
  CHECK(counts["found by verify"] > 0);
  print("bit of the file", counts);
}

TEST_CASE("a bit of a checkpoint or of its key: nothing that was not signed is believed") {
  std::mt19937 random(13);
  const auto key = SigningKey::generate("usersyncd/test");
  const std::string note = key.sign(TreeHead{"usersyncd/test", 4711, {}});
  const std::string published = key.verifying_key().text();
  for (int i = 0; i < tamper_runs(); ++i) {
    std::string changed = note, changed_key = published;
    std::string& victim = i % 4 == 0 ? changed_key : changed;
    const auto place = std::uniform_int_distribution<std::size_t>(0, victim.size() - 1)(random);
    victim[place] =
        static_cast<char>(victim[place] ^ (1 << std::uniform_int_distribution<int>(0, 7)(random)));
    const auto keys = parse_verifying_keys(changed_key);
    const auto notes = parse_notes(changed);
    if (!keys || keys->empty() || !notes || notes->empty()) continue;
    CAPTURE(changed);
    CHECK(!keys->front().verifies(notes->front()));
  }
}
