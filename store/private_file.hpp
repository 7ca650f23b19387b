#pragma once

#include <string>

namespace usersyncd {

/// Owns a file descriptor.
class FileHandle {
 public:
  explicit FileHandle(int descriptor) : descriptor_(descriptor) {}
  ~FileHandle();
  FileHandle(FileHandle&& other) noexcept;
  FileHandle& operator=(FileHandle&& other) noexcept;
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;  ///< -1: none
};

/// `path` with every link in its directory resolved, so that the last component alone remains to be checked.
/// Throws StoreError when the directory is not there.
std::string resolve_directory(const std::string& path);

/// Sees to it that `path` is a regular file (not a link) with mode 0600, and makes an empty one if there is
/// none. Throws StoreError. An existing file is never opened here: closing it would drop the locks that
/// SQLite holds on it in this process.
void ensure_private_file(const std::string& path);

/// Opens `path` for reading and writing as ensure_private_file leaves it. Only for files that SQLite never
/// opens.
FileHandle open_private_file(const std::string& path);

}  // namespace usersyncd
