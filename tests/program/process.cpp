#include "tests/program/process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace usersyncd::test {
namespace {

constexpr int poll_interval = 5;  // milliseconds

// Only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* command, char* const* environment, const Streams& streams) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int in = ::open(streams.in.c_str(), O_RDONLY);
  const int out = ::open(streams.out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err = ::open(streams.err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (in < 0 || out < 0 || err < 0) ::_exit(126);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  ::execvpe(command[0], command, environment);
  ::_exit(127);
}

// What the machine has set for other programs is not to reach ours.
bool is_inherited(const std::string& variable) {
  const auto name = variable.substr(0, variable.find('='));
  return name == "PATH" || name == "HOME" || name == "TMPDIR" || name.ends_with("SAN_OPTIONS");
}

std::vector<std::string> variables(const Environment& wanted) {
  std::vector<std::string> all{"LC_ALL=C.UTF-8"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (is_inherited(*entry)) all.emplace_back(*entry);
  }
  for (const auto& [name, value] : wanted) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

bool eventually(const std::function<bool()>& holds, Milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return holds();
    ::poll(nullptr, 0, poll_interval);
  }
  return true;
}

Scratch::Scratch(const std::filesystem::path& parent) {
  std::string pattern = parent / "usersyncd-program-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  root_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;  // nothing can be done about a directory that stays behind
  // Where usersyncd has worked, others may want to look afterwards for what must not be there.
  const char* kept = std::getenv("USERSYNCD_KEEP");
  if (kept && std::filesystem::exists(root_ / "usersyncd.yaml")) {
    std::filesystem::create_directories(kept, ignored);
    const auto options = std::filesystem::copy_options::recursive;
    std::filesystem::copy(root_, std::filesystem::path{kept} / root_.filename(), options, ignored);
  }
  std::filesystem::remove_all(root_, ignored);
}

std::string Scratch::write(const std::string& name, const std::string& text) const {
  const auto file = root_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream stream{file, std::ios::binary | std::ios::trunc};
  stream << text;
  stream.close();
  REQUIRE_MESSAGE(stream, "cannot write " << file.string());
  ::chmod(file.c_str(), 0600);
  return file.string();
}

std::string read_text(const std::string& path) {
  const std::ifstream stream{path, std::ios::binary};
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  return text.str();
}

Process::Process(const Arguments& command, const Environment& environment, const Streams& streams) {
  auto words = command;
  auto settings = variables(environment);
  const auto word_pointers = pointers(words);
  const auto setting_pointers = pointers(settings);
  pid_ = ::fork();
  if (pid_ == 0) become(word_pointers.data(), setting_pointers.data(), streams);
  if (pid_ < 0) throw std::runtime_error("cannot start " + command.front());
  handle_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));  // glibc 2.36 declares it for C only
}

Process::~Process() {
  if (running()) {
    signal(SIGKILL);
    wait();
  }
  ::close(handle_);
}

bool Process::running() {
  return !wait(Milliseconds{0});
}

void Process::signal(int number) const {
  if (!exit_) ::kill(pid_, number);
}

std::optional<int> Process::wait(Milliseconds timeout) {
  if (exit_) return exit_;
  pollfd ended{handle_, POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
  int status = 0;
  ::waitpid(pid_, &status, 0);
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_;
}

Run run_program(const Arguments& command, const Environment& environment, const std::string& input) {
  const Scratch scratch;
  const Streams streams{scratch.write("in", input), scratch.path("out"), scratch.path("err")};
  Process process{command, environment, streams};
  constexpr Milliseconds longest{60'000};
  Run run;
  run.exit = process.wait(longest).value_or(-1);
  run.out = read_text(streams.out);
  run.err = read_text(streams.err);
  return run;
}

Run usersyncd(const Arguments& arguments, const Environment& environment, const std::string& input) {
  Arguments command{usersyncd_binary()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_program(command, environment, input);
}

std::string usersyncd_binary() {
  return BINARY_DIR "/usersyncd";
}

std::string simulator_binary() {
  return BINARY_DIR "/usersyncd-sim";
}

}  // namespace usersyncd::test
