#pragma once

#include <string>
#include <vector>

#include "store/audit.hpp"
#include "tests/store/fixture.hpp"

namespace usersyncd::test {

/// Audit records as a run makes them: intents, exchanges small and large, decisions.
class AuditWorld {
 public:
  explicit AuditWorld(AuditLog& audit) : audit_(audit) {}

  /// Appends so many records, each a second after the one before.
  void append(int count);
  /// Signs what is there; the note must come about.
  Checkpoint sign();
  const SigningKey& key() const { return key_; }

 private:
  AuditLog& audit_;
  SigningKey key_ = SigningKey::generate("test");
  int written_ = 0;
};

/// What notes say.
std::vector<TreeHead> heads_of(const std::vector<Checkpoint>& checkpoints);

/// The records as they are exported, oldest first.
std::vector<std::string> exported(AuditLog& audit);

/// Takes the triggers away that keep the audit table from being changed.
extern const std::string drop_audit_triggers;

}  // namespace usersyncd::test
