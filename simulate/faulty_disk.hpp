#pragma once

#include <functional>

namespace usersyncd::simulate {

/// What SQLite asks of a file system.
enum class DiskCall { open, remove, exists, read, write, truncate, sync, lock, share };
/// What comes of one call. Only a write can be torn (half of it is done, and it fails), only a sync a lie.
enum class DiskFate { done, fails, torn, lie };

/// A file system for SQLite over the one that is its default now, such as a MemoryDisk: `ask` is told of
/// every call, and says what comes of it. SQLite's default as long as it exists. One at a time.
class FaultyDisk {
 public:
  using Ask = std::function<DiskFate(DiskCall)>;
  explicit FaultyDisk(Ask ask);
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;
};

}  // namespace usersyncd::simulate
