#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/tidy/rules.hpp"

using namespace usersyncd::tidy;

// Reads the sources of the repository and enforces the house rules that a formatter cannot.

namespace {

namespace fs = std::filesystem;

const fs::path root{SOURCE_DIR};

std::string read(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  REQUIRE_MESSAGE(file.good(), "cannot read " << path);
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<std::string> folders() {
  return folders_in_order(read(root / "CMakeLists.txt"));
}

std::vector<Source> sources() {
  std::vector<Source> found;
  auto places = folders();
  places.insert(places.end(), {"tests", "bench"});
  for (const auto& folder : places) {
    for (const auto& entry : fs::recursive_directory_iterator{root / folder}) {
      const auto extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".cpp" && extension != ".hpp")) continue;
      found.push_back(
          make_source(entry.path().lexically_relative(root).generic_string(), read(entry.path())));
    }
  }
  std::sort(found.begin(), found.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
  return found;
}

}  // namespace

TEST_CASE("tidy: the sources keep the house rules") {
  const auto order = folders();
  REQUIRE(order.size() == 10);
  const auto all = sources();
  REQUIRE(all.size() > 50);
  for (const auto& source : all) {
    for (const auto& problem : check_all(source, order)) FAIL_CHECK(problem.text());
  }
}

TEST_CASE("tidy: every accident is named by a test, or its row says why not") {
  std::set<int> covered;
  for (const auto& source : sources()) {
    if (source.path.starts_with("tests/")) covered.merge(accidents_named(source));
  }
  const std::string path = "tests/tidy/accidents_pending.txt";
  for (const auto& problem : check_accidents(covered, path, read(root / path))) FAIL_CHECK(problem.text());
}
