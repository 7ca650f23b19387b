#include "store/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "sync/error.hpp"

namespace usersyncd {
namespace {

constexpr mode_t private_mode = S_IRUSR | S_IWUSR;
constexpr mode_t others_bits = S_IRWXG | S_IRWXO;

[[noreturn]] void fail(const std::string& path, const std::string& what, const std::string& advice) {
  throw StoreError("store " + path + ": " + what + ": " + advice);
}

[[noreturn]] void fail_errno(const std::string& path, const std::string& doing, int error) {
  const std::string what = doing + " failed (" + std::strerror(error) + ")";
  switch (error) {
    case EACCES:
    case EPERM:
      fail(path, what, "run as the user that owns the store, or correct the permissions of its directory");
    case EROFS:
      fail(path, what, "the file system is mounted read-only; make it writable or move the store");
    case ENOSPC:
    case EDQUOT:
      fail(path, what, "the disk is full; free some space and start again");
    case ELOOP:
      fail(path, what, "the store must not be a symbolic link; give the real path");
    default:
      fail(path, what, "check store.path in the config");
  }
}

/// Takes everybody else's access away from an existing file.
void tighten(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) fail_errno(path, "looking at the file", errno);
  if (!S_ISREG(status.st_mode)) {
    fail(path, "this is not a regular file", "links and devices are not accepted; give the real path");
  }
  if ((status.st_mode & others_bits) == 0) return;
  const uid_t user = ::geteuid();
  if (user != 0 && status.st_uid != user) {
    fail(path, "others may read the file, and it belongs to user id " + std::to_string(status.st_uid),
         "have its owner run `chmod 600` on it");
  }
  if (::chmod(path.c_str(), private_mode) != 0) fail_errno(path, "setting mode 0600", errno);
}

}  // namespace

FileHandle::~FileHandle() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileHandle::FileHandle(FileHandle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

std::string resolve_directory(const std::string& path) {
  const std::filesystem::path whole(path);
  const std::filesystem::path directory = whole.has_parent_path() ? whole.parent_path() : ".";
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::canonical(directory, error);
  if (error) {
    fail(path, "its directory " + directory.string() + " cannot be used (" + error.message() + ")",
         "make the directory with mode 0700 for the user that runs usersyncd, or correct store.path");
  }
  return (resolved / whole.filename()).string();
}

void ensure_private_file(const std::string& path) {
  const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const FileHandle made(::open(path.c_str(), flags, private_mode));
  if (made.get() >= 0) {
    // The umask may have taken away more than it should; this also makes the mode independent of it.
    if (::fchmod(made.get(), private_mode) != 0) fail_errno(path, "setting mode 0600", errno);
    return;
  }
  if (errno != EEXIST) fail_errno(path, "making the file", errno);
  tighten(path);
}

FileHandle open_private_file(const std::string& path) {
  ensure_private_file(path);
  FileHandle file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (file.get() < 0) fail_errno(path, "opening the file", errno);
  return file;
}

std::optional<std::string> read_private_file(const std::string& path) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return std::nullopt;
  if (file.get() < 0) fail_errno(path, "opening the file", errno);
  std::string text;
  std::array<char, 65'536> buffer{};
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(path, "reading the file", errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void write_durably(const FileHandle& file, const std::string& path, std::string_view text,
                   std::int64_t offset) {
  if (::ftruncate(file.get(), offset) != 0) fail_errno(path, "writing the file", errno);
  while (!text.empty()) {
    const ssize_t written = ::pwrite(file.get(), text.data(), text.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno(path, "writing the file", errno);
    text.remove_prefix(static_cast<std::size_t>(written));
    offset += written;
  }
  if (::fsync(file.get()) != 0) fail_errno(path, "writing the file", errno);
}

void write_private_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  {
    const FileHandle file = open_private_file(fresh);
    write_durably(file, fresh, text, 0);
  }
  put_in_place(fresh, path);
}

void put_in_place(const std::string& fresh, const std::string& path) {
  {
    const FileHandle file = open_private_file(fresh);
    if (::fsync(file.get()) != 0) fail_errno(fresh, "writing the file", errno);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) fail_errno(path, "renaming the file", errno);
  sync_directory_of(path);
}

void sync_directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const FileHandle entry(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entry.get() < 0 || ::fsync(entry.get()) != 0) fail_errno(path, "writing its directory", errno);
}

void give_to_owner_of(const std::string& model, const FileHandle& file, const std::string& path) {
  struct stat owner {};
  if (::geteuid() != 0 || ::stat(model.c_str(), &owner) != 0 || owner.st_uid == 0) return;
  if (::fchown(file.get(), owner.st_uid, owner.st_gid) != 0) fail_errno(path, "changing its owner", errno);
}

}  // namespace usersyncd
