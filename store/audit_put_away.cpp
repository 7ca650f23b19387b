#include <boost/json/parse.hpp>
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

/// The last record that may leave: older than `before` like all before it, and covered by a checkpoint.
std::int64_t last_to_leave(Database& database, std::int64_t base, Time before, std::int64_t most) {
  std::int64_t last = base;
  auto signed_size = database.prepare("SELECT MAX(size) FROM audit_checkpoints");
  if (signed_size.step()) last = signed_size.integer(0);
  auto young = database.prepare("SELECT seq FROM audit WHERE time >= ? ORDER BY seq LIMIT 1");
  if (young.bind(before).step()) last = std::min(last, young.integer(0) - 1);
  return std::min(last, base + most);
}

/// Reads the records that leave, and what the chain is after them.
std::string read_leaving(Database& database, std::int64_t last, AuditHead& end) {
  auto records =
      database.prepare("SELECT seq, record, hash FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq");
  records.bind(end.seq, last);
  std::string lines;
  while (records.step()) {
    const std::string text = records.text(1);
    std::string hash = records.text(2);
    if (records.integer(0) != end.seq + 1 || audit_hash(text) != hash || !says_prev(text, end.hash)) {
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

std::optional<AuditSegment> AuditLog::put_away(Time before, Time now, std::int64_t most) {
  AuditHead end = read_audit_base(database_).end;
  const std::int64_t base = end.seq;
  const std::int64_t last = last_to_leave(database_, base, before, most);
  if (last <= base) return std::nullopt;
  // What is read cannot change any more, so that nobody has to wait while the file is written. After a crash
  // before the commit the file is written anew.
  const std::string lines = read_leaving(database_, last, end);
  if (end.seq != last) throw StoreError("store " + database_.path() + ": audit records are missing");
  AuditSegment segment{base + 1, last, write_audit_segment(database_.path(), base + 1, last, lines)};
  Transaction transaction(database_);
  if (read_audit_base(database_).end.seq != base) return std::nullopt;  // another process was quicker
  append(retention_entry(segment.first, end, segment.file, lines, now));
  carry_bodies(database_, last);
  move_base(database_, end);
  transaction.commit();
  return segment;
}

}  // namespace usersyncd
