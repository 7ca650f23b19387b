#include "daemon/watcher.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace usersyncd {
namespace {

constexpr std::size_t most_files = 100'000;

std::string look_at(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return path + " missing\n";
  return path + ' ' + std::to_string(info.st_dev) + ' ' + std::to_string(info.st_ino) + ' ' +
         std::to_string(info.st_size) + ' ' + std::to_string(info.st_mtim.tv_sec) + '.' +
         std::to_string(info.st_mtim.tv_nsec) + '\n';
}

}  // namespace

FileWatcher::FileWatcher(std::vector<std::string> paths)
    : paths_(std::move(paths)), reported_(fingerprint()), last_(reported_) {}

std::string FileWatcher::fingerprint() const {
  namespace fs = std::filesystem;
  std::vector<std::string> looks;
  for (const auto& path : paths_) {
    looks.push_back(look_at(path));
    std::error_code failed;
    auto below =
        fs::recursive_directory_iterator{path, fs::directory_options::skip_permission_denied, failed};
    for (; !failed && below != fs::recursive_directory_iterator{} && looks.size() < most_files;
         below.increment(failed)) {
      looks.push_back(look_at(below->path().string()));
    }
  }
  std::sort(looks.begin(), looks.end());
  std::string all;
  for (const auto& look : looks) all += look;
  return all;
}

bool FileWatcher::changed() {
  auto now = fingerprint();
  const bool settled = now == last_;
  last_ = std::move(now);
  if (!settled || last_ == reported_) return false;
  reported_ = last_;
  return true;
}

}  // namespace usersyncd
