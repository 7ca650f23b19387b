#pragma once

#include <filesystem>
#include <string>

namespace usersyncd::test {

/// A directory that goes with its test, and the path of a store in it.
class TempStore {
 public:
  TempStore();
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
