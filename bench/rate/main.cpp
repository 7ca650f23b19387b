#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <thread>

#include "bench/rate/limiters_file.hpp"
#include "bench/rate/report.hpp"

namespace {

using namespace usersyncd::bench;

constexpr int usage_error = 64, data_error = 65, no_input = 66;

struct Options {
  std::string limiters = BENCH_LIMITERS;
  int count = 1000;
  int seeds = 5;
  std::vector<std::string> clients = client_names();
  std::string format = "text";
  bool details = false;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
};

void add_options(CLI::App& app, Options& options) {
  app.add_option("--limiters", options.limiters, "JSON file of limiters; bench/rate/README.md has its keys")
      ->capture_default_str();
  app.add_option("--count", options.count, "Creates per run")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--seeds", options.seeds, "Runs per limiter and client")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--clients", options.clients, "Which, separated by commas")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::IsMember(client_names()));
  app.add_option("--format", options.format, "text or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--details", options.details, "A row for every limiter in the text");
  app.add_option("--threads", options.threads, "Runs side by side; the result is the same")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
}

std::vector<Outcome> play_all(const std::vector<Task>& tasks, unsigned threads) {
  std::vector<Outcome> outcomes(tasks.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < tasks.size(); i = next++) outcomes[i] = play(tasks[i]);
  };
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < threads; ++i) workers.emplace_back(work);
  workers.clear();
  return outcomes;
}

int bench(const Options& options) {
  std::ifstream file{options.limiters};
  if (!file) {
    std::fprintf(stderr, "rate: %s cannot be read; name a file with --limiters\n", options.limiters.c_str());
    return no_input;
  }
  std::ostringstream text;
  text << file.rdbuf();
  std::vector<Spec> specs;
  try {
    specs = parse_limiters(text.str());
  } catch (const BadLimiters& bad) {
    std::fprintf(stderr, "rate: %s: %s\n", options.limiters.c_str(), bad.what());
    return data_error;
  }
  std::vector<Task> tasks;
  for (const auto& spec : specs) {
    for (const auto& client : options.clients) {
      for (int seed = 0; seed < options.seeds; ++seed) {
        tasks.push_back({&spec, client, options.count, static_cast<std::uint64_t>(seed)});
      }
    }
  }
  const auto outcomes = play_all(tasks, options.threads);
  const auto report = make_report(specs, options.clients, options.count, options.seeds, outcomes);
  const auto output = options.format == "json" ? as_json(report) : as_text(report, options.details);
  std::fputs(output.c_str(), stdout);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  Options options;
  CLI::App app{"Plays clients against rate limiters in virtual time.", "rate"};
  add_options(app, options);
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : usage_error;
  }
  try {
    return bench(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rate: %s\n", error.what());
    return 1;
  }
}
