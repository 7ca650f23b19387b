#include "tests/store/audit_world.hpp"

namespace usersyncd::test {

const std::string drop_audit_triggers =
    "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted; ";

void AuditWorld::append(int count) {
  for (int i = 0; i < count; ++i, ++written_) {
    AuditEntry entry = make_entry("user-" + std::to_string(written_ % 17), written_);
    entry.action = "action-" + std::to_string(written_);
    if (written_ % 5 == 0) {
      entry.kind = AuditKind::intent;
      entry.detail.emplace("intent", written_);
      entry.detail.emplace("before", nullptr);
    } else if (written_ % 5 != 4) {
      entry.kind = AuditKind::exchange;
      entry.attempt = 1;
      const bool large = written_ % 10 == 3;
      entry.request = AuditRequest{"GET", "https://api.example.com/users", Headers{{"Accept", "a/b"}}, ""};
      entry.response = AuditResponse{200, {{"Content-Type", "application/json"}}, {}};
      entry.response->body = large ? std::string(AuditLog::always_literal + 1, 'l')
                                   : "{\"n\":" + std::to_string(written_) + ",\"name\":\"Ada\"}";
      entry.duration = Duration{written_ % 40};
    } else {
      entry.detail.emplace("state", "done");
    }
    audit_.append(entry);
  }
}

Checkpoint AuditWorld::sign() {
  const auto made = audit_.checkpoint(key_, at(written_));
  REQUIRE_MESSAGE(made.has_value(), made.error().text());
  REQUIRE(made->has_value());
  return **made;
}

std::vector<TreeHead> heads_of(const std::vector<Checkpoint>& checkpoints) {
  std::vector<TreeHead> heads;
  for (const Checkpoint& checkpoint : checkpoints) {
    const auto notes = parse_notes(checkpoint.note);
    REQUIRE(notes.has_value());
    heads.push_back(notes->front().head);
  }
  return heads;
}

std::vector<std::string> exported(AuditLog& audit) {
  std::vector<std::string> lines;
  audit.for_each({}, [&lines](const AuditRow& row) { lines.push_back(row.line); });
  return lines;
}

}  // namespace usersyncd::test
