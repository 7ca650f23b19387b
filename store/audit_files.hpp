#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/note.hpp"

// What the audit log keeps beside the database: its keys, and the file of checkpoints, which is only ever
// added to.

namespace usersyncd {

std::string audit_key_path(const std::string& db_path);          ///< `<db>.audit.key`
std::string audit_public_key_path(const std::string& db_path);   ///< `<db>.audit.pub`
std::string audit_checkpoints_path(const std::string& db_path);  ///< `<db>.checkpoints`

/// The key beside the database; made, and named after the log, if there is none yet. An Error if it is not
/// one. Throws StoreError.
Result<SigningKey> load_audit_key(const std::string& db_path, const std::string& origin);

/// Adds the key to the public ones beside the database, unless it is there. Throws StoreError.
void publish_audit_key(const std::string& db_path, const VerifyingKey& key);
/// All of them; none if there is no such file. Throws StoreError.
Result<std::vector<VerifyingKey>> read_public_keys(const std::string& db_path);

/// The newest whole checkpoint of the file; empty optional: there is none. Throws StoreError.
Result<std::optional<SignedNote>> read_last_checkpoint(const std::string& db_path);
/// Adds a note to the file, durable when it returns; one that was cut off before it is removed. Throws
/// StoreError.
void append_checkpoint(const std::string& db_path, const std::string& note);

/// Where the records `first` to `last` go when they leave: `<db>.audit-FIRST-LAST.jsonl`.
std::string audit_segment_path(const std::string& db_path, std::int64_t first, std::int64_t last);
/// How much of the segment is there, in bytes, be it whole or not. Throws StoreError.
std::int64_t audit_segment_size(const std::string& path);
/// Writes lines at `offset`, in the place of what an attempt that was cut short may have left there; durable
/// when it returns. Until it is `whole` the file has `.part` after its name. Throws StoreError.
void extend_audit_segment(const std::string& db_path, const std::string& path, std::int64_t offset,
                          const std::string& lines, bool whole);

}  // namespace usersyncd
