#pragma once

#include <string>
#include <vector>

namespace usersyncd {

/// Notices that files changed, by what the file system says of them: no event can be missed and symbolic
/// links that are switched (as Git and Kubernetes do) count, too.
class FileWatcher {
 public:
  /// Files, and directories with all that lies below them.
  explicit FileWatcher(std::vector<std::string> paths);

  /// True once after each change, as soon as two looks in a row saw the same: a file that is still being
  /// written is left alone.
  bool changed();

 private:
  std::string fingerprint() const;

  std::vector<std::string> paths_;
  std::string reported_;
  std::string last_;
};

}  // namespace usersyncd
