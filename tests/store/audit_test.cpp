#include "store/audit.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "store/json_text.hpp"
#include "sync/plan.hpp"
#include "tests/store/fixture.hpp"

using namespace usersyncd;
using namespace usersyncd::test;
namespace json = boost::json;

namespace {

constexpr std::size_t hash_member_size = 9 + 64 + 2;  // ,"hash":"…"}
const std::string drop_triggers =
    "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted; ";

class FixedClock final : public Clock {
 public:
  Time now() const override { return at(5); }
  Duration steady() const override { return Duration{0}; }
  Awaitable<bool> sleep_for(Duration) override { throw std::logic_error("the store never waits"); }
  bool stopping() const override { return false; }
};

std::vector<std::string> lines(Store& store, const AuditFilter& filter = {}) {
  std::vector<std::string> all;
  store.audit().for_each(filter, [&all](const AuditRow& row) { all.push_back(row.line); });
  return all;
}

std::vector<std::int64_t> seqs(Store& store, const AuditFilter& filter) {
  std::vector<std::int64_t> all;
  store.audit().for_each(filter, [&all](const AuditRow& row) { all.push_back(row.seq); });
  return all;
}

ExchangeRecord make_exchange(const std::string& response_body) {
  ExchangeRecord record;
  record.context = ExchangeContext{"run-1", "a1", "jdoe", "action-1", 2};
  record.method = "GET";
  record.url = "https://api.example.com/users";
  record.request_headers = {{"Accept", "application/json"}, {"accept", "text/json"}};
  record.status = 200;
  record.response_headers = {{"Content-Type", "application/json"}};
  record.response_body = response_body;
  record.duration = Duration{17};
  return record;
}

/// What a forger with write access would do: edits one record and makes the rest of the chain fit again.
void forge(const std::string& path, std::int64_t seq, const std::string& from, const std::string& to) {
  run_raw(path, drop_triggers);
  std::string previous = query_raw(path, "SELECT hash FROM audit WHERE seq = " + std::to_string(seq - 1));
  const std::int64_t last = std::stoll(query_raw(path, "SELECT seq FROM audit_head"));
  for (std::int64_t number = seq; number <= last; ++number) {
    const std::string where = " WHERE seq = " + std::to_string(number);
    std::string text = query_raw(path, "SELECT record FROM audit" + where);
    if (number == seq) {
      REQUIRE(contains(text, from));
      text.replace(text.find(from), from.size(), to);
    }
    text.replace(text.rfind("\"prev\":\"") + 8, 64, previous);
    previous = audit_hash(text);
    std::string quoted = text;
    for (std::size_t at = 0; (at = quoted.find('\'', at)) != std::string::npos; at += 2)
      quoted.insert(at, "'");
    run_raw(path, "UPDATE audit SET record = '" + quoted + "', hash = '" + previous + "'" + where);
  }
  run_raw(path, "UPDATE audit_head SET hash = '" + previous + "'");
}

}  // namespace

TEST_CASE("a record has the contract's members in the contract's order, null where they do not apply") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  AuditEntry entry;
  entry.time = at(0);
  entry.actor = "daemon";
  CHECK(store.audit().append(entry) == 1);
  const std::string zeros(64, '0');
  const std::string text =
      R"({"seq":1,"time":")" + format_time(at(0)) +
      R"(","run":null,"account":null,"kind":"lifecycle","actor":"daemon","username":null,)"
      R"("action":null,"attempt":null,"request":null,"response":null,"error":null,)"
      R"("durationMs":null,"prev":")" +
      zeros + "\"";
  const std::string expected = text + ",\"hash\":\"" + sha256_hex(std::string(1, '\0') + text + "}") + "\"}";
  CHECK(lines(store).at(0) == expected);
}

TEST_CASE("an exchange is recorded with everything in it, and detail stands before prev in other kinds") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const FixedClock clock;
  AuditExchangeLog log(store.audit(), clock, "cli:alice");
  log.record(make_exchange("{\"a\":1}"));
  ExchangeRecord failed = make_exchange("");
  failed.status = 0;
  failed.error = "timeout";
  log.record(failed);
  AuditEntry entry = make_entry("jdoe", 6);
  entry.detail.emplace("state", "done");
  store.audit().append(entry);

  const auto all = lines(store);
  CHECK(
      contains(all.at(0),
               R"("run":"run-1","account":"a1","kind":"exchange","actor":"cli:alice","username":"jdoe",)"
               R"("action":"action-1","attempt":2,"request":{"method":"GET",)"
               R"("url":"https://api.example.com/users","headers":{"Accept":"application/json, text/json"},)"
               R"("body":""},"response":{"status":200,"headers":{"Content-Type":"application/json"},)"
               R"("body":"{\"a\":1}"},"error":null,"durationMs":17,"prev":)"));
  CHECK(contains(all.at(1), R"("response":null,"error":"timeout","durationMs":17)"));
  CHECK(contains(all.at(2), R"("durationMs":null,"detail":{"state":"done"},"prev":)"));
}

TEST_CASE("an exported log can be verified with string operations alone") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const FixedClock clock;
  AuditExchangeLog log(store.audit(), clock, "daemon");
  for (const std::string body :
       {"plain", "with \"hash\":\"in it\"}", "caf\xc3\xa9", "bad \xff\xfe bytes", ""}) {
    log.record(make_exchange(body));
  }
  std::string previous(64, '0');
  for (const std::string& line : lines(store)) {
    const std::string text = line.substr(0, line.size() - hash_member_size) + "}";
    const std::string hash = line.substr(line.size() - 66, 64);
    CHECK(sha256_hex(std::string(1, '\0') + text) == hash);
    CHECK(contains(text, "\"prev\":\"" + previous + "\"}"));
    json::error_code error;
    json::parse(line, error);
    CHECK(!error);
    previous = hash;
  }
  CHECK(!store.audit().verify().broken);
}

TEST_CASE("bytes that are not UTF-8 are replaced, those that are stay") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"plain", "plain"},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"a\xff"
       "b",
       "a\uFFFDb"},
      {"\xc3", "\uFFFD"},
      {"\xc0\x80", "\uFFFD\uFFFD"},
      {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {std::string("\0x", 2), std::string("\0x", 2)}};
  for (const auto& [given, expected] : cases) CHECK(valid_utf8(given) == expected);
}

TEST_CASE("a byte that is not UTF-8 is found wherever it stands in a long text") {
  const std::string text = "twenty letters, or so";
  for (std::size_t at = 0; at <= text.size(); ++at) {
    CAPTURE(at);
    const auto around = [&](const std::string& middle) {
      return text.substr(0, at) + middle + text.substr(at);
    };
    CHECK(valid_utf8(around("\xff")) == around("\uFFFD"));
    CHECK_FALSE(mended_utf8(around("\u20AC")).has_value());
  }
}

TEST_CASE("a large body is written out once per account; show brings it back") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const FixedClock clock;
  AuditExchangeLog log(store.audit(), clock, "daemon");
  const std::string small(AuditLog::always_literal, 's');
  const std::string large(AuditLog::always_literal + 1, 'l');
  for (const std::string& body : {small, large, large, small, large + "x"}) log.record(make_exchange(body));
  ExchangeRecord elsewhere = make_exchange(large);
  elsewhere.context.account = "a2";
  log.record(elsewhere);

  const auto all = lines(store);
  const std::string reference =
      R"("body":{"sameAs":2,"sha256":")" + sha256_hex(large) + R"(","bytes":4097}})";
  CHECK(contains(all.at(1), "\"" + large + "\""));
  CHECK(contains(all.at(2), reference));
  CHECK(contains(all.at(3), "\"" + small + "\""));
  CHECK(contains(all.at(4), "\"" + large + "x\""));
  CHECK(contains(all.at(5), "\"" + large + "\""));  // accounts do not share
  CHECK(contains(store.audit().show(3).value(), "\"body\":\"" + large + "\""));
  CHECK(store.audit().show(2).value() == all.at(1));
  CHECK(!store.audit().show(99).has_value());
  CHECK(!store.audit().verify().broken);
}

TEST_CASE("the log is append-only for everyone who does not take the table apart") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  store.audit().append(make_entry("jdoe", 0));
  Database database(temp.path(), Access::read_write, Schema{0x55535944, std::array<std::string_view, 1>{""}});
  for (const std::string sql :
       {"UPDATE audit SET account = 'x'", "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit (seq, time, run, account, kind, user_key, record, hash)"
        " VALUES (1, 0, '', '', '', '', '', '')"}) {
    CHECK(contains(store_error_of([&] { database.execute(sql); }), "the audit log is append-only"));
  }
}

TEST_CASE("verify names the first record that was tampered with, and why") {
  struct Case {
    std::string sql;
    std::int64_t seq;
    std::string reason;
  };
  const std::vector<Case> cases{
      {"UPDATE audit SET record = replace(record, 'user-3', 'user-9') WHERE seq = 3", 3, "bad hash"},
      {"UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = 4", 4, "bad hash"},
      {"DELETE FROM audit WHERE seq = 3", 3, "records 3 to 3 are missing"},
      {"DELETE FROM audit WHERE seq <= 2", 1, "records 1 to 2 are missing"},
      {"DELETE FROM audit WHERE seq >= 5", 5, "records 5 to 6 are missing at the end"},
      {"DELETE FROM audit", 1, "records 1 to 6 are missing at the end"},
      {"UPDATE audit SET seq = -1 WHERE seq = 6", -1, "before the first"},
      {"UPDATE audit SET account = 'a2' WHERE seq = 2", 2, "account in the table differs"},
      {"UPDATE audit SET time = time + 1 WHERE seq = 2", 2, "time in the table differs"},
      {"UPDATE audit SET run = '' WHERE seq = 6", 6, "run in the table differs"},
      {"UPDATE audit SET kind = 'intent' WHERE seq = 1", 1, "kind in the table differs"},
      {"UPDATE audit SET user_key = '' WHERE seq = 5", 5, "username in the table differs"},
      {"UPDATE audit_head SET hash = 'x'", 6, "not the head"},
      {"DELETE FROM audit_head", 6, "head of the chain is missing"},
  };
  for (const Case& tampering : cases) {
    INFO(tampering.sql);
    const TempStore temp;
    Store store(temp.path(), Access::read_write);
    for (int index = 1; index <= 6; ++index)
      store.audit().append(make_entry("user-" + std::to_string(index), index));
    CHECK(store.audit().verify().checked == 6);
    CHECK(!store.audit().verify().broken);
    run_raw(temp.path(), drop_triggers + tampering.sql);
    const auto broken = store.audit().verify().broken;
    REQUIRE(broken.has_value());
    CHECK(broken->seq == tampering.seq);
    CHECK(contains(broken->reason, tampering.reason));
  }
}

TEST_CASE("a record that was edited and given a fitting hash is betrayed by the next one, and named") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  for (int index = 1; index <= 4; ++index) store.audit().append(make_entry("user", index));
  const std::string text =
      query_raw(temp.path(), "SELECT replace(record, '\"a1\"', '\"a9\"') FROM audit WHERE seq = 2");
  run_raw(temp.path(), drop_triggers + "UPDATE audit SET account = 'a9', record = '" + text + "', hash = '" +
                           audit_hash(text) + "' WHERE seq = 2");
  const auto broken = store.audit().verify().broken;
  REQUIRE(broken.has_value());
  CHECK(broken->seq == 2);
  CHECK(contains(broken->reason, "it was replaced"));
}

TEST_CASE("verify finds a sameAs that leads nowhere, even if the whole chain was made to fit") {
  const TempStore temp;
  const FixedClock clock;
  Store store(temp.path(), Access::read_write);
  AuditExchangeLog log(store.audit(), clock, "daemon");
  const std::string large(5000, 'l');
  for (int index = 0; index < 4; ++index) log.record(make_exchange(large));
  forge(temp.path(), 3, "\"sameAs\":1", "\"sameAs\":2");
  const auto broken = store.audit().verify().broken;
  REQUIRE(broken.has_value());
  CHECK(broken->seq == 3);
  CHECK(contains(broken->reason, "sameAs in the response does not point to a body with that sha256"));
}

TEST_CASE("after a tail was cut off, later records do not close the gap") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  for (int index = 1; index <= 4; ++index) store.audit().append(make_entry("user", index));
  run_raw(temp.path(), drop_triggers + "DELETE FROM audit WHERE seq >= 3");
  CHECK(store.audit().append(make_entry("user", 5)) == 5);
  const auto verification = store.audit().verify();
  REQUIRE(verification.broken.has_value());
  CHECK(verification.broken->seq == 3);
  CHECK(verification.checked == 2);
}

TEST_CASE("filters combine; a username has no case; last is the newest run") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const auto add = [&store](std::int64_t second, const char* account, const char* username, const char* run) {
    AuditEntry entry = make_entry(username, second);
    entry.account = account;
    entry.run = run;
    store.audit().append(entry);
  };
  store.start_run(Run{"run-1", "a1", "poll", "daemon", "r", at(0), {}, {}, {}});
  store.start_run(Run{"run-2", "a2", "poll", "daemon", "r", at(1), {}, {}, {}});
  add(0, "a1", "JDoe", "run-1");
  add(10, "a2", "jdoe", "run-2");
  add(20, "a1", "mary", "run-1");
  add(30, "a2", "mary", "run-2");

  struct Case {
    AuditFilter filter;
    std::vector<std::int64_t> seqs;
  };
  const std::vector<Case> cases{
      {{}, {1, 2, 3, 4}},
      {{at(10), {}, {}, {}, {}}, {2, 3, 4}},
      {{{}, at(10), {}, {}, {}}, {1}},
      {{at(10), at(30), {}, {}, {}}, {2, 3}},
      {{{}, {}, "a1", {}, {}}, {1, 3}},
      {{{}, {}, {}, "jdOE", {}}, {1, 2}},
      {{{}, {}, "a2", "mary", {}}, {4}},
      {{{}, {}, {}, {}, "run-1"}, {1, 3}},
      {{{}, {}, {}, {}, "last"}, {2, 4}},
      {{{}, {}, "a1", {}, "last"}, {1, 3}},
      {{{}, {}, "nobody", {}, {}}, {}},
  };
  for (const Case& one : cases) CHECK(seqs(store, one.filter) == one.seqs);
}

TEST_CASE("several processes append to one chain") {
  const TempStore temp;
  { const Store store(temp.path(), Access::read_write); }
  std::vector<std::unique_ptr<Child>> children;
  for (int index = 0; index < 4; ++index) {
    children.push_back(std::make_unique<Child>([&temp](const Report& report) {
      Store store(temp.path(), Access::read_write);
      for (int number = 0; number < 50; ++number) store.audit().append(make_entry("user", number));
      report("ok");
    }));
  }
  for (const auto& child : children) CHECK(child->read_line() == "ok");
  Store store(temp.path(), Access::read_only);
  const auto verification = store.audit().verify();
  CHECK(!verification.broken);
  CHECK(verification.checked == 200);
}
