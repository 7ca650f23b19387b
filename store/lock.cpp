#include "store/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "sync/plan.hpp"

namespace usersyncd {
namespace {

/// What the holder wrote about itself.
std::string read_holder(const FileHandle& file) {
  std::array<char, 128> buffer{};
  const ssize_t size = ::pread(file.get(), buffer.data(), buffer.size(), 0);
  if (size <= 0) return "a process that has not given its id yet";
  const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  return std::string(text.substr(0, text.find('\n')));
}

/// The note is for people: the lock holds without it, so a full disk does not keep the daemon from starting
/// here.
void write_holder(const FileHandle& file, Time now) {
  const std::string note = "pid " + std::to_string(::getpid()) + " since " + format_time(now) + "\n";
  if (::ftruncate(file.get(), 0) != 0) return;
  [[maybe_unused]] const ssize_t written = ::pwrite(file.get(), note.data(), note.size(), 0);
}

/// 62 bits of the digest: two accounts of one store never meet, and the offset stays a valid one.
off_t offset_of(std::string_view account) {
  const std::string digits = sha256_hex(account).substr(0, 16);
  return static_cast<off_t>(std::stoull(digits, nullptr, 16) >> 2U);
}

/// Above every account's byte.
constexpr off_t opening_offset = off_t{1} << 62U;
constexpr std::chrono::seconds longest_opening{30};
constexpr std::chrono::milliseconds longest_question{100}, between_tries{5};

[[noreturn]] void fail(const std::string& path, int error) {
  throw StoreError("store lock " + path + ": locking failed (" + std::strerror(error) +
                   "): the store must be on a local file system that supports locks");
}

/// False: another process keeps it. Who merely asks whether a daemon runs has it for a moment.
bool lock_whole(const FileHandle& file, const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + longest_question;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail(path, errno);
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(between_tries);
  }
  return true;
}

/// False: somebody else has it.
bool lock_byte(const FileHandle& file, const std::string& path, off_t offset) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = offset;
  range.l_len = 1;
  if (::fcntl(file.get(), F_OFD_SETLK, &range) == 0) return true;
  if (errno != EAGAIN && errno != EACCES) fail(path, errno);
  return false;
}

}  // namespace

Result<DaemonLock> DaemonLock::acquire(const std::string& db_path, Time now) {
  const std::string path = resolve_directory(db_path) + ".lock";
  FileHandle file = open_private_file(path);
  if (!lock_whole(file, path)) {
    return Error{ErrorKind::store,
                 "another usersyncd runs on this store: " + read_holder(file) +
                     "; stop it first, or give this one a store of its own (store.path)",
                 path};
  }
  write_holder(file, now);
  return DaemonLock(std::move(file));
}

bool DaemonLock::is_held(const std::string& db_path) {
  const std::string path = resolve_directory(db_path) + ".lock";
  if (::access(path.c_str(), F_OK) != 0) return false;
  const FileHandle file = open_private_file(path);
  return ::flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::optional<AccountLock> AccountLock::try_acquire(const std::string& db_path, std::string_view account) {
  const std::string path = resolve_directory(db_path) + ".accounts.lock";
  FileHandle file = open_private_file(path);
  if (!lock_byte(file, path, offset_of(account))) return std::nullopt;
  return AccountLock(std::move(file));
}

OpeningLock OpeningLock::acquire(const std::string& db_path) {
  const std::string path = resolve_directory(db_path) + ".accounts.lock";
  FileHandle file = open_private_file(path);
  const auto deadline = std::chrono::steady_clock::now() + longest_opening;
  while (!lock_byte(file, path, opening_offset)) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw StoreError("store " + db_path +
                       ": another process has been opening it for half a minute; see `fuser " + path +
                       "` for who, and try again");
    }
    std::this_thread::sleep_for(between_tries);
  }
  return OpeningLock(std::move(file));
}

}  // namespace usersyncd
