#include "tests/support/tracer.hpp"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace usersyncd::test {
namespace {

// Only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* command, const char* log) {
  const int in = ::open("/dev/null", O_RDONLY);
  const int out = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (in < 0 || out < 0) ::_exit(126);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(125);
  ::execv(command[0], command);
  ::_exit(127);
}

constexpr int at_system_call = SIGTRAP | 0x80;

int wait_for(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) throw std::runtime_error("the traced process is lost");
  return status;
}

// From the stop that the child has begun with.
Traced follow(pid_t child, std::size_t nth) {
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  Traced traced;
  bool entering = true;
  long signal = 0;
  while (true) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, signal);
    const int status = wait_for(child);
    signal = 0;
    if (WIFEXITED(status)) traced.exit = WEXITSTATUS(status);
    if (WIFEXITED(status) || WIFSIGNALED(status)) return traced;
    if (WSTOPSIG(status) != at_system_call) {
      signal = WSTOPSIG(status);
      continue;
    }
    if (entering && ++traced.calls == nth) {
      ::kill(child, SIGKILL);
      traced.killed = true;
    }
    entering = !entering;
  }
}

}  // namespace

Traced run_traced(const std::vector<std::string>& command, const std::string& log, std::size_t nth) {
  auto words = command;
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) become(pointers.data(), log.c_str());
  if (child < 0) throw std::runtime_error("cannot start " + command.front());
  const int status = wait_for(child);  // the exec
  if (WIFEXITED(status)) throw std::runtime_error("cannot trace " + command.front());
  return follow(child, nth);
}

Traced run_traced(const std::function<void()>& body, std::size_t nth) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(125);
    ::raise(SIGSTOP);
    try {
      body();
    } catch (const std::exception&) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  if (child < 0) throw std::runtime_error("cannot fork");
  const int status = wait_for(child);  // the SIGSTOP
  if (WIFEXITED(status)) throw std::runtime_error("cannot trace a child");
  return follow(child, nth);
}

}  // namespace usersyncd::test
