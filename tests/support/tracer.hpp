#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace usersyncd::test {

/// What came of a run that was to be killed.
struct Traced {
  std::size_t calls = 0;  ///< system calls that its main thread entered
  bool killed = false;    ///< false: it ended before that call
  int exit = -1;
};

/// Runs a command and kills it, the way SIGKILL does, at the entry of its `nth` system call, counted from the
/// exec; 0: never. Its output goes to `log`.
Traced run_traced(const std::vector<std::string>& command, const std::string& log, std::size_t nth);

/// The same for what `body` does in a forked process, which ends without destructors, with 1 if it throws.
Traced run_traced(const std::function<void()>& body, std::size_t nth);

}  // namespace usersyncd::test
