#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <utility>

#include "store/audit.hpp"
#include "store/audit_rows.hpp"
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

/// The record lives in `memory`.
std::optional<json::object> parse_record(std::string_view text, json::storage_ptr memory = {}) {
  try {
    json::value document = parse_stored(text, std::move(memory));
    if (document.is_object()) return std::move(document.get_object());
  } catch (const StoreError&) {
    return std::nullopt;
  }
  return std::nullopt;
}

const json::value* body_of(const json::object& record, std::string_view part) {
  const json::value* holder = record.if_contains(part);
  if (holder == nullptr || !holder->is_object()) return nullptr;
  return holder->get_object().if_contains("body");
}

/// Looks at one record after the other and says where and why the chain does not hold.
class ChainWalk {
 public:
  ChainWalk(Database& database, const AuditHead& base) : database_(database), end_(base), base_(base.seq) {}

  std::optional<AuditBreak> check(const StoredRow& row);
  const AuditHead& end() const { return end_; }
  std::int64_t checked() const { return end_.seq - base_; }

 private:
  std::optional<AuditBreak> check_place(const StoredRow& row, const json::object& record);
  std::optional<AuditBreak> check_prev(const StoredRow& row, const json::object& record);
  bool is_vouched(const StoredRow& row);
  std::string check_body(const json::object& record, const StoredRow& row, std::string_view part);
  std::optional<KnownBody> find_body(const StoredRow& row, const std::string& digest);

  Database& database_;
  AuditHead end_;            ///< after the last good record
  std::string hash_before_;  ///< of the record before that one
  std::int64_t base_;
  std::map<std::pair<std::string, std::string>, KnownBody> bodies_;  ///< by account and digest
};

std::string check_columns(const json::object& record, const StoredRow& row) {
  const std::string differs = " in the table differs from the record";
  if (parse_time(text_member(record, "time")) != row.time) return "time" + differs;
  if (text_member(record, "run") != row.run) return "run" + differs;
  if (text_member(record, "account") != row.account) return "account" + differs;
  if (text_member(record, "kind") != row.kind) return "kind" + differs;
  if (key_of(text_member(record, "username")) != row.user_key) return "username" + differs;
  return {};
}

std::optional<AuditBreak> ChainWalk::check(const StoredRow& row) {
  const std::int64_t expected = end_.seq + 1;
  if (row.seq < expected) return AuditBreak{row.seq, "there is a record before the first one"};
  if (row.seq != expected) {
    return AuditBreak{expected, "records " + std::to_string(expected) + " to " + std::to_string(row.seq - 1) +
                                    " are missing"};
  }
  if (audit_hash(row.record) != row.hash) {
    return AuditBreak{row.seq, "bad hash: the record was changed after it was written"};
  }
  // For a million records, most of the work is to ask for memory and to give it back.
  ShortMemory memory;
  const auto record = parse_record(row.record, &memory.resource);
  if (!record) return AuditBreak{row.seq, "the record is not a JSON object"};
  if (auto broken = check_place(row, *record)) return broken;
  if (auto broken = check_prev(row, *record)) return broken;
  if (std::string fault = check_columns(*record, row); !fault.empty()) return AuditBreak{row.seq, fault};
  for (const std::string_view part : {"request", "response"}) {
    if (std::string fault = check_body(*record, row, part); !fault.empty()) return AuditBreak{row.seq, fault};
  }
  hash_before_ = std::exchange(end_.hash, row.hash);
  end_.seq = row.seq;
  end_.tree.add(digest_from_hex(row.hash).value());
  return std::nullopt;
}

// A record that follows what lies before the last one, and not the last one, shows that one to be the
// intruder.
std::optional<AuditBreak> ChainWalk::check_place(const StoredRow& row, const json::object& record) {
  const auto seq = integer_member(record, "seq");
  if (seq == row.seq) return std::nullopt;
  if (row.hash == end_.hash) return AuditBreak{row.seq, "a copy of the record before it was inserted"};
  if (seq == row.seq - 1 && checked() > 0 && text_member(record, "prev") == hash_before_) {
    return AuditBreak{row.seq - 1, "the record was inserted"};
  }
  return AuditBreak{row.seq, "seq in the table differs from the record"};
}

// Of two records that do not fit, the one is genuine that what follows vouches for.
std::optional<AuditBreak> ChainWalk::check_prev(const StoredRow& row, const json::object& record) {
  if (text_member(record, "prev") == end_.hash) return std::nullopt;
  if (checked() > 0 && is_vouched(row)) {
    return AuditBreak{row.seq - 1, "it is not the record that the next one follows: it was replaced"};
  }
  return AuditBreak{row.seq, "bad prev: it is not the hash of the record before"};
}

bool ChainWalk::is_vouched(const StoredRow& row) {
  auto next = database_.prepare("SELECT record FROM audit WHERE seq = ?");
  if (next.bind(row.seq + 1).step()) return says_prev(next.text(0), row.hash);
  auto head = database_.prepare("SELECT hash FROM audit_head WHERE id = 1");
  return head.step() && head.text(0) == row.hash;
}

std::optional<KnownBody> ChainWalk::find_body(const StoredRow& row, const std::string& digest) {
  if (const auto known = bodies_.find({row.account, digest}); known != bodies_.end()) return known->second;
  constexpr std::string_view sql =
      "SELECT seq, body FROM audit_bodies WHERE account = ? AND sha256 = ? AND seq <= ?";
  auto carried = database_.prepare(sql);
  if (!carried.bind(row.account, digest, base_).step()) return std::nullopt;
  const std::string body = carried.text(1);
  if (sha256_hex(body) != digest) return std::nullopt;
  const KnownBody known{carried.integer(0), static_cast<std::int64_t>(body.size())};
  bodies_.emplace(std::pair{row.account, digest}, known);
  return known;
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
  const auto known = find_body(row, text_member(reference, "sha256"));
  if (!known || integer_member(reference, "sameAs") != known->seq ||
      integer_member(reference, "bytes") != known->bytes) {
    return "sameAs in the " + std::string(part) + " does not point to a body with that sha256";
  }
  return {};
}

/// The head as its row has it, whatever that is.
struct RawHead {
  std::int64_t seq = 0;
  std::string hash, frontier;
};

std::optional<RawHead> read_raw_head(Database& database) {
  auto statement = database.prepare("SELECT seq, hash, frontier FROM audit_head WHERE id = 1");
  if (!statement.step()) return std::nullopt;
  return RawHead{statement.integer(0), statement.text(1), statement.text(2)};
}

/// The row of the head against the last record: a tail that was cut off leaves no trace in the chain itself.
std::optional<AuditBreak> check_head(Database& database, const ChainWalk& walk) {
  const auto head = read_raw_head(database);
  const std::int64_t last = walk.end().seq;
  if (!head) {
    if (last == 0) return std::nullopt;
    return AuditBreak{last, "the head of the chain is missing"};
  }
  if (head->seq > last) {
    return AuditBreak{last + 1, "records " + std::to_string(last + 1) + " to " + std::to_string(head->seq) +
                                    " are missing at the end"};
  }
  if (head->seq != last || head->hash != walk.end().hash)
    return AuditBreak{last, "it is not the head of the chain: the end was replaced or added to"};
  if (head->frontier != walk.end().tree.text())
    return AuditBreak{last, "the tree at the head of the chain is not that of the records"};
  return std::nullopt;
}

/// What was put away last must be what the newest record about that says.
std::optional<AuditBreak> check_base(Database& database, const AuditHead& base) {
  if (base.seq == 0) return std::nullopt;
  auto statement = database.prepare("SELECT record FROM audit WHERE kind = 'lifecycle' ORDER BY seq DESC");
  while (statement.step()) {
    const auto record = parse_record(statement.text(0));
    const json::value* detail = record ? record->if_contains("detail") : nullptr;
    if (detail == nullptr || !detail->is_object()) continue;
    const json::object& left = detail->get_object();
    if (text_member(left, "event") != "retention") continue;
    if (integer_member(left, "last") == base.seq && text_member(left, "lastHash") == base.hash &&
        text_member(left, "frontier") == base.tree.text()) {
      return std::nullopt;
    }
    break;
  }
  return AuditBreak{1, "records 1 to " + std::to_string(base.seq) +
                           " have left, and no record says that they were put away"};
}

/// Holds the roots that checkpoints signed against those of the records.
class HeadCheck {
 public:
  HeadCheck(std::vector<TreeHead> heads, const AuditBase& base)
      : heads_(std::move(heads)), origin_(base.origin), base_(base.end.seq) {
    for (const TreeHead& head : heads_) {
      if (head.origin != origin_ && foreign_.empty()) foreign_ = head.origin;
    }
    std::stable_sort(heads_.begin(), heads_.end(),
                     [](const TreeHead& left, const TreeHead& right) { return left.size < right.size; });
    look(base.end.tree);
  }

  /// To be told of every size of the tree, in order. What lies before the base cannot be told any more.
  void look(const MerkleFrontier& tree) {
    while (next_ < heads_.size() && heads_[next_].size < tree.size()) ++next_;
    for (; next_ < heads_.size() && heads_[next_].size == tree.size(); ++next_) {
      if (heads_[next_].root != tree.root())
        differs_ = differs_.value_or(tree.size());
      else if (!differs_)
        vouched_ = tree.size();
    }
  }

  std::int64_t vouched() const { return vouched_; }

  /// What checkpoints have to say after a walk that ended with record `last`, at `broken` if anywhere.
  std::optional<AuditBreak> verdict(std::int64_t last, std::optional<AuditBreak> broken) const {
    if (!foreign_.empty()) {
      return AuditBreak{1, "the checkpoint is of the log " + foreign_ + ", this one is " + origin_};
    }
    if (broken && (!differs_ || broken->seq <= *differs_)) return broken;
    if (differs_) {
      return AuditBreak{std::max(vouched_, base_) + 1, "records up to " + std::to_string(*differs_) +
                                                           " are not those that a checkpoint was signed for"};
    }
    if (heads_.empty() || heads_.back().size <= last) return std::nullopt;
    const auto signed_size = std::to_string(heads_.back().size);
    return AuditBreak{last + 1, "a checkpoint of " + signed_size + " records was signed: records " +
                                    std::to_string(last + 1) + " to " + signed_size + " are missing"};
  }

 private:
  std::vector<TreeHead> heads_;
  std::string origin_, foreign_;
  std::size_t next_ = 0;
  std::int64_t base_;
  std::int64_t vouched_ = 0;
  std::optional<std::int64_t> differs_;  ///< the first size with another root
};

}  // namespace

AuditVerification AuditLog::verify(std::vector<TreeHead> heads) {
  // One view of the log and its head, whatever others append meanwhile.
  const Transaction view(database_, Transaction::Kind::read);
  AuditVerification verification;
  AuditBase base;
  try {
    base = read_audit_base(database_);
  } catch (const StoreError&) {
    verification.broken = AuditBreak{1, "the beginning of the chain is missing or was changed"};
    return verification;
  }
  constexpr std::string_view sql =
      "SELECT seq, time, run, account, kind, user_key, record, hash FROM audit ORDER BY seq";
  auto statement = database_.prepare(sql);
  ChainWalk walk(database_, base.end);
  HeadCheck signed_heads(std::move(heads), base);
  std::optional<AuditBreak> broken;
  while (!broken && statement.step()) {
    const StoredRow row{statement.integer(0), statement.time(1), statement.text(2), statement.text(3),
                        statement.text(4),    statement.text(5), statement.text(6), statement.text(7)};
    broken = walk.check(row);
    if (!broken) signed_heads.look(walk.end().tree);
  }
  const bool linked = !broken;
  if (linked) broken = check_head(database_, walk);
  verification.base = base.end.seq;
  verification.checked = walk.checked();
  verification.vouched = signed_heads.vouched();
  verification.broken = signed_heads.verdict(walk.end().seq, std::move(broken));
  // What is cut off at the end may be the very record that speaks of the base.
  const bool cut_off = verification.broken && verification.broken->seq > walk.end().seq;
  if (linked && !cut_off) {
    if (auto missing = check_base(database_, base.end)) verification.broken = std::move(missing);
  }
  return verification;
}

}  // namespace usersyncd
