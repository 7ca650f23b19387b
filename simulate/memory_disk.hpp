#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulate/dice.hpp"

namespace usersyncd::simulate {

/// A disk for SQLite that lives in memory. As long as it exists it is SQLite's default file system in this
/// process: a Store opened at `path()` keeps all of its bytes here, however it is opened. It knows what has
/// been synchronized and what a power cut would take, fails when it is told to, and can be carried over to a
/// store that is opened later, as a disk is to the next process. One at a time.
class MemoryDisk {
 public:
  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  /// Where to open a store. The directory is real, and so is an empty file in it; only its bytes are not.
  const std::string& path() const { return path_; }
  const std::string& directory() const { return directory_; }

  /// One thing that SQLite asks of the disk and that can go wrong.
  enum class Effect { write, sync, truncate };
  /// Asked before every effect. Anything but SQLITE_OK is what SQLite gets to hear, and nothing is done.
  std::function<int(Effect)> before_effect;
  /// Told of every row that any connection inserts, updates or deletes, before its transaction is committed.
  std::function<void(bool inserted, const char* table)> on_row;
  /// Told after every sync, of any file.
  std::function<void()> on_sync;

  /// The process is dead: from now on nothing reaches the disk and nothing comes from it.
  void die() { dead_ = true; }
  bool dead() const { return dead_; }

  /// Whether a power cut would take anything.
  bool all_synced() const;

  /// What the next process finds after a kill: everything that was written.
  void survive_kill();
  /// What it finds after a power cut: what was synchronized, and of the rest some, in parts, in any order.
  void survive_power_cut(Dice& dice);

  /// All bytes on the disk, by path. Synchronized, and nobody has a file open.
  using Image = std::map<std::string, std::string>;
  Image image() const;
  void load(const Image& image);
  /// The same while connections stay open, in which nothing is under way: to them it is as if others had been
  /// at work and had died.
  void put_back(const Image& image);

  struct File;        ///< of the implementation
  struct Connection;  ///< of the implementation
  std::shared_ptr<File> open(const std::string& name);
  void remove(const std::string& name);
  bool exists(const std::string& name) const;
  int ask(Effect effect);

 private:
  void restart();

  std::string directory_;
  std::string path_;
  bool dead_ = false;
  std::map<std::string, std::shared_ptr<File>> files_;
};

}  // namespace usersyncd::simulate
