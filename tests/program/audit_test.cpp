#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>
#include <filesystem>

#include "tests/program/support.hpp"
#include "tests/support/temp_store.hpp"

// The audit log as an operator and an auditor see it: signed checkpoints, verification, export, retention.

namespace usersyncd::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

void make_history(Bench& bench) {
  add_people(bench.simulator());
  bench.wish(person("ann.lee", "    roles: [basicAccess, Ordering]\n"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
}

std::string second_verifier() {
  return SOURCE_DIR "/scripts/audit-verify";
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("every run ends with a signed checkpoint, and both verifiers accept it") {
  Bench bench;
  make_history(bench);
  const auto verified = bench.run({"audit", "verify"});
  CHECK(verified.exit == 0);
  CHECK(missing_from(verified.out, {"ok: ", "the chain is whole", "signed up to seq "}) == "");
  const auto notes = read_text(bench.store() + ".checkpoints");
  CHECK(count_of(notes, "\u2014 usersyncd/") >= 1);
  CHECK((fs::status(bench.store() + ".audit.key").permissions() & fs::perms::mask) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  const auto log = bench.home().write("log.jsonl", bench.run({"audit", "export"}).out);
  const auto second = run_program({second_verifier(), "--checkpoint", bench.store() + ".checkpoints", "--key",
                                   bench.store() + ".audit.pub", log});
  CHECK(second.exit == 0);
  CHECK(second.out == verified.out);
}

TEST_CASE("what a person decides is signed at once: pause, resume, approve and reject") {
  Bench bench;
  make_history(bench);
  bench.policy("  - { name: ask, effect: requireApproval }\n");
  bench.wish(person("ann.lee", "    roles: [Porting]\n") + person("bob.ray", "    roles: [Porting]\n"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 3);
  const auto waiting =
      parse_output(bench.run({"approvals", "--format", "json"}).out).at("approvals").as_array();
  REQUIRE(waiting.size() == 2);
  const auto id = [&](std::size_t i) { return std::string{waiting[i].at("id").as_string()}; };
  const std::vector<Arguments> decisions{{"pause"}, {"resume"}, {"approve", id(0)}, {"reject", id(1)}};
  for (const auto& decision : decisions) {
    CAPTURE(decision.front());
    const auto run = bench.run(decision);
    CHECK_MESSAGE(run.exit == 0, run.err);
    CHECK(run.err == "");
    const auto newest = query_raw(bench.store(), "SELECT MAX(seq) FROM audit");
    CHECK(query_raw(bench.store(), "SELECT MAX(size) FROM audit_checkpoints") == newest);
  }
}

TEST_CASE(
    "audit verify --checkpoint finds a log that was cut off or went back, and names the first bad seq") {
  Bench bench;
  make_history(bench);
  const auto checkpoint = bench.home().write("kept", read_text(bench.store() + ".checkpoints"));
  const auto key = bench.home().write("key", read_text(bench.store() + ".audit.pub"));
  CHECK(bench.run({"audit", "verify", "--checkpoint", checkpoint, "--key", key}).exit == 0);
  // As if the store and everything beside it were from before the last two records.
  run_raw(bench.store(),
          "DROP TRIGGER audit_is_never_deleted; DELETE FROM audit_checkpoints;"
          "DELETE FROM audit WHERE seq > (SELECT seq - 2 FROM audit_head)");
  fs::remove(bench.store() + ".checkpoints");
  fs::remove(bench.store() + ".audit.pub");
  const auto last = query_raw(bench.store(), "SELECT MAX(seq) + 1 FROM audit");
  const auto found = bench.run({"audit", "verify", "--checkpoint", checkpoint, "--key", key});
  CHECK(found.exit == 1);
  CHECK(found.out.starts_with("broken at seq " + last + ": "));
}

TEST_CASE("audit verify says what is wrong with a checkpoint or a key") {
  Bench bench;
  make_history(bench);
  const auto notes = read_text(bench.store() + ".checkpoints");
  auto forged = notes;
  forged.replace(forged.find('\n') + 1, 1, "9");
  struct Case {
    Arguments arguments;
    std::string message;
  };
  const std::vector<Case> cases{
      {{"--checkpoint", bench.home().write("forged", forged)}, "not signed with a known key"},
      {{"--checkpoint", bench.home().write("garbage", "hello\n\nworld\n")}, "line 1: expected"},
      {{"--checkpoint", bench.home().write("empty", "")}, "there is no checkpoint in it"},
      {{"--checkpoint", bench.home().path("nowhere")}, "there is no such file"},
      {{"--key", bench.home().write("bad-key", "hello\n")}, "line 1: expected a public key"},
      {{"--key", bench.home().path("nowhere")}, "there is no such file"}};
  for (const auto& [arguments, message] : cases) {
    Arguments all{"audit", "verify"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto run = bench.run(all);
    CAPTURE(run.err);
    CHECK(run.exit == 1);
    CHECK(missing_from(run.err, {message}) == "");
  }
}

TEST_CASE("audit export --actions: who, which revision and entry, which rule, when, before and after") {
  Bench bench;
  make_history(bench);
  const auto run = bench.run({"audit", "export", "--actions"});
  CHECK(run.exit == 0);
  const auto write = parse_output(run.out).as_object();
  CHECK(write.at("username") == "ann.lee");
  CHECK(write.at("operation") == "update");
  CHECK(write.at("state") == "done");
  CHECK(write.at("actor").as_string().size() > 0);
  CHECK(write.at("desiredRevision").as_string().size() > 20);
  CHECK(missing_from(json::serialize(write), {"main.yaml:", "\"before\":{", "\"after\":{"}) == "");
  CHECK(write.at("wantedAt").as_string() <= write.at("sentAt").as_string());
  CHECK(write.at("sentAt").as_string() <= write.at("confirmedAt").as_string());
  const auto csv = bench.run({"audit", "export", "--actions", "--format", "csv"});
  CHECK(count_of(csv.out, "\n") == 2);
  CHECK(csv.out.starts_with("seq,account,username,operation,"));
  CHECK(bench.run({"audit", "export", "--actions", "--until", "2001-01-01"}).out.empty());
}

TEST_CASE("an approved write tells who approved it and when") {
  Bench bench;
  add_people(bench.simulator());
  bench.policy("  - { name: updates, match: { operations: [update] }, effect: requireApproval }\n");
  bench.wish(person("ann.lee", "    roles: [basicAccess, Ordering]\n"));
  const auto planned = bench.run({"apply", "--yes"});
  CAPTURE(planned.out + planned.err);
  const auto waiting = parse_output(bench.run({"approvals", "--format", "json"}).out).at("approvals");
  REQUIRE(waiting.as_array().size() == 1);
  const std::string id(waiting.at(0).at("id").as_string());
  REQUIRE(bench.run({"approve", id, "--reason", "ticket 7"}).exit == 0);
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  const auto write = parse_output(bench.run({"audit", "export", "--actions"}).out).as_object();
  CHECK(write.at("rules") == "drift updates");
  CHECK(write.at("approvedBy").as_string().size() > 0);
  CHECK(write.at("approvedAt").as_string() <= write.at("sentAt").as_string());
}

TEST_CASE("the daemon tells its checkpoints, puts old records away, and the chain stays whole") {
  Setup setup;
  setup.lines = "audit: { retention: 1s }\n";
  Bench bench(setup);
  make_history(bench);
  {
    Daemon daemon{bench};
    REQUIRE(daemon.wait_for_event("audit.checkpoint"));
    REQUIRE(eventually([&] { return bench.run({"audit", "show", "1"}).exit == 1; }));
    CHECK(daemon.stop() == 0);
    const auto told = daemon.events("audit.checkpoint");
    CHECK(told.front().at("level") == "info");
    CHECK(missing_from(std::string(told.back().at("reason").as_string()), {"usersyncd/", "\u2014 "}) == "");
  }
  const auto verified = bench.run({"audit", "verify"});
  CHECK(verified.exit == 0);
  CHECK(missing_from(verified.out, {" that were put away", "signed up to seq"}) == "");
  CHECK(missing_from(bench.run({"audit", "show", "1"}).err, {"was put away"}) == "");
}

TEST_CASE("a store from before its checkpoints is not signed, the run works all the same and says so") {
  Bench bench;
  make_history(bench);
  const auto checkpoints = read_text(bench.store() + ".checkpoints");
  fs::remove(bench.store());
  const auto run = bench.run({"apply", "--yes"});
  CHECK(run.exit == 0);
  CHECK(missing_from(run.err, {"no checkpoint was signed", "another store", ".checkpoints"}) == "");
  CHECK(read_text(bench.store() + ".checkpoints") == checkpoints);
  CHECK(bench.run({"audit", "verify"}).exit == 1);
}

TEST_CASE("a signing key from the config is used, and a wrong one is told with its place") {
  Setup setup;
  setup.lines = "audit: { key: { file: signing-key } }\n";
  Bench bench(setup);
  bench.home().write("signing-key",
                     "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n");
  make_history(bench);
  CHECK(missing_from(read_text(bench.store() + ".checkpoints"), {"\u2014 PeterNeumann "}) == "");
  CHECK(!fs::exists(bench.store() + ".audit.key"));
  CHECK(bench.run({"audit", "verify"}).exit == 0);
  bench.home().write("signing-key", "hello\n");
  const auto run = bench.run({"plan"});
  CHECK(missing_from(run.err, {"usersyncd.yaml:", "not a signing key"}) == "");
  CHECK(missing_from(run.err, {"hello"}) != "");
}

}  // namespace usersyncd::test
