#include "simulate/memory_disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>
#include <utility>

namespace usersyncd::simulate {

// One write that is not synchronized yet: what stood there before.
struct Unsynced {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string before;
  std::size_t size_before = 0;
};

namespace {

// Room that a file has left behind, for the next: to grow costs more than to write.
class Room {
 public:
  static std::string take() {
    constexpr std::size_t enough = 512 * 1024;  // for the write-ahead log of a story, most of the time
    if (left().empty()) {
      std::string room;
      room.reserve(enough);
      return room;
    }
    auto room = std::move(left().back());
    left().pop_back();
    return room;
  }
  static void leave(std::string room) {
    constexpr std::size_t most = 8;
    room.clear();
    if (left().size() < most) left().push_back(std::move(room));
  }

 private:
  static std::vector<std::string>& left() {
    static std::vector<std::string> rooms;
    return rooms;
  }
};

}  // namespace

struct MemoryDisk::File {
  File() = default;
  ~File() { Room::leave(std::move(bytes)); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::string bytes = Room::take();
  std::vector<Unsynced> unsynced;

  // Locks of the file itself, by the number of connections that hold them.
  int shared = 0;
  bool reserved = false;
  bool exclusive = false;

  // The index of the write-ahead log, which processes share in memory and a restart takes.
  std::vector<std::unique_ptr<std::array<char, 32 * 1024>>> regions;
  std::array<int, SQLITE_SHM_NLOCK> region_shared{};
  std::array<bool, SQLITE_SHM_NLOCK> region_exclusive{};
};

struct MemoryDisk::Connection {
  sqlite3_file base{};
  MemoryDisk* disk = nullptr;
  std::shared_ptr<File> file;
  int level = SQLITE_LOCK_NONE;
  std::array<bool, SQLITE_SHM_NLOCK> region_shared{};
  std::array<bool, SQLITE_SHM_NLOCK> region_exclusive{};
};

namespace {

using File = MemoryDisk::File;
using Connection = MemoryDisk::Connection;

MemoryDisk* disk_in_use = nullptr;

Connection& of(sqlite3_file* file) {
  return *reinterpret_cast<Connection*>(file);
}

int io_close(sqlite3_file* file) {
  auto& connection = of(file);
  connection.file.reset();
  connection.~Connection();
  return SQLITE_OK;
}

int io_read(sqlite3_file* file, void* to, int amount, sqlite3_int64 from) {
  auto& connection = of(file);
  if (connection.disk->dead()) return SQLITE_IOERR_READ;
  const auto& bytes = connection.file->bytes;
  const auto wanted = static_cast<std::size_t>(amount);
  const auto offset = static_cast<std::size_t>(from);
  const auto there = offset < bytes.size() ? std::min(wanted, bytes.size() - offset) : 0;
  if (there > 0) std::memcpy(to, bytes.data() + offset, there);
  if (there == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + there, 0, wanted - there);
  return SQLITE_IOERR_SHORT_READ;
}

int io_write(sqlite3_file* file, const void* what, int amount, sqlite3_int64 to) {
  auto& connection = of(file);
  if (const int refused = connection.disk->ask(MemoryDisk::Effect::write)) return refused;
  auto& bytes = connection.file->bytes;
  const auto length = static_cast<std::size_t>(amount);
  const auto offset = static_cast<std::size_t>(to);
  Unsynced write{offset, length, {}, bytes.size()};
  if (offset < bytes.size()) write.before = bytes.substr(offset, length);
  connection.file->unsynced.push_back(std::move(write));
  if (bytes.size() < offset) bytes.resize(offset);
  bytes.replace(offset, length, static_cast<const char*>(what), length);
  return SQLITE_OK;
}

int io_truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto& connection = of(file);
  if (const int refused = connection.disk->ask(MemoryDisk::Effect::truncate)) return refused;
  auto& bytes = connection.file->bytes;
  const auto left = static_cast<std::size_t>(size);
  if (left >= bytes.size()) return SQLITE_OK;
  connection.file->unsynced.push_back(Unsynced{left, 0, bytes.substr(left), bytes.size()});
  bytes.resize(left);
  return SQLITE_OK;
}

int io_sync(sqlite3_file* file, int) {
  auto& connection = of(file);
  if (const int refused = connection.disk->ask(MemoryDisk::Effect::sync)) return refused;
  connection.file->unsynced.clear();
  if (connection.disk->on_sync) connection.disk->on_sync();
  return SQLITE_OK;
}

int io_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(of(file).file->bytes.size());
  return SQLITE_OK;
}

int io_lock(sqlite3_file* file, int level) {
  auto& connection = of(file);
  auto& target = *connection.file;
  if (connection.level >= level) return SQLITE_OK;
  if (connection.level < SQLITE_LOCK_SHARED) {
    if (target.exclusive) return SQLITE_BUSY;
    ++target.shared;
    connection.level = SQLITE_LOCK_SHARED;
  }
  if (level >= SQLITE_LOCK_RESERVED && connection.level < SQLITE_LOCK_RESERVED) {
    if (target.reserved) return SQLITE_BUSY;
    target.reserved = true;
    connection.level = SQLITE_LOCK_RESERVED;
  }
  if (level == SQLITE_LOCK_EXCLUSIVE) {
    if (target.shared > 1) return SQLITE_BUSY;
    target.exclusive = true;
    connection.level = SQLITE_LOCK_EXCLUSIVE;
  }
  return SQLITE_OK;
}

int io_unlock(sqlite3_file* file, int level) {
  auto& connection = of(file);
  auto& target = *connection.file;
  if (connection.level <= level) return SQLITE_OK;
  if (connection.level >= SQLITE_LOCK_EXCLUSIVE) target.exclusive = false;
  if (connection.level >= SQLITE_LOCK_RESERVED) target.reserved = false;
  if (level == SQLITE_LOCK_NONE && connection.level >= SQLITE_LOCK_SHARED) --target.shared;
  connection.level = level;
  return SQLITE_OK;
}

int io_check_reserved(sqlite3_file* file, int* reserved) {
  *reserved = of(file).file->reserved ? 1 : 0;
  return SQLITE_OK;
}

int io_control(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}

int io_sector_size(sqlite3_file*) {
  return 512;
}

int io_characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int shm_map(sqlite3_file* file, int index, int size, int extend, void volatile** memory) {
  auto& regions = of(file).file->regions;
  const auto wanted = static_cast<std::size_t>(index);
  *memory = nullptr;
  if (size != 32 * 1024) return SQLITE_IOERR_SHMMAP;
  if (wanted >= regions.size() && extend == 0) return SQLITE_OK;
  while (regions.size() <= wanted) {
    regions.push_back(std::make_unique<std::array<char, 32 * 1024>>());
  }
  *memory = regions[wanted]->data();
  return SQLITE_OK;
}

int shm_lock_exclusive(Connection& connection, std::size_t first, std::size_t last) {
  auto& target = *connection.file;
  for (auto i = first; i < last; ++i) {
    const int others = target.region_shared[i] - (connection.region_shared[i] ? 1 : 0);
    if (others > 0 || (target.region_exclusive[i] && !connection.region_exclusive[i])) return SQLITE_BUSY;
  }
  for (auto i = first; i < last; ++i) {
    target.region_exclusive[i] = true;
    connection.region_exclusive[i] = true;
  }
  return SQLITE_OK;
}

int shm_lock_shared(Connection& connection, std::size_t slot) {
  auto& target = *connection.file;
  if (target.region_exclusive[slot] && !connection.region_exclusive[slot]) return SQLITE_BUSY;
  if (!connection.region_shared[slot]) ++target.region_shared[slot];
  connection.region_shared[slot] = true;
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  auto& connection = of(file);
  auto& target = *connection.file;
  const auto first = static_cast<std::size_t>(offset);
  const auto last = first + static_cast<std::size_t>(count);
  if ((flags & SQLITE_SHM_LOCK) != 0) {
    if ((flags & SQLITE_SHM_EXCLUSIVE) != 0) return shm_lock_exclusive(connection, first, last);
    return shm_lock_shared(connection, first);
  }
  for (auto i = first; i < last; ++i) {
    if (connection.region_shared[i]) --target.region_shared[i];
    if (connection.region_exclusive[i]) target.region_exclusive[i] = false;
    connection.region_shared[i] = false;
    connection.region_exclusive[i] = false;
  }
  return SQLITE_OK;
}

void shm_barrier(sqlite3_file*) {}

int shm_unmap(sqlite3_file* file, int remove) {
  if (remove != 0) of(file).file->regions.clear();
  return SQLITE_OK;
}

const sqlite3_io_methods methods{2,
                                 io_close,
                                 io_read,
                                 io_write,
                                 io_truncate,
                                 io_sync,
                                 io_size,
                                 io_lock,
                                 io_unlock,
                                 io_check_reserved,
                                 io_control,
                                 io_sector_size,
                                 io_characteristics,
                                 shm_map,
                                 shm_lock,
                                 shm_barrier,
                                 shm_unmap,
                                 nullptr,
                                 nullptr};

int vfs_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if (disk_in_use->dead()) return SQLITE_CANTOPEN;
  const bool known = name != nullptr && disk_in_use->exists(name);
  if (!known && (flags & SQLITE_OPEN_CREATE) == 0 && (flags & SQLITE_OPEN_MAIN_DB) == 0)
    return SQLITE_CANTOPEN;
  auto* connection = new (file) Connection;
  connection->disk = disk_in_use;
  connection->file = name == nullptr ? std::make_shared<File>() : disk_in_use->open(name);
  connection->base.pMethods = &methods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs*, const char* name, int) {
  if (const int refused = disk_in_use->ask(MemoryDisk::Effect::truncate)) return refused;
  if (!disk_in_use->exists(name)) return SQLITE_IOERR_DELETE_NOENT;
  disk_in_use->remove(name);
  return SQLITE_OK;
}

int vfs_access(sqlite3_vfs*, const char* name, int, int* result) {
  *result = disk_in_use->exists(name) ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full_name(sqlite3_vfs*, const char* name, int size, char* out) {
  const auto length = std::strlen(name);
  if (length + 1 > static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, length + 1);
  return SQLITE_OK;
}

int vfs_randomness(sqlite3_vfs*, int size, char* out) {
  std::memset(out, 7, static_cast<std::size_t>(size));  // the same in every run
  return size;
}

int vfs_sleep(sqlite3_vfs*, int micros) {
  return micros;
}

int vfs_time(sqlite3_vfs*, double* now) {
  *now = 2'461'000.5;
  return SQLITE_OK;
}

int vfs_last_error(sqlite3_vfs*, int, char*) {
  return 0;
}

sqlite3_vfs& vfs() {
  static sqlite3_vfs made = [] {
    sqlite3_vfs table{};
    table.iVersion = 1;
    table.szOsFile = sizeof(Connection);
    table.mxPathname = 512;
    table.zName = "usersyncd-memory";
    table.xOpen = vfs_open;
    table.xDelete = vfs_delete;
    table.xAccess = vfs_access;
    table.xFullPathname = vfs_full_name;
    table.xRandomness = vfs_randomness;
    table.xSleep = vfs_sleep;
    table.xCurrentTime = vfs_time;
    table.xGetLastError = vfs_last_error;
    return table;
  }();
  return made;
}

void row_changed(void*, int operation, const char*, const char* table, sqlite3_int64) {
  if (disk_in_use != nullptr && disk_in_use->on_row) disk_in_use->on_row(operation == SQLITE_INSERT, table);
}

// SQLite calls it for every connection that is opened.
int watch_rows(sqlite3* database, char**, const void*) {
  sqlite3_update_hook(database, &row_changed, nullptr);
  return SQLITE_OK;
}

void (*as_extension(int (*function)(sqlite3*, char**, const void*)))() {
  return reinterpret_cast<void (*)()>(function);
}

void undo(std::string& bytes, const Unsynced& write) {
  if (write.length == 0) {
    bytes.resize(std::min(bytes.size(), write.offset));
    bytes += write.before;
  } else {
    std::copy(write.before.begin(), write.before.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(write.offset));
  }
  bytes.resize(write.size_before);
}

}  // namespace

MemoryDisk::MemoryDisk() {
  if (disk_in_use != nullptr) throw std::logic_error("there is a memory disk already");
  const std::string memory = "/dev/shm";
  std::string pattern =
      std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path().string();
  pattern += "/usersyncd-disk-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  path_ = directory_ + "/usersyncd.db";
  disk_in_use = this;
  sqlite3_vfs_register(&vfs(), 1);
  sqlite3_auto_extension(as_extension(&watch_rows));
}

MemoryDisk::~MemoryDisk() {
  sqlite3_cancel_auto_extension(as_extension(&watch_rows));
  sqlite3_vfs_unregister(&vfs());
  disk_in_use = nullptr;
  std::error_code ignored;  // nothing can be done about a directory that stays behind
  std::filesystem::remove_all(directory_, ignored);
}

std::shared_ptr<MemoryDisk::File> MemoryDisk::open(const std::string& name) {
  auto& file = files_[name];
  if (!file) file = std::make_shared<File>();
  return file;
}

void MemoryDisk::remove(const std::string& name) {
  files_.erase(name);
}

bool MemoryDisk::exists(const std::string& name) const {
  return files_.contains(name);
}

int MemoryDisk::ask(Effect effect) {
  if (dead_) return effect == Effect::sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
  const int answer = before_effect ? before_effect(effect) : SQLITE_OK;
  // What was asked may have killed the process.
  return answer == SQLITE_OK && dead_ ? SQLITE_IOERR_WRITE : answer;
}

bool MemoryDisk::all_synced() const {
  return std::all_of(files_.begin(), files_.end(),
                     [](const auto& entry) { return entry.second->unsynced.empty(); });
}

// Whoever had a file open keeps what is nobody's any more; the next process gets files of its own.
void MemoryDisk::restart() {
  dead_ = false;
  for (auto& [name, file] : files_) {
    auto next = std::make_shared<File>();
    next->bytes = std::move(file->bytes);
    file = std::move(next);
  }
}

void MemoryDisk::survive_kill() {
  restart();
}

void MemoryDisk::survive_power_cut(Dice& dice) {
  for (auto& [name, file] : files_) {
    auto& bytes = file->bytes;
    std::vector<std::string> written;
    for (const auto& write : file->unsynced)
      written.push_back(bytes.substr(std::min(bytes.size(), write.offset), write.length));
    for (auto write = file->unsynced.rbegin(); write != file->unsynced.rend(); ++write) undo(bytes, *write);
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (dice.chance(50)) continue;
      auto part = written[i];
      if (dice.chance(30)) part.resize(dice.below(part.size() + 1));
      const auto offset = file->unsynced[i].offset;
      if (part.empty()) continue;
      if (bytes.size() < offset + part.size()) bytes.resize(offset + part.size());
      std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    }
  }
  restart();
}

MemoryDisk::Image MemoryDisk::image() const {
  Image image;
  for (const auto& [name, file] : files_) image[name] = file->bytes;
  return image;
}

void MemoryDisk::load(const Image& image) {
  files_.clear();
  dead_ = false;
  for (const auto& [name, bytes] : image) {
    auto file = std::make_shared<File>();
    file->bytes = bytes;
    files_[name] = std::move(file);
  }
}

void MemoryDisk::put_back(const Image& image) {
  dead_ = false;
  for (auto& [name, file] : files_) {
    const auto known = image.find(name);
    if (known == image.end())
      file->bytes.clear();
    else
      file->bytes = known->second;
    file->unsynced.clear();
    for (auto& region : file->regions) region->fill(0);
  }
}

}  // namespace usersyncd::simulate
