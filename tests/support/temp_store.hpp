#pragma once

#include <filesystem>
#include <string>

namespace usersyncd::test {

/// Where a store is quick, because nothing is ever synchronized to a disk: for tests that survive no power
/// cut.
std::filesystem::path quick_directory();

/// A directory that goes with its test, and the path of a store in it.
class TempStore {
 public:
  explicit TempStore(const std::filesystem::path& parent = std::filesystem::temp_directory_path());
  ~TempStore();
  TempStore(const TempStore&) = delete;
  TempStore& operator=(const TempStore&) = delete;
  std::string path() const { return (directory_ / "usersyncd.db").string(); }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
};

/// Runs SQL on the file behind the back of the store, with none of its safeguards.
void run_raw(const std::string& path, const std::string& sql);
/// The first column of the first row.
std::string query_raw(const std::string& path, const std::string& sql);

}  // namespace usersyncd::test
