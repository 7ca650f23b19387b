#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace usersyncd::canary {

/// One secret in one encoding, by the bytes that would give it away.
struct Spelling {
  std::string name;
  std::string bytes;
};

/// The secret as it is, in base64 and its alphabet for URLs at each of the three alignments, percent-encoded,
/// as JSON, XML and hexadecimal, in all the ways that these leave open.
std::vector<Spelling> spellings_of(const std::string& secret);

/// Base64, padded.
std::string base64(std::string_view bytes);

/// Secrets and where to look for them.
class Search {
 public:
  /// `name` is what a finding says instead of the secret.
  void add(const std::string& name, const std::string& secret);
  bool empty() const { return secrets_.empty(); }

  /// What was found in a text: `token in base64, 1 further in`.
  std::vector<std::string> in_text(std::string_view text) const;
  /// The same in every file below a directory, its bytes and its name; a SQLite store also value by value,
  /// because a page may end in the middle of one. Each finding names the file.
  std::vector<std::string> in_files(const std::filesystem::path& directory) const;

  std::size_t files_read() const { return files_read_; }

 private:
  std::vector<std::pair<std::string, std::vector<Spelling>>> secrets_;
  mutable std::size_t files_read_ = 0;
};

}  // namespace usersyncd::canary
