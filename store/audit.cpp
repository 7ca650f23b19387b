#include "store/audit.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <stdexcept>

#include "store/audit_rows.hpp"
#include "store/json_text.hpp"
#include "sync/plan.hpp"
#include "sync/user.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

/// A body as the record holds it, and its digest if other records may share it.
struct StoredBody {
  json::value value;
  std::string digest;
};

void put_text(json::object& object, std::string_view name, const std::string& text) {
  if (text.empty())
    object.emplace(name, nullptr);
  else
    object.emplace(name, text);
}

void put_headers(json::object& object, const Headers& headers) {
  auto& members = object.emplace("headers", json::object_kind).first->value().get_object();
  std::vector<std::string> keys;
  for (const auto& [name, value] : headers) {
    auto key = key_of(name);
    const auto found = std::find(keys.begin(), keys.end(), key);
    if (found == keys.end()) {
      keys.push_back(std::move(key));
      members.emplace(name, value);
    } else {
      const auto place = members.begin() + (found - keys.begin());
      place->value().get_string().append(", ").append(value);
    }
  }
}

StoredBody store_body(Database& database, const std::string& account, const std::string& raw) {
  const auto mended = mended_utf8(raw);
  const std::string& body = mended ? *mended : raw;
  if (body.size() <= AuditLog::always_literal) return {json::string(body), {}};
  const std::string digest = sha256_hex(body);
  auto earlier = database.prepare("SELECT seq FROM audit_bodies WHERE account = ? AND sha256 = ?");
  if (!earlier.bind(account, digest).step()) return {json::string(body), digest};
  json::object reference;
  reference.emplace("sameAs", earlier.integer(0));
  reference.emplace("sha256", digest);
  reference.emplace("bytes", body.size());
  return {std::move(reference), digest};
}

void remember_body(Database& database, const std::string& account, const std::string& digest,
                   std::int64_t seq) {
  if (digest.empty()) return;
  constexpr std::string_view sql =
      "INSERT INTO audit_bodies (account, sha256, seq, last_seq, body) VALUES (?, ?, ?, ?, '')"
      " ON CONFLICT (account, sha256) DO UPDATE SET last_seq = excluded.last_seq";
  database.prepare(sql).bind(account, digest, seq, seq).run();
}

void put_request(json::object& record, const std::optional<AuditRequest>& request, const json::value& body) {
  auto& value = record.emplace("request", nullptr).first->value();
  if (!request) return;
  auto& object = value.emplace_object();
  object.reserve(4);
  put_text(object, "method", request->method);
  put_text(object, "url", request->url);
  if (request->headers)
    put_headers(object, *request->headers);
  else
    object.emplace("headers", nullptr);
  object.emplace("body", body);
}

void put_response(json::object& record, const std::optional<AuditResponse>& response,
                  const json::value& body) {
  auto& value = record.emplace("response", nullptr).first->value();
  if (!response) return;
  auto& object = value.emplace_object();
  object.reserve(3);
  object.emplace("status", response->status);
  put_headers(object, response->headers);
  object.emplace("body", body);
}

json::object make_record(const AuditEntry& entry, const AuditHead& previous, const json::value& request_body,
                         const json::value& response_body, json::storage_ptr memory) {
  constexpr std::size_t most_members = 15;
  json::object record{std::move(memory)};
  record.reserve(most_members);
  record.emplace("seq", previous.seq + 1);
  record.emplace("time", format_time(entry.time));
  put_text(record, "run", entry.run);
  put_text(record, "account", entry.account);
  record.emplace("kind", name_of(entry.kind));
  put_text(record, "actor", entry.actor);
  put_text(record, "username", entry.username);
  put_text(record, "action", entry.action);
  if (entry.attempt)
    record.emplace("attempt", *entry.attempt);
  else
    record.emplace("attempt", nullptr);
  put_request(record, entry.request, request_body);
  put_response(record, entry.response, response_body);
  put_text(record, "error", entry.error);
  if (entry.duration)
    record.emplace("durationMs", entry.duration->count());
  else
    record.emplace("durationMs", nullptr);
  if (!entry.detail.empty()) record.emplace("detail", entry.detail);
  record.emplace("prev", previous.hash);
  return record;
}

void insert_record(Database& database, const AuditEntry& entry, const AuditHead& head,
                   const std::string& text) {
  constexpr std::string_view sql =
      "INSERT INTO audit (seq, time, run, account, kind, user_key, record, hash)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
  database.prepare(sql)
      .bind(head.seq, entry.time, valid_utf8(entry.run), valid_utf8(entry.account), name_of(entry.kind),
            key_of(valid_utf8(entry.username)), text, head.hash)
      .run();
}

/// A body whose first record has been put away.
std::optional<json::string> find_carried_body(Database& database, std::int64_t seq, std::string_view digest) {
  auto statement = database.prepare("SELECT body FROM audit_bodies WHERE seq = ? AND sha256 = ?");
  if (!statement.bind(seq, digest).step()) return std::nullopt;
  return json::string(statement.text(0));
}

/// The body with this digest in the record `seq`, which is where a repeated one was first written out.
std::optional<json::string> find_literal_body(Database& database, std::int64_t seq,
                                              const json::value& digest) {
  auto statement = database.prepare("SELECT record FROM audit WHERE seq = ?");
  if (!digest.is_string()) return std::nullopt;
  if (!statement.bind(seq).step()) return find_carried_body(database, seq, digest.get_string());
  const json::value record = parse_stored(statement.text(0));
  for (const std::string_view part : {"request", "response"}) {
    const json::value* holder = record.is_object() ? record.get_object().if_contains(part) : nullptr;
    if (holder == nullptr || !holder->is_object()) continue;
    const json::value* body = holder->get_object().if_contains("body");
    if (body == nullptr || !body->is_string()) continue;
    if (sha256_hex(std::string_view(body->get_string())) == std::string_view(digest.get_string())) {
      return body->get_string();
    }
  }
  return std::nullopt;
}

void write_out_body(Database& database, json::object& record, std::string_view part) {
  json::value* holder = record.if_contains(part);
  if (holder == nullptr || !holder->is_object()) return;
  json::value* body = holder->get_object().if_contains("body");
  if (body == nullptr || !body->is_object()) return;
  const json::value* same_as = body->get_object().if_contains("sameAs");
  const json::value* digest = body->get_object().if_contains("sha256");
  if (same_as == nullptr || !same_as->is_int64() || digest == nullptr) return;
  auto literal = find_literal_body(database, same_as->get_int64(), *digest);
  if (literal) *body = *std::move(literal);
}

std::string newest_run(Database& database, const std::optional<std::string>& account) {
  constexpr std::string_view any = "SELECT id FROM runs ORDER BY number DESC LIMIT 1";
  constexpr std::string_view of_account =
      "SELECT id FROM runs WHERE account = ? ORDER BY number DESC LIMIT 1";
  auto statement = database.prepare(account ? of_account : any);
  if (account) statement.bind(*account);
  return statement.step() ? statement.text(0) : std::string();
}

/// One statement for each combination of filters, so that the indexes serve.
std::string filtered_sql(const AuditFilter& filter) {
  std::string sql = "SELECT seq, time, kind, record, hash FROM audit WHERE seq > ?";
  if (filter.since) sql += " AND time >= ?";
  if (filter.until) sql += " AND time < ?";
  if (filter.account) sql += " AND account = ?";
  if (filter.username) sql += " AND user_key = ?";
  if (filter.run) sql += " AND run = ?";
  return sql + " ORDER BY seq LIMIT 1";
}

}  // namespace

std::string_view name_of(AuditKind kind) {
  switch (kind) {
    case AuditKind::intent:
      return "intent";
    case AuditKind::exchange:
      return "exchange";
    case AuditKind::decision:
      return "decision";
    case AuditKind::approval:
      return "approval";
    case AuditKind::config:
      return "config";
    case AuditKind::lifecycle:
      return "lifecycle";
  }
  throw std::logic_error("an audit kind without a name");
}

std::string audit_hash(std::string_view text) {
  std::string bytes(1, '\0');
  bytes += text;
  return sha256_hex(bytes);
}

std::int64_t AuditLog::append(const AuditEntry& entry) {
  // What is done about an answer is written after it, and takes it along to the disk.
  const bool relaxed = entry.kind == AuditKind::exchange;
  Transaction transaction(database_, relaxed ? Transaction::Kind::relaxed : Transaction::Kind::write);
  AuditHead head = read_audit_head(database_);
  StoredBody request{nullptr, {}};
  StoredBody response{nullptr, {}};
  if (entry.request && entry.request->body) {
    request = store_body(database_, entry.account, *entry.request->body);
  }
  if (entry.response) response = store_body(database_, entry.account, entry.response->body);
  ShortMemory memory;
  const json::object record = make_record(entry, head, request.value, response.value, &memory.resource);
  const std::string text = valid_utf8(json::serialize(record));
  ++head.seq;
  head.hash = audit_hash(text);
  head.tree.add(digest_from_hex(head.hash).value());
  insert_record(database_, entry, head, text);
  remember_body(database_, entry.account, request.digest, head.seq);
  remember_body(database_, entry.account, response.digest, head.seq);
  write_audit_head(database_, head);
  transaction.commit();
  newest_appended_ = head.seq;
  return head.seq;
}

std::int64_t AuditLog::put_away_until() {
  return read_audit_base(database_).end.seq;
}

std::string AuditLog::origin() {
  return read_audit_base(database_).origin;
}

void AuditLog::for_each(const AuditFilter& filter, const std::function<void(const AuditRow&)>& receive) {
  const std::string sql = filtered_sql(filter);
  std::optional<std::string> user_key;
  if (filter.username) user_key = key_of(*filter.username);
  std::optional<std::string> run = filter.run;
  if (run == "last") run = newest_run(database_, filter.account);
  AuditRow row;
  // A statement for each record, not one for all: a reader that waits at a pager must not keep the
  // write-ahead log from being folded in.
  while (true) {
    {
      auto statement = database_.prepare(sql);
      statement.bind_present(std::optional{row.seq}, filter.since, filter.until, filter.account, user_key,
                             run);
      if (!statement.step()) return;
      row.seq = statement.integer(0);
      row.time = statement.time(1);
      row.kind = statement.text(2);
      row.line = audit_line(statement.text(3), statement.text(4));
    }
    receive(row);
  }
}

std::optional<std::string> AuditLog::show(std::int64_t seq) {
  auto statement = database_.prepare("SELECT record, hash FROM audit WHERE seq = ?");
  if (!statement.bind(seq).step()) return std::nullopt;
  json::value document = parse_stored(audit_line(statement.text(0), statement.text(1)));
  json::object& record = document.as_object();
  write_out_body(database_, record, "request");
  write_out_body(database_, record, "response");
  return json::serialize(document);
}

void AuditExchangeLog::record(const ExchangeRecord& record) {
  AuditEntry entry;
  entry.kind = AuditKind::exchange;
  entry.time = clock_.now();
  entry.run = record.context.run;
  entry.account = record.context.account;
  entry.actor = actor_;
  entry.username = record.context.username;
  entry.action = record.context.action;
  entry.attempt = record.context.attempt;
  entry.request = AuditRequest{record.method, record.url, record.request_headers, record.request_body};
  if (record.status != 0) {
    entry.response = AuditResponse{record.status, record.response_headers, record.response_body};
  }
  entry.error = record.error;
  entry.duration = record.duration;
  audit_.append(entry);
}

}  // namespace usersyncd
