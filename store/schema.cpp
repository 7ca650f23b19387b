#include "store/schema.hpp"

#include <array>

namespace usersyncd {
namespace {

constexpr std::int32_t application_id = 0x55535944;  // "USYD"

// `user_key` is key_of(username); `account` is the id from the config. Times are milliseconds, UTC. There is
// no column for a secret (A60): passwords and tokens never come this far.
constexpr std::string_view version_1 = R"sql(
CREATE TABLE snapshot (
  account TEXT NOT NULL,
  user_key TEXT NOT NULL,
  username TEXT NOT NULL,
  user_id TEXT NOT NULL,
  fields TEXT NOT NULL,
  item_read_at INTEGER,
  desired_digest TEXT NOT NULL,
  missed_lists INTEGER NOT NULL,
  disabled_since INTEGER,
  PRIMARY KEY (account, user_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE catalogs (
  account TEXT NOT NULL PRIMARY KEY,
  document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_states (
  account TEXT NOT NULL PRIMARY KEY,
  last_poll INTEGER,
  last_success INTEGER,
  last_error TEXT NOT NULL,
  next_poll INTEGER,
  held INTEGER NOT NULL,
  breaker TEXT NOT NULL,
  waiting_until INTEGER,
  waiting_reason TEXT NOT NULL,
  list_complete INTEGER NOT NULL,
  users INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE drift (
  account TEXT NOT NULL,
  user_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  username TEXT NOT NULL,
  desired TEXT NOT NULL,
  actual TEXT NOT NULL,
  rule TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (account, user_key, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  number INTEGER NOT NULL PRIMARY KEY,
  id TEXT NOT NULL,
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  desired_revision TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  result TEXT NOT NULL,
  counts TEXT NOT NULL,
  UNIQUE (id, account)
) STRICT;
CREATE INDEX runs_of_account ON runs (account, number);
CREATE INDEX unfinished_runs ON runs (account) WHERE finished_at IS NULL;

CREATE TABLE plans (
  account TEXT NOT NULL PRIMARY KEY,
  saved_at INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE intents (
  id INTEGER NOT NULL PRIMARY KEY,
  run TEXT NOT NULL,
  account TEXT NOT NULL,
  user_key TEXT NOT NULL,
  username TEXT NOT NULL,
  user_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  action TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  actor TEXT NOT NULL,
  before_image TEXT NOT NULL,
  after_image TEXT NOT NULL,
  body TEXT NOT NULL,
  desired_digest TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'unknown', 'done', 'unverified', 'failed', 'not_done')),
  message TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  resolve_after INTEGER,
  closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX one_unresolved_intent_per_user ON intents (account, user_key)
  WHERE state IN ('open', 'unknown');
CREATE INDEX intents_of_user ON intents (account, user_key, id);
CREATE INDEX intents_of_run ON intents (run, id);
CREATE INDEX intents_by_time ON intents (account, operation, state, closed_at);

CREATE TABLE backoffs (
  account TEXT NOT NULL,
  user_key TEXT NOT NULL,
  username TEXT NOT NULL,
  failures INTEGER NOT NULL,
  next_try INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (account, user_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE overrides (
  account TEXT NOT NULL,
  user_key TEXT NOT NULL,
  field TEXT NOT NULL,
  username TEXT NOT NULL,
  wanted TEXT NOT NULL,
  times INTEGER NOT NULL,
  last_action TEXT NOT NULL,
  PRIMARY KEY (account, user_key, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE pauses (
  scope TEXT NOT NULL PRIMARY KEY,
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE approvals (
  account TEXT NOT NULL,
  action TEXT NOT NULL,
  plan TEXT NOT NULL,
  username TEXT NOT NULL,
  operation TEXT NOT NULL,
  summary TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'rejected')),
  requested_at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  decided_at INTEGER,
  expires_at INTEGER,
  PRIMARY KEY (account, action, plan)
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  seq INTEGER NOT NULL PRIMARY KEY,
  time INTEGER NOT NULL,
  run TEXT NOT NULL,
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  user_key TEXT NOT NULL,
  record TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_run ON audit (run);
CREATE INDEX audit_by_user ON audit (user_key);

-- `frontier` is MerkleFrontier::text() over all records up to `seq`.
CREATE TABLE audit_head (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  frontier TEXT NOT NULL
) STRICT;

-- Where the chain begins: what was put away ends with record `seq`.
CREATE TABLE audit_base (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  origin TEXT NOT NULL,
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  frontier TEXT NOT NULL
) STRICT;
INSERT INTO audit_base (id, origin, seq, hash, frontier)
  VALUES (1, 'usersyncd/' || lower(hex(randomblob(8))), 0, printf('%064d', 0), '');

CREATE TABLE audit_checkpoints (
  size INTEGER NOT NULL PRIMARY KEY,
  time INTEGER NOT NULL,
  frontier TEXT NOT NULL,
  note TEXT NOT NULL
) STRICT;

-- Bodies that a record may point to instead of repeating them. `seq` is the record that wrote it out,
-- `last_seq` the last one that has it; `body` is empty until that first record is put away.
CREATE TABLE audit_bodies (
  account TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (account, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_bodies_by_seq ON audit_bodies (seq);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
WHEN OLD.seq > COALESCE((SELECT seq FROM audit_base WHERE id = 1), 0)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
)sql";

constexpr std::array<std::string_view, 1> steps{version_1};

}  // namespace

Schema store_schema() {
  return Schema{application_id, steps};
}

}  // namespace usersyncd
