#include "tests/lies/corpus.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace usersyncd::lies {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Call call_of(const std::string& name) {
  if (has(name, "-item")) return Call::item;
  if (has(name, "-roles.")) return Call::roles;
  if (has(name, "-accounts.")) return Call::accounts;
  return has(name, ".2.") ? Call::second_page : Call::list;
}

std::vector<Captured> read_corpus() {
  std::vector<Captured> all;
  for (const auto& file :
       std::filesystem::directory_iterator{std::string{SOURCE_DIR} + "/tests/lies/bodies"}) {
    Captured captured;
    captured.name = file.path().filename();
    captured.api = captured.name.starts_with("v1-") ? Api::v1 : Api::dashboard;
    captured.call = call_of(captured.name);
    captured.body = read_body("bodies/" + captured.name);
    if (captured.call == Call::item)
      captured.about = has(captured.body, "jeanluc") ? "jeanluc_mller" : "viktor_doe";
    all.push_back(std::move(captured));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

}  // namespace

const std::vector<Captured>& corpus() {
  static const auto all = read_corpus();
  return all;
}

std::size_t lies_wanted() {
  const char* wanted = std::getenv("USERSYNCD_LIES");
  return wanted ? std::strtoul(wanted, nullptr, 10) : 4'000;
}

bool is_mine(std::size_t part) {
  const char* shard = std::getenv("USERSYNCD_LIES_SHARD");
  if (!shard) return true;
  char* rest = nullptr;
  const auto index = std::strtoul(shard, &rest, 10);
  const auto count = *rest == '/' ? std::strtoul(rest + 1, nullptr, 10) : 0;
  if (count == 0 || index >= count) throw std::runtime_error("USERSYNCD_LIES_SHARD is not I/N");
  return part % count == index;
}

Selection::Selection(const Liar& liar, std::size_t share, std::uint64_t seed)
    : liar_(liar), share_(share), singles_(std::min(liar.singles(), share * 3 / 4)), seed_(seed) {}

Lie Selection::operator[](std::size_t index) const {
  if (index < singles_) return liar_.single(index * liar_.singles() / singles_);
  return liar_.combined(seed_ * 1'000'003 + index);
}

}  // namespace usersyncd::lies
