#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "store/database.hpp"
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
  std::int64_t checked = 0;  ///< records found in order
  std::optional<AuditBreak> broken;
};

/// The audit log of one store. Several processes may append: the head is read inside the write transaction.
class AuditLog {
 public:
  /// Bodies up to this size are written out each time.
  static constexpr std::size_t always_literal = 4096;

  /// `database` must outlive it.
  explicit AuditLog(Database& database) : database_(database) {}

  /// Appends a record and returns its seq. Part of the open transaction, if there is one; durable at once if
  /// there is none. Throws StoreError.
  std::int64_t append(const AuditEntry& entry);

  /// Calls `receive` with each matching record, oldest first, holding one at a time and no lock between them.
  void for_each(const AuditFilter& filter, const std::function<void(const AuditRow&)>& receive);

  /// One record as JSON text, with repeated bodies written out (so this text is not what `hash` covers).
  /// Empty: there is no such record.
  std::optional<std::string> show(std::int64_t seq);

  /// Walks the whole chain up to the first break. Reads only.
  AuditVerification verify();

 private:
  Database& database_;
};

/// Records every HTTP exchange with the time of `clock` and the given actor, durable before it returns. Both
/// references must outlive it.
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
