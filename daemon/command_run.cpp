#include "daemon/commands.hpp"
#include "daemon/daemon.hpp"

namespace usersyncd {

Exit run_daemon(const CommandLine& line) {
  Log log;
  auto loaded = load_accounts(line.config);
  if (!loaded.value) {
    print_problems(loaded.problems);
    return loaded.exit;
  }
  Daemon daemon{line.config, std::move(*loaded.value), log};
  return daemon.run();
}

}  // namespace usersyncd
