#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/private_file.hpp"
#include "sync/error.hpp"
#include "sync/time.hpp"

// Both locks belong to an open file, not to what stands in it: the kernel drops them when the process ends,
// however it ends, so nobody ever has to remove one by hand (A61, A62).

namespace usersyncd {

/// One daemon per store. Held on `<db>.lock`, which also says who holds it: `pid N since T`.
class DaemonLock {
 public:
  /// An Error of kind store that names the holder when another daemon has it. Throws StoreError when the lock
  /// file itself cannot be used.
  static Result<DaemonLock> acquire(const std::string& db_path, Time now);
  /// Whether a daemon runs on the store now.
  static bool is_held(const std::string& db_path);

 private:
  explicit DaemonLock(FileHandle file) : file_(std::move(file)) {}
  FileHandle file_;
};

/// The right to work on one account: held by a daemon's cycle or by `apply`, never by both. One byte of
/// `<db>.accounts.lock`, at an offset that the account's id decides. Two in one process exclude each other
/// too.
class AccountLock {
 public:
  /// Empty: somebody else works on the account right now. Throws StoreError.
  static std::optional<AccountLock> try_acquire(const std::string& db_path, std::string_view account);

 private:
  explicit AccountLock(FileHandle file) : file_(std::move(file)) {}
  FileHandle file_;
};

/// Lets one process at a time make, upgrade or open a store for writing: SQLite cannot wait for another
/// process that switches the same file to its write-ahead log. Held for milliseconds, on a byte of
/// `<db>.accounts.lock` that belongs to no account.
class OpeningLock {
 public:
  /// Waits for its turn. Throws StoreError after half a minute, or when the lock file cannot be used.
  static OpeningLock acquire(const std::string& db_path);

 private:
  explicit OpeningLock(FileHandle file) : file_(std::move(file)) {}
  FileHandle file_;
};

}  // namespace usersyncd
