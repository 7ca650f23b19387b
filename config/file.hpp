#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/problems.hpp"

namespace usersyncd {

/// What tells whether a file is still the one that was read.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified = 0;  ///< nanoseconds
  std::int64_t changed = 0;   ///< nanoseconds
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

struct FileText {
  std::string path;
  std::shared_ptr<const std::string> text;
  FileStamp stamp;
};

/// Reads a regular file of at most `largest` bytes. Missing, unreadable, too large, not a regular file, or
/// changed while it was read: a problem with the file's name, and nothing is returned.
std::optional<FileText> read_file(const std::string& path, std::size_t largest, Problems& problems);

/// The problem of a file of which two looks saw different things.
void report_changed(const std::string& path, Problems& problems);

/// False, with a problem, if the file has changed, or is gone, since it was read. Several files are one state
/// of affairs only if all of them still are as they were when the last one has been read.
bool still_same(const FileText& file, Problems& problems);

/// The files that `path` stands for: itself, or, if it is a directory, all `*.yaml` and `*.yml` below it,
/// sorted by path. Names that start with a dot are skipped. A directory that cannot be read, has no such
/// file, or is nested deeper than 16 is a problem; then nothing is returned.
std::optional<std::vector<std::string>> list_yaml_files(const std::string& path, Problems& problems);

}  // namespace usersyncd
