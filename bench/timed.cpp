// Runs a program and says what it took, with all processes that it waited for: wall and CPU seconds, and the
// peak memory of the largest of them. Small, because the memory of who forks counts as its child's until
// exec.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: timed RESULT.json PROGRAM [ARGUMENT]...\n", stderr);
    return 64;
  }
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    _exit(127);
  }
  int status = 0;
  rusage used{};
  if (child < 0 || wait4(child, &status, 0, &used) != child) return 1;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  std::FILE* const result = std::fopen(argv[1], "w");
  if (result == nullptr) return 1;
  std::fprintf(result, "{\"wall\":%.6f,\"cpu\":%.6f,\"memory\":%.3f,\"exit\":%d}\n", wall.count(),
               seconds(used.ru_utime) + seconds(used.ru_stime), static_cast<double>(used.ru_maxrss) / 1024,
               WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return std::fclose(result) == 0 ? 0 : 1;
}
