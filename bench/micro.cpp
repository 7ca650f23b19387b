// The cases by the clock, with Google Benchmark: `micro --benchmark_filter=decode`.
#include <benchmark/benchmark.h>

#include "bench/cases.hpp"

namespace {

void measure(benchmark::State& state, const usersyncd::bench::Case& measured) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto pass = measured.prepare(size);
  for (auto iteration : state) {
    static_cast<void>(iteration);
    benchmark::DoNotOptimize(pass());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

int main(int argc, char** argv) {
  for (const auto& one : usersyncd::bench::cases()) {
    auto* const registered = benchmark::RegisterBenchmark(
        one.name.c_str(), [&one](benchmark::State& state) { measure(state, one); });
    registered->Unit(benchmark::kMillisecond)->Arg(static_cast<std::int64_t>(one.size));
    if (one.name != "append") registered->Arg(10'000);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
