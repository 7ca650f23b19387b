#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>

#include "store/audit.hpp"
#include "store/audit_files.hpp"
#include "store/audit_rows.hpp"
#include "store/json_text.hpp"
#include "sync/plan.hpp"

// Old records leave the store for a file of their own, and the chain begins where they ended.

namespace usersyncd {
namespace {

namespace json = boost::json;

constexpr std::string_view every_account;
constexpr std::string_view segment_note = "audit segment";
constexpr std::chrono::days between_segments{1};

/// What records leave into, part by part. It is kept, so that a file is ended under the name that it was
/// begun with, however often that is interrupted.
struct Segment {
  std::int64_t first = 0, last = 0;  ///< records
  std::int64_t bytes = 0;            ///< of the file: the records that have left
  Time begun{};
  std::int64_t runs = 0;  ///< the last run that was looked at, whether it leaves
};

Segment read_segment(Database& database) {
  auto note = database.prepare("SELECT content FROM notes WHERE account = ? AND name = ?");
  if (!note.bind(every_account, segment_note).step()) return {};
  const json::value content = parse_stored(note.text(0));
  const auto number = [&content](const char* pointer) {
    json::error_code missing;
    const json::value* value = content.find_pointer(pointer, missing);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
  };
  return Segment{number("/first"), number("/last"), number("/bytes"), time_from_millis(number("/begun")),
                 number("/runs")};
}

void write_segment(Database& database, const Segment& segment) {
  const json::object content{{"first", segment.first},
                             {"last", segment.last},
                             {"bytes", segment.bytes},
                             {"begun", millis_of(segment.begun)},
                             {"runs", segment.runs}};
  constexpr std::string_view sql =
      "INSERT INTO notes (account, name, content) VALUES (?, ?, ?)"
      " ON CONFLICT (account, name) DO UPDATE SET content = excluded.content";
  database.prepare(sql).bind(every_account, segment_note, json::serialize(content)).run();
}

/// The last record that may leave: older than `before` like all before it, and covered by a checkpoint. It is
/// looked for by halves, as a long log must keep nobody waiting: where somebody has set the clock it may be
/// an earlier one.
std::int64_t last_to_leave(Database& database, std::int64_t base, Time before) {
  std::int64_t leaves = base, newest = base;
  {
    auto signed_size = database.prepare("SELECT MAX(size) FROM audit_checkpoints");
    if (signed_size.step()) newest = signed_size.integer(0);
  }
  while (leaves < newest) {
    const std::int64_t middle = newest - (newest - leaves) / 2;
    auto record = database.prepare("SELECT time FROM audit WHERE seq = ?");
    if (record.bind(middle).step() && record.time(0) < before)
      leaves = middle;
    else
      newest = middle - 1;
  }
  return leaves;
}

/// The segment that the next records go into: the one that is under way, or a new one, if a day has passed
/// since the last was begun and there is something to leave.
std::optional<Segment> segment_for(Database& database, std::int64_t base, Time before, Time now) {
  const Segment known = read_segment(database);
  Segment segment{base + 1, known.last, 0, known.begun, known.runs};
  if (known.first <= base + 1 && base < known.last) {
    const auto path = audit_segment_path(database.path(), known.first, known.last);
    if (audit_segment_size(path) >= known.bytes) return known;
    // Somebody has taken the file away: the rest gets one of its own.
  } else {
    const bool is_over = now < known.begun || now - known.begun >= between_segments;
    if (known.last > 0 && !is_over) return std::nullopt;
    segment.last = last_to_leave(database, base, before);
    if (segment.last <= base) return std::nullopt;
    segment.begun = now;
  }
  Transaction transaction(database);
  write_segment(database, segment);
  transaction.commit();
  return segment;
}

/// Reads records up to `last`, but no more than come to some `at_once` bytes, and moves `end` to the last.
std::string read_leaving(Database& database, std::int64_t last, std::size_t at_once, AuditHead& end) {
  auto records =
      database.prepare("SELECT seq, record, hash FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq");
  records.bind(end.seq, last);
  std::string lines;
  while (end.seq < last && (lines.empty() || lines.size() < at_once)) {
    const bool found = records.step();
    const std::string text = found ? records.text(1) : std::string{};
    std::string hash = found ? records.text(2) : std::string{};
    if (!found || records.integer(0) != end.seq + 1 || audit_hash(text) != hash ||
        !says_prev(text, end.hash)) {
      throw StoreError("store " + database.path() + ": the audit log is broken at seq " +
                       std::to_string(end.seq + 1) + ": nothing is put away; see `usersyncd audit verify`");
    }
    lines += audit_line(text, hash) + '\n';
    end.tree.add(digest_from_hex(hash).value());
    end.hash = std::move(hash);
    ++end.seq;
  }
  return lines;
}

/// The body with this digest that a record has written out.
std::string literal_body(const std::string& text, const std::string& digest) {
  const json::value record = parse_stored(text);
  for (const char* pointer : {"/request/body", "/response/body"}) {
    json::error_code missing;
    const json::value* body = record.find_pointer(pointer, missing);
    if (missing || !body->is_string()) continue;
    std::string found(std::string_view(body->get_string()));
    if (sha256_hex(found) == digest) return found;
  }
  throw StoreError("the body " + digest + " is not in the audit record that should have it");
}

// A body that a later record points to stays, although the record that wrote it out first leaves.
void carry_bodies(Database& database, std::int64_t last) {
  struct Carried {
    std::string account, digest, body;
  };
  std::vector<Carried> carried;
  {
    auto shared = database.prepare(
        "SELECT bodies.account, sha256, record FROM audit_bodies AS bodies JOIN audit USING (seq)"
        " WHERE bodies.seq <= ? AND last_seq > ? AND body = '' ORDER BY bodies.account, sha256");
    shared.bind(last, last);
    while (shared.step())
      carried.push_back({shared.text(0), shared.text(1), literal_body(shared.text(2), shared.text(1))});
  }
  for (const Carried& one : carried) {
    database.prepare("UPDATE audit_bodies SET body = ? WHERE account = ? AND sha256 = ?")
        .bind(one.body, one.account, one.digest)
        .run();
  }
  database.prepare("DELETE FROM audit_bodies WHERE last_seq <= ?").bind(last).run();
}

/// Runs that were over before the record `last` leave with their records, but for those that wrote: `undo`
/// and `explain` ask for them, however old they are. Returns the last run that was looked at.
std::int64_t forget_runs(Database& database, std::int64_t last, std::int64_t looked_at, std::int64_t most) {
  std::vector<std::int64_t> leaving;
  {
    auto record = database.prepare("SELECT time FROM audit WHERE seq = ?");
    record.bind(last).step();
    const Time until = record.time(0);
    auto runs = database.prepare(
        "SELECT number, started_at, finished_at, EXISTS (SELECT 1 FROM intents WHERE intents.run = runs.id)"
        " FROM runs WHERE number > ? ORDER BY number LIMIT ?");
    runs.bind(looked_at, most);
    while (runs.step() && runs.time(1) < until) {
      const auto finished_at = runs.maybe_time(2);
      if (finished_at && *finished_at >= until) break;  // its last records are still there
      looked_at = runs.integer(0);
      // One without an end is of an account that nobody looks after any more.
      if (finished_at && !runs.flag(3)) leaving.push_back(looked_at);
    }
  }
  for (const std::int64_t number : leaving)
    database.prepare("DELETE FROM runs WHERE number = ?").bind(number).run();
  return looked_at;
}

/// What speaks of nothing but records that have left proves nothing here any more.
void forget_checkpoints(Database& database, std::int64_t last, std::int64_t most) {
  constexpr std::string_view sql =
      "DELETE FROM audit_checkpoints WHERE size IN"
      " (SELECT size FROM audit_checkpoints WHERE size < ? ORDER BY size LIMIT ?)";
  database.prepare(sql).bind(last, most).run();
}

void move_base(Database& database, const AuditHead& end) {
  database.prepare("UPDATE audit_base SET seq = ?, hash = ?, frontier = ? WHERE id = 1")
      .bind(end.seq, end.hash, end.tree.text())
      .run();
  database.prepare("DELETE FROM audit WHERE seq <= ?").bind(end.seq).run();
}

AuditEntry retention_entry(std::int64_t first, const AuditHead& end, const std::string& file,
                           const std::string& lines, Time now) {
  AuditEntry entry;
  entry.kind = AuditKind::lifecycle;
  entry.time = now;
  entry.actor = "daemon";
  entry.detail.emplace("event", "retention");
  entry.detail.emplace("first", first);
  entry.detail.emplace("last", end.seq);
  entry.detail.emplace("lastHash", end.hash);
  entry.detail.emplace("frontier", end.tree.text());
  entry.detail.emplace("file", std::filesystem::path(file).filename().string());
  entry.detail.emplace("sha256", sha256_hex(lines));
  return entry;
}

}  // namespace

std::optional<AuditSegment> AuditLog::put_away(Time before, Time now, std::size_t at_once) {
  const AuditHead base = read_audit_base(database_).end;
  auto segment = segment_for(database_, base.seq, before, now);
  if (!segment) return std::nullopt;
  // What is read cannot change any more, so that nobody has to wait while the file is written. After a crash
  // before the commit the same is written once more.
  AuditHead end = base;
  const std::string lines = read_leaving(database_, segment->last, at_once, end);
  const AuditSegment left{base.seq + 1, end.seq,
                          audit_segment_path(database_.path(), segment->first, segment->last),
                          end.seq < segment->last};
  extend_audit_segment(database_.path(), left.file, segment->bytes, lines, !left.more);
  segment->bytes += static_cast<std::int64_t>(lines.size());
  // Every run and every checkpoint comes with a record. Twice as many may leave: a store may have more of
  // them from a time when none did.
  const std::int64_t most = 2 * (end.seq - base.seq);
  Transaction transaction(database_);
  if (read_audit_base(database_).end.seq != base.seq) return std::nullopt;  // another process was quicker
  append(retention_entry(left.first, end, left.file, lines, now));
  carry_bodies(database_, end.seq);
  segment->runs = forget_runs(database_, end.seq, segment->runs, most);
  forget_checkpoints(database_, end.seq, most);
  move_base(database_, end);
  write_segment(database_, *segment);
  transaction.commit();
  return left;
}

}  // namespace usersyncd
