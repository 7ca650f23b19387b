#include "config/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace usersyncd {
namespace {

namespace fs = std::filesystem;

constexpr int deepest_directory = 16;
constexpr std::size_t most_files = 10'000;

class OpenFile {
 public:
  // O_NONBLOCK: opening a FIFO must not wait for somebody to write into it.
  explicit OpenFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_nsec};
}

FileStamp stamp_of(const struct stat& status) {
  FileStamp stamp;
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.size = static_cast<std::uint64_t>(status.st_size);
  stamp.modified = nanoseconds(status.st_mtim);
  stamp.changed = nanoseconds(status.st_ctim);
  return stamp;
}

/// Reads to the end, but at most one byte more than `largest`. Empty on a read error (see errno).
std::optional<std::string> read_all(int descriptor, std::size_t largest) {
  std::string text;
  std::array<char, 65536> buffer{};
  while (text.size() <= largest) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

bool is_yaml_name(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml";
}

/// Adds the files below `directory`. False once anything is wrong.
bool collect(const fs::path& directory, int depth, std::vector<std::string>& files, Problems& problems) {
  const Place place{directory.string(), 0, 0};
  if (depth > deepest_directory) {
    problems.add(place, "directories are nested too deeply; is a symbolic link going round in circles?");
    return false;
  }
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.filename().string().starts_with('.')) continue;
    // A link into nowhere may be a directory that is not mounted: its users must not seem to have left.
    std::error_code unknown;
    const fs::file_status status = entry->status(unknown);
    if (!fs::status_known(status) || !fs::exists(status)) {
      problems.add({path.string(), 0, 0}, "cannot tell what this is: " + unknown.message());
      return false;
    }
    if (fs::is_directory(status)) {
      if (!collect(path, depth + 1, files, problems)) return false;
    } else if (is_yaml_name(path)) {
      files.push_back(path.string());
    }
    if (files.size() > most_files) {
      problems.add(place, "more than " + std::to_string(most_files) + " files");
      return false;
    }
  }
  if (!error) return true;
  problems.add(place, "cannot read the directory: " + error.message());
  return false;
}

}  // namespace

void report_changed(const std::string& path, Problems& problems) {
  problems.add({path, 0, 0},
               "the file changed while it was read; it may be half-written, so it is not believed");
}

std::optional<FileText> read_file(const std::string& path, std::size_t largest, Problems& problems) {
  const Place place{path, 0, 0};
  const OpenFile file(path);
  struct stat before {};
  if (!file.is_open() || ::fstat(file.get(), &before) != 0) {
    problems.add(place, "cannot open the file: " + reason(errno));
    return std::nullopt;
  }
  if (!S_ISREG(before.st_mode)) {
    problems.add(place,
                 S_ISDIR(before.st_mode) ? "this is a directory, not a file" : "this is not a regular file");
    return std::nullopt;
  }
  std::optional<std::string> text = read_all(file.get(), largest);
  if (!text) {
    problems.add(place, "cannot read the file: " + reason(errno));
    return std::nullopt;
  }
  if (text->size() > largest) {
    problems.add(place, "the file is larger than " + std::to_string(largest) + " bytes; split it");
    return std::nullopt;
  }
  struct stat after {};
  const bool same = ::fstat(file.get(), &after) == 0 && stamp_of(before) == stamp_of(after);
  if (!same || text->size() != stamp_of(after).size) {
    report_changed(path, problems);
    return std::nullopt;
  }
  return FileText{path, std::make_shared<const std::string>(std::move(*text)), stamp_of(after)};
}

bool still_same(const FileText& file, Problems& problems) {
  struct stat now {};
  if (::stat(file.path.c_str(), &now) == 0 && stamp_of(now) == file.stamp) return true;
  report_changed(file.path, problems);
  return false;
}

std::optional<std::vector<std::string>> list_yaml_files(const std::string& path, Problems& problems) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    const std::string why = error ? error.message() : reason(ENOENT);
    problems.add({path, 0, 0}, "cannot read this: " + why);
    return std::nullopt;
  }
  if (!fs::is_directory(status)) return std::vector<std::string>{path};

  std::vector<std::string> files;
  if (!collect(path, 1, files, problems)) return std::nullopt;
  if (files.empty()) {
    problems.add({path, 0, 0},
                 "the directory has no *.yaml or *.yml file; is it the right one, and mounted?");
    return std::nullopt;
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace usersyncd
