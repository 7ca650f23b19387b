#include "simulate/faulty_disk.hpp"

#include <sqlite3.h>

#include <stdexcept>
#include <utility>

namespace usersyncd::simulate {
namespace {

FaultyDisk::Ask ask_in_use;
sqlite3_vfs* under = nullptr;

/// Behind it, in the same piece of memory, lies the file of the system underneath.
struct FaultyFile {
  sqlite3_file base;
};

sqlite3_file* inner(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<FaultyFile*>(file) + 1);
}

bool fails(DiskCall call) {
  return ask_in_use(call) != DiskFate::done;
}

int io_close(sqlite3_file* file) {
  return inner(file)->pMethods->xClose(inner(file));
}

int io_read(sqlite3_file* file, void* to, int amount, sqlite3_int64 from) {
  if (fails(DiskCall::read)) return SQLITE_IOERR_READ;
  return inner(file)->pMethods->xRead(inner(file), to, amount, from);
}

int io_write(sqlite3_file* file, const void* what, int amount, sqlite3_int64 to) {
  const auto fate = ask_in_use(DiskCall::write);
  if (fate == DiskFate::done) return inner(file)->pMethods->xWrite(inner(file), what, amount, to);
  if (fate == DiskFate::torn && amount > 1) {
    const int half = inner(file)->pMethods->xWrite(inner(file), what, amount / 2, to);
    if (half != SQLITE_OK) return half;
  }
  return SQLITE_IOERR_WRITE;
}

int io_truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (fails(DiskCall::truncate)) return SQLITE_IOERR_TRUNCATE;
  return inner(file)->pMethods->xTruncate(inner(file), size);
}

int io_sync(sqlite3_file* file, int flags) {
  const auto fate = ask_in_use(DiskCall::sync);
  if (fate == DiskFate::lie) return SQLITE_OK;
  if (fate != DiskFate::done) return SQLITE_IOERR_FSYNC;
  return inner(file)->pMethods->xSync(inner(file), flags);
}

int io_size(sqlite3_file* file, sqlite3_int64* size) {
  return inner(file)->pMethods->xFileSize(inner(file), size);
}

int io_lock(sqlite3_file* file, int level) {
  if (fails(DiskCall::lock)) return SQLITE_IOERR_LOCK;
  return inner(file)->pMethods->xLock(inner(file), level);
}

int io_unlock(sqlite3_file* file, int level) {
  return inner(file)->pMethods->xUnlock(inner(file), level);
}

int io_check_reserved(sqlite3_file* file, int* reserved) {
  if (fails(DiskCall::lock)) return SQLITE_IOERR_CHECKRESERVEDLOCK;
  return inner(file)->pMethods->xCheckReservedLock(inner(file), reserved);
}

int io_control(sqlite3_file* file, int operation, void* argument) {
  return inner(file)->pMethods->xFileControl(inner(file), operation, argument);
}

int io_sector_size(sqlite3_file* file) {
  return inner(file)->pMethods->xSectorSize(inner(file));
}

int io_characteristics(sqlite3_file* file) {
  return inner(file)->pMethods->xDeviceCharacteristics(inner(file));
}

int shm_map(sqlite3_file* file, int index, int size, int extend, void volatile** memory) {
  if (fails(DiskCall::share)) return SQLITE_IOERR_SHMMAP;
  return inner(file)->pMethods->xShmMap(inner(file), index, size, extend, memory);
}

// To give a lock back cannot fail.
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  if ((flags & SQLITE_SHM_LOCK) != 0 && fails(DiskCall::share)) return SQLITE_IOERR_SHMLOCK;
  return inner(file)->pMethods->xShmLock(inner(file), offset, count, flags);
}

void shm_barrier(sqlite3_file* file) {
  inner(file)->pMethods->xShmBarrier(inner(file));
}

int shm_unmap(sqlite3_file* file, int remove) {
  return inner(file)->pMethods->xShmUnmap(inner(file), remove);
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
  if (fails(DiskCall::open)) return SQLITE_CANTOPEN;
  const int opened = under->xOpen(under, name, inner(file), flags, out_flags);
  if (opened == SQLITE_OK) file->pMethods = &methods;
  return opened;
}

int vfs_delete(sqlite3_vfs*, const char* name, int sync) {
  if (fails(DiskCall::remove)) return SQLITE_IOERR_DELETE;
  return under->xDelete(under, name, sync);
}

int vfs_access(sqlite3_vfs*, const char* name, int flags, int* result) {
  if (fails(DiskCall::exists)) return SQLITE_IOERR_ACCESS;
  return under->xAccess(under, name, flags, result);
}

int vfs_full_name(sqlite3_vfs*, const char* name, int size, char* out) {
  return under->xFullPathname(under, name, size, out);
}

int vfs_randomness(sqlite3_vfs*, int size, char* out) {
  return under->xRandomness(under, size, out);
}

int vfs_sleep(sqlite3_vfs*, int micros) {
  return under->xSleep(under, micros);
}

int vfs_time(sqlite3_vfs*, double* now) {
  return under->xCurrentTime(under, now);
}

int vfs_last_error(sqlite3_vfs*, int size, char* text) {
  return under->xGetLastError(under, size, text);
}

sqlite3_vfs& vfs() {
  static sqlite3_vfs made = [] {
    sqlite3_vfs table{};
    table.iVersion = 1;
    table.szOsFile = static_cast<int>(sizeof(FaultyFile)) + under->szOsFile;
    table.mxPathname = 512;
    table.zName = "usersyncd-faults";
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

}  // namespace

FaultyDisk::FaultyDisk(Ask ask) {
  if (ask_in_use) throw std::logic_error("there is a faulty disk already");
  ask_in_use = std::move(ask);
  under = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(&vfs(), 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&vfs());
  sqlite3_vfs_register(under, 1);
  ask_in_use = nullptr;
}

}  // namespace usersyncd::simulate
