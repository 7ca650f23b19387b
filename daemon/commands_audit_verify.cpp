#include <algorithm>
#include <iostream>

#include "daemon/audit_text.hpp"
#include "daemon/commands.hpp"
#include "store/audit_files.hpp"
#include "store/private_file.hpp"
#include "sync/plan_text.hpp"

// `audit verify`: the chain against itself, and against what was signed of it.

namespace usersyncd {
namespace {

/// What checkpoints say of the log, and what is wrong with the checkpoints themselves.
struct Evidence {
  std::vector<TreeHead> heads;
  std::vector<std::string> faults;
};

std::string read_named_file(const std::string& path) {
  auto text = read_private_file(path);
  if (!text) throw StoreError(path + ": there is no such file");
  return *std::move(text);
}

std::vector<VerifyingKey> read_keys(const CommandLine& line, const std::string& store, Evidence& evidence) {
  const std::string path = line.key_file.empty() ? audit_public_key_path(store) : line.key_file;
  const auto text = line.key_file.empty() ? read_private_file(path).value_or("") : read_named_file(path);
  const auto keys = parse_verifying_keys(text);
  if (keys && !keys->empty()) return *keys;
  evidence.faults.push_back(path + ": " +
                            (keys ? "no public key; give one with --key" : keys.error().message));
  return {};
}

void add_notes(const std::string& where, const std::string& text, const std::vector<VerifyingKey>& keys,
               Evidence& evidence) {
  const auto notes = parse_notes(text);
  if (!notes) return evidence.faults.push_back(where + ": " + notes.error().message);
  for (const SignedNote& note : *notes) {
    const bool good = std::any_of(keys.begin(), keys.end(),
                                  [&note](const VerifyingKey& key) { return key.verifies(note); });
    if (good) {
      evidence.heads.push_back(note.head);
      continue;
    }
    evidence.faults.push_back(where + ":" + std::to_string(note.line) + ": the checkpoint of " +
                              std::to_string(note.head.size) + " records is not signed with a known key");
  }
}

// Before the log is looked at: what is signed later would seem to be missing in it.
Evidence gather(const CommandLine& line, Store& store) {
  Evidence evidence;
  if (!line.checkpoint_file.empty()) {
    const auto text = read_named_file(line.checkpoint_file);
    add_notes(line.checkpoint_file, text, read_keys(line, store.path(), evidence), evidence);
    if (evidence.heads.empty() && evidence.faults.empty())
      evidence.faults.push_back(line.checkpoint_file + ": there is no checkpoint in it");
    return evidence;
  }
  const std::string path = audit_checkpoints_path(store.path());
  const auto filed = read_private_file(path).value_or("");
  const auto kept = store.audit().checkpoints();
  if (filed.empty() && kept.empty()) return evidence;
  const auto keys = read_keys(line, store.path(), evidence);
  if (keys.empty()) return evidence;
  add_notes(path, filed, keys, evidence);
  for (const Checkpoint& checkpoint : kept) {
    add_notes("the store's checkpoint of " + std::to_string(checkpoint.size), checkpoint.note, keys,
              evidence);
  }
  return evidence;
}

void print_success(const AuditVerification& verified) {
  std::cout << "ok: " << verified.checked << " records";
  if (verified.base > 0) std::cout << " after " << verified.base << " that were put away";
  std::cout << ", the chain is whole";
  if (verified.vouched > 0) std::cout << ", and signed up to seq " << verified.vouched;
  std::cout << '\n';
}

}  // namespace

Exit run_audit_verify(const CommandLine& line) {
  auto exit = Exit::done;
  const auto store = open_audit_store(line, exit);
  if (!store) return exit;
  auto evidence = gather(line, *store);
  const auto verified = store->audit().verify(std::move(evidence.heads));
  for (const auto& fault : evidence.faults) {
    print_error(Error{ErrorKind::store, fault, ""});
    exit = worse(exit, Exit::failed);
  }
  if (verified.broken) {
    std::cout << "broken at seq " << verified.broken->seq << ": " << terminal_safe(verified.broken->reason)
              << '\n';
    return worse(exit, Exit::failed);
  }
  if (evidence.faults.empty()) print_success(verified);
  return exit;
}

}  // namespace usersyncd
