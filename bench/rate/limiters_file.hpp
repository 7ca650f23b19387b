#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/rate/limiter.hpp"

namespace usersyncd::bench {

/// What is wrong with a file of limiters, where, and what would be right.
struct BadLimiters : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads `{"limiters": [...]}` or a bare list; README.md has the keys. Throws BadLimiters.
std::vector<Spec> parse_limiters(std::string_view text);

}  // namespace usersyncd::bench
