#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "tests/fuzz/targets.hpp"

// Feeds every target its corpus, and a fixed number of mutations of each of its files, so that CI repeats
// what the fuzzer found and looks a little to the left and the right of it, with any compiler.

namespace {

namespace fs = std::filesystem;

constexpr int mutations = 200;

std::string read(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string mutated(std::string bytes, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  const auto times = 1 + below(4);
  for (std::size_t i = 0; i < times && !bytes.empty(); ++i) {
    const auto at = below(bytes.size());
    switch (below(5)) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, 1 + below(8));
        break;
      case 2:
        bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(32)));
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes[at] = "\"{}[]<>:,-'\\ \n\0&"[below(16)];
        break;
    }
  }
  return bytes;
}

}  // namespace

int main(int count, char** arguments) {
  const fs::path corpus = count > 1 ? arguments[1] : SOURCE_DIR "/tests/fuzz/corpus";
  for (const auto& target : usersyncd::fuzz::targets()) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator{corpus / target.name}) files.push_back(entry.path());
    if (files.empty()) {
      std::cerr << "no corpus for " << target.name << '\n';
      return 1;
    }
    std::sort(files.begin(), files.end());
    std::mt19937 random{4711};
    std::size_t fed = 0;
    for (const auto& file : files) {
      const auto bytes = read(file);
      target.feed(bytes);
      for (int i = 0; i < mutations; ++i) target.feed(mutated(bytes, random));
      fed += 1 + mutations;
    }
    std::cout << target.name << ": " << files.size() << " files, " << fed << " inputs, all answered\n";
  }
}
