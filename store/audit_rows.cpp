#include "store/audit_rows.hpp"

namespace usersyncd {
namespace {

AuditHead head_from(const Database& database, std::int64_t seq, std::string hash,
                    const std::string& frontier) {
  auto tree = MerkleFrontier::parse(seq, frontier);
  if (!tree) {
    throw StoreError("store " + database.path() +
                     ": the audit log was tampered with or is damaged: " + "see `usersyncd audit verify`");
  }
  return AuditHead{seq, std::move(hash), *std::move(tree)};
}

}  // namespace

AuditHead read_audit_head(Database& database) {
  auto statement = database.prepare("SELECT seq, hash, frontier FROM audit_head WHERE id = 1");
  if (!statement.step()) return {};
  return head_from(database, statement.integer(0), statement.text(1), statement.text(2));
}

AuditBase read_audit_base(Database& database) {
  auto statement = database.prepare("SELECT origin, seq, hash, frontier FROM audit_base WHERE id = 1");
  if (!statement.step()) {
    throw StoreError("store " + database.path() + ": the beginning of the audit log is missing");
  }
  return AuditBase{statement.text(0),
                   head_from(database, statement.integer(1), statement.text(2), statement.text(3))};
}

void write_audit_head(Database& database, const AuditHead& head) {
  constexpr std::string_view first = "INSERT INTO audit_head (seq, hash, frontier, id) VALUES (?, ?, ?, 1)";
  constexpr std::string_view next = "UPDATE audit_head SET seq = ?, hash = ?, frontier = ? WHERE id = 1";
  const auto text = head.tree.text();
  database.prepare(next).bind(head.seq, head.hash, text).run();
  if (database.changes() == 0) database.prepare(first).bind(head.seq, head.hash, text).run();
}

std::string audit_line(std::string text, std::string_view hash) {
  if (!text.empty()) text.pop_back();
  return text.append(",\"hash\":\"").append(hash).append("\"}");
}

bool says_prev(std::string_view text, std::string_view hash) {
  std::string ending = "\"prev\":\"";
  ending.append(hash).append("\"}");
  return text.ends_with(ending);
}

}  // namespace usersyncd
