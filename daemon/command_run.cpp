#include "daemon/commands.hpp"
#include "daemon/daemon.hpp"

namespace usersyncd {

Exit run_daemon(const CommandLine& line) {
  Log log;
  auto loaded = load_settings(line.config);
  if (!loaded.value) {
    print_problems(loaded.problems);
    return loaded.exit;
  }
  Daemon daemon{line.config, std::move(*loaded.value), log};
  daemon.tell_frozen(loaded.problems);
  loaded.problems = {};  // they quote the files, and would keep all of them in memory
  auto ran = daemon.run();
  if (ran) return Exit::done;
  print_error(ran.error());
  return exit_for(ran.error());
}

}  // namespace usersyncd
