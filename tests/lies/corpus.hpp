#pragma once

#include <string>
#include <vector>

#include "tests/lies/bench.hpp"

namespace usersyncd::lies {

/// A captured body: `v1-list-paged.2.json` is the second page of a list of the v1 API.
struct Captured {
  std::string name;
  Api api;
  Call call;
  std::string about;  ///< of an item: whose it is
  std::string body;
};

/// All of tests/lies/bodies, by name.
const std::vector<Captured>& corpus();

/// How many lies to tell in all: 4,000, or as many as USERSYNCD_LIES says.
std::size_t lies_wanted();

/// Whether the `part`-th part of a long run is this process's: USERSYNCD_LIES_SHARD is I/N, so that a run can
/// be spread over processors.
bool is_mine(std::size_t part);

/// Which of `liar`'s lies to tell where there is room for `share`: as many single ones as fit into three
/// quarters, evenly spread, then combined ones.
class Selection {
 public:
  Selection(const Liar& liar, std::size_t share, std::uint64_t seed);
  std::size_t size() const { return share_; }
  Lie operator[](std::size_t index) const;

 private:
  const Liar& liar_;
  std::size_t share_;
  std::size_t singles_;
  std::uint64_t seed_;
};

}  // namespace usersyncd::lies
