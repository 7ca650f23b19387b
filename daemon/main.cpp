#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <iostream>

#include "daemon/commands.hpp"

namespace {

// A core file or a debugger would show the secrets that we hold. The leak detector of the sanitizers needs to
// look into its own process, so it is left out there.
void hide_memory() {
  rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__)
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

// Output that got lost, on a full disk for example, must not look like success.
usersyncd::Exit with_output_written(usersyncd::Exit exit) {
  errno = 0;
  if (std::cout.flush()) return exit;
  std::cerr << "error: the output could not be written"
            << (errno == 0 ? std::string{} : std::string{": "} + std::strerror(errno)) << '\n';
  return usersyncd::worse(exit, usersyncd::Exit::failed);
}

}  // namespace

int main(int argc, char** argv) {
  ::umask(077);
  std::signal(SIGPIPE, SIG_IGN);
  hide_memory();
  const auto parsed = usersyncd::parse_command_line(argc, argv);
  if (const auto* exit = std::get_if<usersyncd::Exit>(&parsed))
    return static_cast<int>(with_output_written(*exit));
  try {
    const auto exit = usersyncd::run_command(std::get<usersyncd::CommandLine>(parsed));
    return static_cast<int>(with_output_written(exit));
  } catch (const usersyncd::StoreError& error) {
    std::cerr << "error: " << error.what() << '\n';
  } catch (const std::exception& error) {
    std::cerr << "error: this should not happen: " << error.what() << '\n';
  }
  return static_cast<int>(usersyncd::Exit::failed);
}
