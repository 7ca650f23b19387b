#include <algorithm>

#include "store/audit.hpp"
#include "store/audit_files.hpp"
#include "store/audit_rows.hpp"

// Checkpoints: what the log holds, signed. Never one that contradicts an earlier one: before a signature the
// records since the last one are read and hashed again.

namespace usersyncd {
namespace {

/// A checkpoint of the store's with the tree as it was then.
struct Kept {
  Checkpoint checkpoint;
  std::string frontier;
};

std::optional<Kept> newest_kept(Database& database) {
  constexpr std::string_view sql =
      "SELECT size, time, note, frontier FROM audit_checkpoints ORDER BY size DESC LIMIT 1";
  auto statement = database.prepare(sql);
  if (!statement.step()) return std::nullopt;
  return Kept{{statement.integer(0), statement.time(1), statement.text(2)}, statement.text(3)};
}

void keep(Database& database, const Checkpoint& checkpoint, const MerkleFrontier& tree) {
  constexpr std::string_view sql =
      "INSERT INTO audit_checkpoints (size, time, frontier, note) VALUES (?, ?, ?, ?)";
  database.prepare(sql).bind(checkpoint.size, checkpoint.time, tree.text(), checkpoint.note).run();
}

bool is_genuine(const SignedNote& note, const std::vector<VerifyingKey>& keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [&note](const VerifyingKey& key) { return key.verifies(note); });
}

Error refusal(const std::string& reason) {
  return Error{ErrorKind::store, "no checkpoint was signed: " + reason + "; see `usersyncd audit verify`",
               "audit log"};
}

/// Makes the next checkpoint of one log, inside a transaction.
class Signer {
 public:
  Signer(Database& database, const std::vector<VerifyingKey>& keys) : database_(database), keys_(keys) {}

  /// Why the log must not be signed; empty: it continues what was signed before.
  std::optional<std::string> check(const AuditHead& head, const std::optional<Kept>& kept);

 private:
  std::optional<std::string> begin(const std::optional<Kept>& kept);
  std::optional<std::string> read_filed(std::int64_t newest);
  std::optional<std::string> compare_filed();

  Database& database_;
  const std::vector<VerifyingKey>& keys_;
  AuditHead end_;                    ///< of what has been looked at
  std::optional<SignedNote> filed_;  ///< the last one of the file
};

// The last checkpoint's tree is trusted because its signature is, the beginning of the log because it is
// empty.
std::optional<std::string> Signer::begin(const std::optional<Kept>& kept) {
  const AuditBase base = read_audit_base(database_);
  end_ = base.end;
  if (!kept) {
    if (base.end.seq == 0) return std::nullopt;
    return "the checkpoints that cover what was put away are gone from the store";
  }
  const auto notes = parse_notes(kept->checkpoint.note);
  const auto tree = MerkleFrontier::parse(kept->checkpoint.size, kept->frontier);
  const bool good = notes && notes->size() == 1 && tree && notes->front().head.origin == base.origin &&
                    notes->front().head.size == tree->size() && notes->front().head.root == tree->root() &&
                    is_genuine(notes->front(), keys_);
  if (!good) return "the last checkpoint in the store is not genuine";
  if (end_.seq == tree->size()) {
    if (end_.tree != *tree) return "what was put away is not what was signed";
    return std::nullopt;
  }
  auto record = database_.prepare("SELECT hash FROM audit WHERE seq = ?");
  if (!record.bind(tree->size()).step()) return "records are missing that a checkpoint covers";
  end_ = AuditHead{tree->size(), record.text(0), *tree};
  return std::nullopt;
}

// The file may be ahead of the store by the one checkpoint that a crash came in between, never by records.
std::optional<std::string> Signer::read_filed(std::int64_t newest) {
  auto filed = read_last_checkpoint(database_.path());
  if (!filed) return filed.error().text();
  filed_ = std::move(*filed);
  if (!filed_) return std::nullopt;
  const std::string file = audit_checkpoints_path(database_.path());
  if (!is_genuine(*filed_, keys_)) return "the last checkpoint in " + file + " is not genuine";
  if (filed_->head.origin != read_audit_base(database_).origin) {
    return file + " is of another store; move it away if this one was begun anew";
  }
  if (filed_->head.size > newest) {
    return "the store is older than the last checkpoint in " + file +
           "; if it was restored from a backup, move that file to a safe place to begin a new one";
  }
  if (filed_->head.size > end_.seq) return std::nullopt;
  auto same = database_.prepare("SELECT note FROM audit_checkpoints WHERE size = ?");
  const bool known = same.bind(filed_->head.size).step();
  const auto notes =
      known ? parse_notes(same.text(0)) : Result<std::vector<SignedNote>>{std::vector<SignedNote>{}};
  const bool equal = notes && notes->size() == 1 && notes->front().head.root == filed_->head.root;
  if (equal) return std::nullopt;
  return "the store does not have the last checkpoint of " + file;
}

std::optional<std::string> Signer::compare_filed() {
  if (!filed_ || filed_->head.size != end_.seq || filed_->head.root == end_.tree.root()) return std::nullopt;
  return "the records up to " + std::to_string(end_.seq) + " are not those that were signed before";
}

std::optional<std::string> Signer::check(const AuditHead& head, const std::optional<Kept>& kept) {
  if (auto fault = begin(kept)) return fault;
  if (auto fault = read_filed(head.seq)) return fault;
  auto records = database_.prepare("SELECT seq, record, hash FROM audit WHERE seq > ? ORDER BY seq");
  records.bind(end_.seq);
  while (records.step()) {
    const std::string text = records.text(1);
    std::string hash = audit_hash(text);
    const bool good =
        records.integer(0) == end_.seq + 1 && hash == records.text(2) && says_prev(text, end_.hash);
    if (!good) return "the chain is broken at seq " + std::to_string(end_.seq + 1);
    end_.tree.add(digest_from_hex(hash).value());
    end_.hash = std::move(hash);
    ++end_.seq;
    if (auto fault = compare_filed()) return fault;
  }
  const bool whole = end_.seq == head.seq && end_.hash == head.hash && end_.tree == head.tree;
  if (!whole) return "the end of the log is not its head";
  return std::nullopt;
}

}  // namespace

Result<std::optional<Checkpoint>> AuditLog::checkpoint(const SigningKey& key, Time now) {
  const auto known = read_public_keys(database_.path());
  if (!known) return refusal(known.error().text());
  std::vector<VerifyingKey> keys = *known;
  keys.push_back(key.verifying_key());
  // Nobody appends while the records are read again and the note goes into the file.
  Transaction transaction(database_);
  const AuditHead head = read_audit_head(database_);
  const auto kept = newest_kept(database_);
  if (head.seq == 0 || (kept && kept->checkpoint.size == head.seq)) return std::optional<Checkpoint>{};
  if (const auto fault = Signer(database_, keys).check(head, kept)) return refusal(*fault);
  publish_audit_key(database_.path(), key.verifying_key());
  const Checkpoint made{head.seq, now, key.sign(TreeHead{origin(), head.seq, head.tree.root()})};
  keep(database_, made, head.tree);
  database_.sync();  // after a power cut the file must not know of records that the store lost
  append_checkpoint(database_.path(), made.note);
  transaction.commit();
  return std::optional<Checkpoint>{made};
}

std::vector<Checkpoint> AuditLog::checkpoints() {
  auto statement = database_.prepare("SELECT size, time, note FROM audit_checkpoints ORDER BY size");
  std::vector<Checkpoint> all;
  while (statement.step()) all.push_back({statement.integer(0), statement.time(1), statement.text(2)});
  return all;
}

}  // namespace usersyncd
