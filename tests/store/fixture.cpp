#include "tests/store/fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace usersyncd::test {

Child::Child(const std::function<void(const Report&)>& body) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  process_ = ::fork();
  REQUIRE(process_ >= 0);
  if (process_ == 0) {
    const Report report = [&ends](const std::string& line) {
      const std::string text = line + "\n";
      if (::write(ends[1], text.data(), text.size()) < 0) ::_exit(1);
    };
    try {
      body(report);
    } catch (const std::exception& error) {
      report(error.what());
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

Child::~Child() {
  kill();
  ::close(pipe_);
}

std::string Child::read_line() {
  std::string line;
  char byte = 0;
  while (::read(pipe_, &byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

void Child::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  wait();
}

void Child::wait() {
  if (process_ <= 0) return;
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void wait_for_the_kill() {
  while (true) ::pause();
}

}  // namespace usersyncd::test
