#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

// What is measured in the small: by the clock in micro.cpp, by instructions in instructions.cpp.

namespace usersyncd::bench {

/// One pass over the work of a case, prepared before. It returns a number that depends on all of the work, so
/// that none of it can be left out.
using Pass = std::function<std::size_t()>;

struct Case {
  std::string name;
  Pass (*prepare)(std::size_t size);
  std::size_t size;  ///< users or records, under callgrind, which is fifty times as slow
};

/// load:   a desired-state file of so many users, from the disk
/// decode: the JSON of a list answer, into users
/// diff:   make_plan, where every tenth user differs
/// plan:   make_plan and the judgement by the built-in rules, where nobody differs
/// append: audit records of exchanges, each durable on its own, on a file system in memory
const std::vector<Case>& cases();

}  // namespace usersyncd::bench
