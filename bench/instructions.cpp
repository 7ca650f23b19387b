// One pass of one case, for callgrind: scripts/instructions counts what lies below measured_pass.
#include <cstdio>
#include <string>

#include "bench/cases.hpp"

/// By its name callgrind knows when to count.
extern "C" __attribute__((noinline)) std::size_t measured_pass(const usersyncd::bench::Pass& pass) {
  return pass();
}

int main(int argc, char** argv) {
  const std::string asked = argc == 2 ? argv[1] : "";
  for (const auto& one : usersyncd::bench::cases()) {
    if (asked == "--list") std::puts(one.name.c_str());
    if (asked != one.name) continue;
    const auto pass = one.prepare(one.size);
    std::printf("%zu\n", measured_pass(pass));
    return 0;
  }
  if (asked == "--list") return 0;
  // Counts of one build mean nothing for another.
  if (asked == "--build") return std::puts(BENCH_BUILD) < 0 ? 1 : 0;
  std::fputs("usage: instructions CASE | --list | --build\n", stderr);
  return 64;
}
