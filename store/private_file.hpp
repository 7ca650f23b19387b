#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

/// The whole of a file that SQLite never opens; empty optional: there is none. Throws StoreError.
std::optional<std::string> read_private_file(const std::string& path);

/// Makes or replaces such a file as a whole, durable when it returns. Throws StoreError.
void write_private_file(const std::string& path, std::string_view text);

/// Puts `fresh`, a finished file that nobody has open, in the place of `path`; durable when it returns.
/// Throws StoreError.
void put_in_place(const std::string& fresh, const std::string& path);

/// Waits until the disk knows that `path` is there. Throws StoreError.
void sync_directory_of(const std::string& path);

/// Writes `text` at `offset`, cuts off what stood after it, and waits until it is on the disk. Throws
/// StoreError.
void write_durably(const FileHandle& file, const std::string& path, std::string_view text,
                   std::int64_t offset);

/// Gives a file that root has made to the user that owns `model`.
void give_to_owner_of(const std::string& model, const FileHandle& file, const std::string& path);

/// Opens `path` for reading and writing as ensure_private_file leaves it. Only for files that SQLite never
/// opens.
FileHandle open_private_file(const std::string& path);

}  // namespace usersyncd
