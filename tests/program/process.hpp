#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace usersyncd::test {

using Arguments = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds patience{30'000};  ///< for what is to happen soon, on a machine that is busy

/// Asks again and again, every few milliseconds, until the answer is yes or the time is over.
bool eventually(const std::function<bool()>& holds, Milliseconds timeout = patience);

/// A directory that goes with its test.
class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& parent = std::filesystem::temp_directory_path());
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& root() const { return root_; }
  std::string path(const std::string& name) const { return (root_ / name).string(); }
  /// Writes a file of mode 0600, with its directories, and returns its path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path root_;
};

/// The whole file; empty if there is none.
std::string read_text(const std::string& path);

/// Where the standard streams of a process come from and go to.
struct Streams {
  std::string in = "/dev/null";
  std::string out = "/dev/null";
  std::string err = "/dev/null";
};

/// A child of this test, killed when the test is over.
class Process {
 public:
  Process(const Arguments& command, const Environment& environment, const Streams& streams);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  /// The exit code, 128 plus the signal that ended it, or nothing: it still runs.
  std::optional<int> wait(Milliseconds timeout = patience);

 private:
  pid_t pid_ = -1;
  int handle_ = -1;
  std::optional<int> exit_;
};

/// What came of a program that ran to its end.
struct Run {
  int exit = -1;  ///< -1: it did not end in time and was killed
  std::string out;
  std::string err;
};

/// Runs any program to its end; `input` is its standard input.
Run run_program(const Arguments& command, const Environment& environment = {}, const std::string& input = {});

/// Runs BINARY_DIR/usersyncd to its end.
Run usersyncd(const Arguments& arguments, const Environment& environment = {}, const std::string& input = {});

std::string usersyncd_binary();
std::string simulator_binary();

}  // namespace usersyncd::test
