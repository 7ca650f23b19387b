#include <algorithm>
#include <boost/json/value.hpp>
#include <map>
#include <utility>

#include "store/audit.hpp"
#include "store/json_text.hpp"
#include "sync/plan.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

/// One row of the table, as it stands.
struct StoredRow {
  std::int64_t seq = 0;
  Time time{};
  std::string run, account, kind, user_key, record, hash;
};

/// A body that later records may point to.
struct KnownBody {
  std::int64_t seq = 0;
  std::int64_t bytes = 0;
};

std::string text_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()));
}

std::optional<std::int64_t> integer_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

const json::value* body_of(const json::object& record, std::string_view part) {
  const json::value* holder = record.if_contains(part);
  if (holder == nullptr || !holder->is_object()) return nullptr;
  return holder->get_object().if_contains("body");
}

/// Looks at one record after the other and says what is wrong with it; empty: nothing.
class ChainWalk {
 public:
  std::string check(const StoredRow& row);
  std::int64_t last_seq() const { return seq_; }
  const std::string& last_hash() const { return hash_; }

 private:
  std::string check_body(const json::object& record, const StoredRow& row, std::string_view part);

  std::int64_t seq_ = 0;
  std::string hash_ = std::string(64, '0');
  std::map<std::pair<std::string, std::string>, KnownBody> bodies_;  ///< by account and digest
};

std::string check_columns(const json::object& record, const StoredRow& row) {
  const std::string differs = " in the table differs from the record";
  if (integer_member(record, "seq") != row.seq) return "seq" + differs;
  if (parse_time(text_member(record, "time")) != row.time) return "time" + differs;
  if (text_member(record, "run") != row.run) return "run" + differs;
  if (text_member(record, "account") != row.account) return "account" + differs;
  if (text_member(record, "kind") != row.kind) return "kind" + differs;
  if (key_of(text_member(record, "username")) != row.user_key) return "username" + differs;
  return {};
}

std::string ChainWalk::check(const StoredRow& row) {
  if (row.seq <= seq_) return "there is a record before the first one";
  if (row.seq != seq_ + 1) {
    return "records " + std::to_string(seq_ + 1) + " to " + std::to_string(row.seq - 1) + " are missing";
  }
  if (audit_hash(row.record) != row.hash) return "bad hash: the record was changed after it was written";
  json::value document;
  try {
    document = parse_stored(row.record);
  } catch (const StoreError&) {
    return "the record is not JSON";
  }
  if (!document.is_object()) return "the record is not a JSON object";
  const json::object& record = document.get_object();
  if (text_member(record, "prev") != hash_) {
    return "bad prev: it is not the hash of the record before, one of the two was replaced";
  }
  if (std::string fault = check_columns(record, row); !fault.empty()) return fault;
  for (const std::string_view part : {"request", "response"}) {
    if (std::string fault = check_body(record, row, part); !fault.empty()) return fault;
  }
  seq_ = row.seq;
  hash_ = row.hash;
  return {};
}

std::string ChainWalk::check_body(const json::object& record, const StoredRow& row, std::string_view part) {
  const json::value* body = body_of(record, part);
  if (body == nullptr) return {};
  if (body->is_string() && body->get_string().size() > AuditLog::always_literal) {
    const std::string_view text(body->get_string());
    const KnownBody known{row.seq, static_cast<std::int64_t>(text.size())};
    bodies_.try_emplace({row.account, sha256_hex(text)}, known);
  }
  if (!body->is_object()) return {};
  const json::object& reference = body->get_object();
  const auto known = bodies_.find({row.account, text_member(reference, "sha256")});
  if (known == bodies_.end() || integer_member(reference, "sameAs") != known->second.seq ||
      integer_member(reference, "bytes") != known->second.bytes) {
    return "sameAs in the " + std::string(part) + " does not point to a body with that sha256";
  }
  return {};
}

/// The row of the head against the last record: a tail that was cut off leaves no trace in the chain itself.
std::optional<AuditBreak> check_head(Database& database, const ChainWalk& walk) {
  auto statement = database.prepare("SELECT seq, hash FROM audit_head WHERE id = 1");
  const std::int64_t last = walk.last_seq();
  if (!statement.step()) {
    if (last == 0) return std::nullopt;
    return AuditBreak{last, "the head of the chain is missing"};
  }
  const std::int64_t head = statement.integer(0);
  if (head > last) {
    return AuditBreak{last + 1, "records " + std::to_string(last + 1) + " to " + std::to_string(head) +
                                    " are missing at the end"};
  }
  if (head == last && statement.text(1) == walk.last_hash()) return std::nullopt;
  return AuditBreak{last, "it is not the head of the chain: the end was replaced or added to"};
}

}  // namespace

AuditVerification AuditLog::verify() {
  // One view of the log and its head, whatever others append meanwhile.
  const Transaction view(database_, Transaction::Kind::read);
  constexpr std::string_view sql =
      "SELECT seq, time, run, account, kind, user_key, record, hash FROM audit ORDER BY seq";
  auto statement = database_.prepare(sql);
  AuditVerification verification;
  ChainWalk walk;
  while (statement.step()) {
    const StoredRow row{statement.integer(0), statement.time(1), statement.text(2), statement.text(3),
                        statement.text(4),    statement.text(5), statement.text(6), statement.text(7)};
    if (std::string fault = walk.check(row); !fault.empty()) {
      // Of missing records the first is named, otherwise the faulty one.
      verification.broken = AuditBreak{std::min(row.seq, walk.last_seq() + 1), std::move(fault)};
      return verification;
    }
    ++verification.checked;
  }
  verification.broken = check_head(database_, walk);
  return verification;
}

}  // namespace usersyncd
