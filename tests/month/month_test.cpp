#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/month/account.hpp"
#include "tests/support/temp_store.hpp"

// A month in compressed time: daily edits, weekly restarts, an audit log that keeps a week. What the daemon
// takes of memory, open files, processor and disk must not grow with the time that it has run.
//
// USERSYNCD_MONTH=CYCLESxUSERS says how much; 10000x2000 is the whole of it.

namespace usersyncd::month {
namespace {

constexpr std::size_t days = 30;
constexpr std::size_t parts = 12;  // of the month, each measured; three to a quarter
constexpr Duration week{7LL * 24 * 3'600'000};

struct Size {
  std::size_t cycles = 240, users = 150;
};

Size size_wanted() {
  Size size;
  if (const char* wanted = std::getenv("USERSYNCD_MONTH")) {
    char* rest = nullptr;
    size.cycles = std::strtoul(wanted, &rest, 10);
    size.users = *rest == 'x' ? std::strtoul(rest + 1, nullptr, 10) : 0;
  }
  REQUIRE((size.cycles >= 120 && size.users >= 50));
  return size;
}

/// What was measured in one part of the month.
struct Part {
  double memory = 0;   ///< MiB, resident, at the end
  double handles = 0;  ///< open files, at the end
  double cpu = 0;    ///< milliseconds a cycle; all but a tenth take more, and what else runs does not move it
  double store = 0;  ///< MiB of the database with its log, the most there was
  double segments = 0;                    ///< MiB put away by now
  double files = 0;                       ///< that they are in, of all until now
  double idle_runs = 0, checkpoints = 0;  ///< rows in the store, at the end
  std::size_t writes = 0;
};

double resident() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t size = 0, pages = 0;
  file >> size >> pages;
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double open_files() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return static_cast<double>(std::distance(begin(all), end(all)));
}

bool is_segment(const std::filesystem::path& file) {
  return file.string().find(".audit-") != std::string::npos;
}

double mebibytes(const std::string& store, bool put_away) {
  double sum = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path{store}.parent_path())) {
    if (is_segment(file.path()) == put_away) sum += static_cast<double>(file.file_size()) / (1 << 20);
  }
  return sum;
}

double segment_files(const std::string& store) {
  const std::filesystem::directory_iterator all{std::filesystem::path{store}.parent_path()};
  return static_cast<double>(
      std::count_if(begin(all), end(all), [](const auto& file) { return is_segment(file.path()); }));
}

Part live(Account& account, const std::string& store, std::size_t first, std::size_t last,
          std::size_t cycles) {
  Part part;
  std::vector<double> costs;
  const Duration interval =
      Duration{std::chrono::hours{24 * static_cast<long>(days)}} / static_cast<long>(cycles);
  REQUIRE(interval > Duration{0});  // without time nothing grows old
  for (auto i = first; i < last; ++i) {
    const auto begins = [&](std::size_t each) {
      return i > 0 && i * days / cycles / each != (i - 1) * days / cycles / each;
    };
    if (begins(1)) account.live_a_day();
    if (begins(7)) account.restart();
    const auto done = account.cycle();
    CHECK(done.believed);
    part.writes += done.writes;
    costs.push_back(done.cpu * 1000);
    part.store = std::max(part.store, mebibytes(store, false));
    account.pass(interval);
  }
  std::sort(costs.begin(), costs.end());
  part.cpu = costs[costs.size() / 10];
  part.memory = resident();
  part.handles = open_files();
  part.segments = mebibytes(store, true);
  part.files = segment_files(store);
  const auto kept = account.kept();
  part.idle_runs = static_cast<double>(kept.idle_runs);
  part.checkpoints = static_cast<double>(kept.checkpoints);
  return part;
}

// The month's second quarter is what the last one is measured by: by then a week of audit log has come
// together, and no more than that is kept.
double of_quarter(const std::vector<Part>& all, std::size_t quarter, double Part::*what) {
  std::vector<double> values;
  for (std::size_t i = 0; i < parts / 4; ++i) values.push_back(all[quarter * parts / 4 + i].*what);
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void check_flat(const std::vector<Part>& all, const char* name, double Part::*what, double percent,
                double slack) {
  const auto before = of_quarter(all, 1, what), after = of_quarter(all, 3, what);
  std::printf("%-28s %10.2f in the second quarter, %10.2f in the last; allowed is %.0f %% more and %.1f\n",
              name, before, after, percent, slack);
  CHECK_MESSAGE(after <= before * (1 + percent / 100) + slack, std::string{name} << " grows");
}

}  // namespace

TEST_CASE("a month of cycles: memory, open files, time for a cycle and store do not grow") {
  const auto size = size_wanted();
  const test::TempStore file{test::quick_directory()};
  Account account{size.users, file.path(), week};
  std::printf("%zu cycles in %zu days, %zu users\n", size.cycles, days, size.users);
  std::printf("%8s %10s %8s %10s %10s %10s %7s\n", "cycles", "memory", "files", "ms/cycle", "store",
              "put away", "writes");
  std::vector<Part> all;
  for (std::size_t i = 0; i < parts; ++i) {
    all.push_back(
        live(account, file.path(), i * size.cycles / parts, (i + 1) * size.cycles / parts, size.cycles));
    const auto& part = all.back();
    std::printf("%8zu %6.1f MiB %8.0f %10.2f %6.1f MiB %6.1f MiB %7zu\n", (i + 1) * size.cycles / parts,
                part.memory, part.handles, part.cpu, part.store, part.segments, part.writes);
    std::fflush(stdout);
  }
  // A short month is cheap, and its cycles are; on a busy machine caches alone are worth some of it.
  const double noise = size.cycles < 5000 ? 50 : 10;
  check_flat(all, "memory, MiB", &Part::memory, 10, 2);
  check_flat(all, "open files", &Part::handles, 0, 0);
  check_flat(all, "processor, ms a cycle", &Part::cpu, noise, 0);
  check_flat(all, "store, MiB", &Part::store, 10, 0.5);
  // These are small: so short a month must count them to see them grow.
  check_flat(all, "runs that wrote nothing", &Part::idle_runs, 10, 5);
  check_flat(all, "checkpoints in the store", &Part::checkpoints, 10, 5);
  for (const auto& complaint : account.complaints()) FAIL_CHECK(complaint);
  CHECK(account.users() >= size.users);
  CHECK(account.users() < size.users + 50);
  std::size_t writes = 0;
  for (const auto& part : all) writes += part.writes;
  CHECK(writes > days * 10);
  CHECK(all.back().segments > 0);
  CHECK(all.back().files <= static_cast<double>(days));
}

}  // namespace usersyncd::month
