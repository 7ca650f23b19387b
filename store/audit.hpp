#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.hpp"
#include "store/note.hpp"
#include "sync/ports.hpp"
#include "sync/time.hpp"

// The audit log: append-only, and chained so that a change made later shows.
//
// One record is one line of JSON with these members in this order:
//
//   {"seq","time","run","account","kind","actor","username","action","attempt",
//    "request":{"method","url","headers","body"},"response":{"status","headers","body"},
//    "error","durationMs","detail","prev","hash"}
//
// What does not apply is null, except `detail`, an object, which is left out. `headers` is an object; a
// header that came more than once has its values joined by `, `. `body` is the text, or, for one above 4 KiB
// that the same account's log holds already, {"sameAs":SEQ,"sha256":"hex","bytes":N}: the same bytes stand
// in record SEQ. Bytes that are not UTF-8 are replaced by U+FFFD before anything is counted or hashed.
//
// `prev` is the `hash` of the record before, 64 zeros in the first one. `hash` is the SHA-256, in lower-case
// hex, of one byte 0x00 followed by the exact text of the record without its last member. So anybody can
// verify an exported line with string operations alone:
//
//   text = line up to the last `,"hash":"`, plus `}`        hash = the 64 characters after it
//   hash == hex(sha256("\x00" + text)),  and text holds "prev":"<hash of the line before>"
//
// The hashes are also the leaves of a Merkle tree as in RFC 6962, whose root is what a checkpoint signs
// (store/note.hpp). Old records may be put away into a segment file; the chain then begins at the base, and a
// record of kind `lifecycle` with `detail.event` `retention` says what left, into which file, and how the
// tree stood there. Where much leaves there are several for one file, each with the digest of its lines.

namespace usersyncd {

enum class AuditKind { intent, exchange, decision, approval, config, lifecycle };
std::string_view name_of(AuditKind kind);

struct AuditRequest {
  std::string method, url;
  std::optional<Headers> headers;
  std::optional<std::string> body;
};

struct AuditResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// The hash that belongs to a record's text (the JSON without `hash`).
std::string audit_hash(std::string_view text);

/// What a record is made of. Empty texts become null. Everything in it is redacted already.
struct AuditEntry {
  AuditKind kind = AuditKind::lifecycle;
  Time time{};
  std::string run, account, actor, username, action;
  std::optional<int> attempt;
  std::optional<AuditRequest> request;
  std::optional<AuditResponse> response;
  std::string error;
  std::optional<Duration> duration;
  boost::json::object detail;  ///< whatever else is worth knowing; only for kinds other than exchange
};

/// What to list or export. Absent: all.
struct AuditFilter {
  std::optional<Time> since;  ///< inclusive
  std::optional<Time> until;  ///< exclusive
  std::optional<std::string> account;
  std::optional<std::string> username;  ///< without regard to case
  std::optional<std::string> run;  ///< a run's id, or `last` for the newest (of the account, if one is given)
};

/// One record, ready to print.
struct AuditRow {
  std::int64_t seq = 0;
  Time time{};
  std::string kind;
  std::string line;  ///< the JSON text including `hash`, without a newline
};

/// The first place where the chain does not hold.
struct AuditBreak {
  std::int64_t seq = 0;
  std::string reason;
};

struct AuditVerification {
  std::int64_t base = 0;     ///< the last record that was put away
  std::int64_t checked = 0;  ///< records found in order after that
  std::int64_t vouched = 0;  ///< the newest record that a checkpoint speaks for
  std::optional<AuditBreak> broken;
};

/// A signed statement of what the log held.
struct Checkpoint {
  std::int64_t size = 0;
  Time time{};
  std::string note;
};

/// Records that have left the store, and the file that has them now.
struct AuditSegment {
  std::int64_t first = 0, last = 0;
  std::string file;   ///< has `.part` after its name as long as there is more
  bool more = false;  ///< to leave into the same file
};

/// The audit log of one store. Several processes may append: the head is read inside the write transaction.
class AuditLog {
 public:
  /// Bodies up to this size are written out each time.
  static constexpr std::size_t always_literal = 4096;

  /// `database` must outlive it.
  explicit AuditLog(Database& database) : database_(database) {}

  /// Appends a record and returns its seq. Part of the open transaction, if there is one; durable at once if
  /// there is none, except for an exchange, which only the death of the process cannot take any more (see
  /// Transaction::Kind::relaxed). Throws StoreError.
  std::int64_t append(const AuditEntry& entry);

  /// Calls `receive` with each matching record, oldest first, holding one at a time and no lock between them.
  void for_each(const AuditFilter& filter, const std::function<void(const AuditRow&)>& receive);

  /// One record as JSON text, with repeated bodies written out (so this text is not what `hash` covers).
  /// Empty: there is no such record.
  std::optional<std::string> show(std::int64_t seq);

  /// Walks the whole chain up to the first break, and holds it against what checkpoints said, in any order.
  /// Their signatures are the caller's to look at. Reads only.
  AuditVerification verify(std::vector<TreeHead> heads = {});

  /// The name of this log in its checkpoints.
  std::string origin();
  /// The newest record that was put away; 0: none was.
  std::int64_t put_away_until();
  /// The newest record that this object has appended.
  std::int64_t newest_appended() const { return newest_appended_; }

  /// Signs what the log holds and keeps the note in the store and, durable, in the file of checkpoints.
  /// Empty: the newest checkpoint covers all of it. An Error, and nothing signed, when the log does not
  /// continue what was signed last (changed, cut off, or an older copy of the store).
  Result<std::optional<Checkpoint>> checkpoint(const SigningKey& key, Time now);
  /// Those that the store keeps, oldest first.
  std::vector<Checkpoint> checkpoints();

  /// How much leaves in one transaction, in bytes: so much is in memory, and nobody else writes until it is
  /// done.
  static constexpr std::size_t leaving_at_once = 4 << 20;

  /// Moves records from before `before`, if a checkpoint covers them, to a segment file beside the store, of
  /// which one is begun a day; the chain goes on from where they ended. The oldest leave first, about
  /// `at_once` bytes of them, so that it has to be called again while there is more. With the records go the
  /// checkpoints and the runs that speak of nothing else; runs that wrote something stay. Interrupted at any
  /// point, it goes on there when it is called next. Empty: there is none to move, or it is not time yet.
  /// Throws StoreError.
  std::optional<AuditSegment> put_away(Time before, Time now, std::size_t at_once = leaving_at_once);

 private:
  Database& database_;
  std::int64_t newest_appended_ = 0;
};

/// Records every HTTP exchange with the time of `clock` and the given actor: written before it returns, and
/// durable before any write, or the end of any, that comes after it. Both references must outlive it.
class AuditExchangeLog final : public ExchangeLog {
 public:
  AuditExchangeLog(AuditLog& audit, const Clock& clock, std::string actor)
      : audit_(audit), clock_(clock), actor_(std::move(actor)) {}
  void record(const ExchangeRecord& record) override;

 private:
  AuditLog& audit_;
  const Clock& clock_;
  std::string actor_;
};

}  // namespace usersyncd
