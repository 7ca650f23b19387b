#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>

#include "store/audit_files.hpp"
#include "tests/store/audit_world.hpp"

// scripts/audit-verify, which shares no code with the store, must come to the same conclusion.

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

struct Closer {
  void operator()(std::FILE* pipe) const { ::pclose(pipe); }
};

/// What the script prints, up to the reason: `ok` or `broken at seq N`.
std::string second_opinion(const std::string& arguments) {
  const std::string command = std::string(SOURCE_DIR) + "/scripts/audit-verify " + arguments + " 2>&1";
  const std::unique_ptr<std::FILE, Closer> pipe(::popen(command.c_str(), "r"));
  REQUIRE(pipe);
  std::string text;
  std::array<char, 1024> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr)
    text += buffer.data();
  return text.substr(0, text.find(':'));
}

std::string opinion(const AuditVerification& verified) {
  return verified.broken ? "broken at seq " + std::to_string(verified.broken->seq) : "ok";
}

std::string save_export(Store& store, const TempStore& temp) {
  const std::string path = (temp.directory() / "log.jsonl").string();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (const auto& line : exported(store.audit())) file << line << '\n';
  return path;
}

std::string evidence(const TempStore& temp) {
  return "--checkpoint " + audit_checkpoints_path(temp.path()) + " --key " +
         audit_public_key_path(temp.path()) + " ";
}

}  // namespace

TEST_CASE("two verifiers that share no code agree on good logs and on tampered ones") {
  const std::vector<std::string> cases{
      "",
      "UPDATE audit SET record = replace(record, 'user-3', 'user-4') WHERE seq = 4",
      "UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = 37",
      "UPDATE audit SET record = substr(record, 1, 40) WHERE seq = 45",
      "UPDATE audit SET record = substr(record, 1, 40) || char(10) || substr(record, 41) WHERE seq = 45",
      "UPDATE audit SET record = 'x' WHERE seq = 11",
      "DELETE FROM audit WHERE seq = 12",
      "DELETE FROM audit WHERE seq = 1",
      "DELETE FROM audit WHERE seq BETWEEN 20 AND 29",
      "DELETE FROM audit WHERE seq >= 50",
      "DELETE FROM audit",
      "UPDATE audit SET seq = -seq WHERE seq IN (7, 9); UPDATE audit SET seq = 16 + seq WHERE seq < 0"};
  for (const auto& sql : cases) {
    INFO(sql);
    const TempStore temp(quick_directory());
    Store store(temp.path(), Access::read_write);
    AuditWorld world(store.audit());
    for (const int count : {30, 10, 20}) {
      world.append(count);
      world.sign();
    }
    const auto heads = heads_of(store.audit().checkpoints());
    if (!sql.empty()) run_raw(temp.path(), drop_audit_triggers + sql);
    const auto first = opinion(store.audit().verify(heads));
    CHECK(first.starts_with(sql.empty() ? "ok" : "broken"));
    CHECK(second_opinion(evidence(temp) + save_export(store, temp)) == first);
  }
}

TEST_CASE("two verifiers agree on a log that began later, with its segments and without them") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  world.append(60);
  world.sign();
  const auto first = store.audit().put_away(at(13), at(100));
  const auto second = store.audit().put_away(at(20), at(100'000));
  REQUIRE(first);
  REQUIRE(second);
  world.sign();
  const std::string rest = save_export(store, temp);
  CHECK(second_opinion(evidence(temp) + rest) == "ok");
  CHECK(second_opinion(evidence(temp) + first->file + " " + second->file + " " + rest) == "ok");
  CHECK(second_opinion(evidence(temp) + first->file + " " + rest) == "broken at seq 14");
  CHECK(second_opinion(evidence(temp) + second->file + " " + rest) == "ok");
  CHECK(second_opinion(rest) == "ok");
}

TEST_CASE("two verifiers agree on a log that was rewritten as a whole, and on one that was cut off") {
  const TempStore temp(quick_directory()), other(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  for (const int count : {30, 30}) {
    world.append(count);
    world.sign();
  }
  auto heads = heads_of(store.audit().checkpoints());
  Store forged(other.path(), Access::read_write);
  AuditWorld forger(forged.audit());
  for (auto& head : heads) head.origin = forged.audit().origin();
  forger.append(45);
  CHECK(opinion(forged.audit().verify(heads)) == "broken at seq 46");
  CHECK(second_opinion(evidence(temp) + save_export(forged, other)) == "broken at seq 46");
  forged.audit().append(make_entry("nobody", 45));
  forger.append(20);
  CHECK(opinion(forged.audit().verify(heads)) == "broken at seq 31");
  CHECK(second_opinion(evidence(temp) + save_export(forged, other)) == "broken at seq 31");
}

TEST_CASE("the second verifier believes no checkpoint that its key did not sign, and reads no garbage") {
  const TempStore temp(quick_directory());
  Store store(temp.path(), Access::read_write);
  AuditWorld world(store.audit());
  world.append(10);
  const auto note = world.sign().note;
  const std::string log = save_export(store, temp);
  const std::string key = " --key " + audit_public_key_path(temp.path()) + " ";
  const std::string notes = (temp.directory() / "notes").string();
  std::mt19937 random(3);
  for (int i = 0; i < 12; ++i) {
    std::string changed = note;
    const auto place = std::uniform_int_distribution<std::size_t>(0, note.size() - 2)(random);
    changed[place] = static_cast<char>(changed[place] ^ 1);
    std::ofstream(notes, std::ios::trunc) << changed;
    CAPTURE(changed);
    CHECK(second_opinion("--checkpoint " + notes + key + log) == "error");
  }
  std::ofstream(notes, std::ios::trunc) << note << '\n' << note.substr(0, note.size() / 2);
  CHECK(second_opinion("--checkpoint " + notes + key + log) == "ok");
  CHECK(second_opinion("--checkpoint " + notes + " " + log) == "error");
  CHECK(second_opinion("/nowhere/log.jsonl") == "error");
}
