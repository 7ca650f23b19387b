#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/digest.hpp"

namespace usersyncd {

/// Empty: these are not 64 lower-case hex digits.
std::optional<Digest> digest_from_hex(std::string_view text);

/// The Merkle tree of RFC 6962 over a log's records, of which only what later leaves need is kept: the roots
/// of the complete subtrees, at most 63. A leaf is a record's hash, which has the byte 0x00 in it already.
class MerkleFrontier {
 public:
  void add(const Digest& leaf);
  /// The tree head over all leaves so far; the SHA-256 of nothing over none.
  Digest root() const;
  std::int64_t size() const { return size_; }

  /// The subtree roots in hex, one after the other, the largest subtree first.
  std::string text() const;
  /// What `text` gave for so many leaves; empty: that is not what it says.
  static std::optional<MerkleFrontier> parse(std::int64_t size, std::string_view text);

  friend bool operator==(const MerkleFrontier&, const MerkleFrontier&) = default;

 private:
  std::int64_t size_ = 0;
  std::vector<Digest> subtrees_;  ///< one for each bit that is set in size_, the highest first
};

}  // namespace usersyncd
