#include <malloc.h>
#include <sqlite3.h>

#include <charconv>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>
#include <string_view>

#include "simulate/simulation.hpp"

namespace {

using namespace usersyncd::simulate;

constexpr int usage_error = 64;

constexpr std::string_view help =
    "usersyncd-simulate [--seeds N] [--from SEED] [--scenario NAME] [--trace]\n"
    "\n"
    "Plays N seeds (1000) from SEED (0) on: the real cycle, store, policies and provider code against a "
    "simulated\n"
    "provider, disk, clock and network. Prints what met what, and the first seed that failed, if one did.\n"
    "\n"
    "  --scenario NAME   only this trouble; `all`, the default, is any of them. Names:\n";

struct Options {
  std::uint64_t seeds = 1000;
  std::uint64_t from = 0;
  std::optional<Trouble> scenario;
  bool trace = false;
  bool help = false;
  std::string problem;
};

std::uint64_t number(std::string_view text, Options& options) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) {
    options.problem = "`" + std::string{text} + "` is not a number";
  }
  return value;
}

Options parse(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--help") {
      options.help = true;
    } else if (word == "--trace") {
      options.trace = true;
    } else if (i + 1 < count && word == "--seeds") {
      options.seeds = number(words[++i], options);
    } else if (i + 1 < count && word == "--from") {
      options.from = number(words[++i], options);
    } else if (i + 1 < count && word == "--scenario") {
      const std::string name = words[++i];
      options.scenario = trouble_from_name(name);
      if (!options.scenario && name != "all") options.problem = "there is no scenario `" + name + "`";
    } else {
      options.problem = "`" + std::string{word} + "` is not understood";
    }
  }
  return options;
}

void print_help() {
  std::fputs(std::string{help}.c_str(), stdout);
  for (const auto trouble : all_troubles()) {
    std::printf("                    %s\n", std::string{name_of(trouble)}.c_str());
  }
}

/// What many seeds came to.
struct Sum {
  std::uint64_t played = 0, failed = 0, compared = 0, held = 0, cycles = 0, restarts = 0, writes = 0,
                troubles = 0;
  std::optional<std::uint64_t> first_failure;
  Matrix matrix;

  void add(const SeedReport& report) {
    ++played;
    failed += report.complaints.empty() ? 0U : 1U;
    if (!report.complaints.empty() && !first_failure) first_failure = report.seed;
    compared += report.compared ? 1U : 0U;
    held += report.held ? 1U : 0U;
    cycles += static_cast<std::uint64_t>(report.cycles);
    restarts += static_cast<std::uint64_t>(report.processes - 1);
    writes += static_cast<std::uint64_t>(report.writes);
    troubles += static_cast<std::uint64_t>(report.troubles);
    matrix.add(report.matrix);
  }
};

void tell(const SeedReport& report) {
  std::printf("seed %llu failed\n", static_cast<unsigned long long>(report.seed));
  for (const auto& complaint : report.complaints) std::printf("  %s\n", complaint.c_str());
  std::fflush(stdout);  // a long run is watched
}

void tell(const Sum& sum, const std::vector<Trouble>& troubles, double seconds) {
  std::printf("%s\n", sum.matrix.text().c_str());
  const auto empty = sum.matrix.empty_cells(troubles);
  const auto print = [](const char* what, std::uint64_t count) {
    std::printf("%-52s %llu\n", what, static_cast<unsigned long long>(count));
  };
  print("seeds", sum.played);
  print("failed", sum.failed);
  print("compared with the undisturbed run of their story", sum.compared);
  print("held in the end, for a stated reason", sum.held);
  print("cycles", sum.cycles);
  print("restarts", sum.restarts);
  print("writes on the wire", sum.writes);
  print("troubles", sum.troubles);
  print("cells in which nothing met", empty.size());
  for (const auto& cell : empty) std::printf("  %s\n", cell.c_str());
  std::fprintf(stderr, "%.1f s of CPU time, %.0f seeds a second\n", seconds,
               static_cast<double>(sum.played) / seconds);
  if (sum.first_failure) {
    std::printf("first failing seed: %llu\n", static_cast<unsigned long long>(*sum.first_failure));
  }
}

/// One thread that opens and closes thousands of stores: SQLite needs no locks, and what it gives back will
/// be wanted again at once.
void hurry() {
  sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
  constexpr int plenty = 64 << 20;
  mallopt(M_TRIM_THRESHOLD, plenty);
  mallopt(M_MMAP_THRESHOLD, plenty);
}

int play(const Options& options) {
  constexpr std::uint64_t most_told = 20;
  Simulation simulation{options.scenario};
  Sum sum;
  const auto started = std::clock();
  for (std::uint64_t seed = options.from; seed < options.from + options.seeds; ++seed) {
    const auto report = simulation.run(seed, options.trace);
    std::fputs(report.trace.c_str(), stdout);
    sum.add(report);
    if (!report.complaints.empty() && sum.failed <= most_told) tell(report);
  }
  const auto seconds = static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC;
  const auto troubles = options.scenario ? std::vector<Trouble>{*options.scenario} : all_troubles();
  tell(sum, troubles, seconds);
  return sum.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  const auto options = parse(count, words);
  if (!options.problem.empty()) {
    std::fprintf(stderr, "usersyncd-simulate: %s; see --help\n", options.problem.c_str());
    return usage_error;
  }
  if (options.help) {
    print_help();
    return 0;
  }
  try {
    hurry();
    return play(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "usersyncd-simulate: %s\n", error.what());
    return 1;
  }
}
