#include "mutant.hpp"

#include <cstdio>
#include <cstdlib>

namespace mutants {

int chosen = -1;
bool seen[most];
bool barren[most];

namespace {

// Before any other initialisation: the sources may be asked while theirs runs.
__attribute__((constructor(101))) void choose() {
  if (const char* id = std::getenv("USERSYNCD_MUTANT")) chosen = std::atoi(id);
}

void write_marks(const char* path, const bool (&marks)[most]) {
  std::FILE* file = std::fopen(path, "w");
  if (!file) std::abort();
  for (int id = 0; id < most; ++id) {
    if (marks[id]) std::fprintf(file, "%d\n", id);
  }
  std::fclose(file);
}

__attribute__((destructor)) void tell() {
  if (const char* path = std::getenv("USERSYNCD_MUTANTS_SEEN")) write_marks(path, seen);
  if (const char* path = std::getenv("USERSYNCD_MUTANTS_BARREN")) write_marks(path, barren);
}

}  // namespace
}  // namespace mutants
