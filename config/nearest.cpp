#include "config/nearest.hpp"

#include <algorithm>
#include <utility>

namespace usersyncd {
namespace {

// Longer words are compared by their beginnings: the table grows with the square of the length.
constexpr std::size_t longest_compared = 64;
constexpr std::size_t most_listed = 12;

std::string folded(std::string_view word) {
  std::string result(word.substr(0, longest_compared));
  for (char& letter : result)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return result;
}

/// Optimal string alignment distance: a swap of two neighbours counts once, as it is one slip.
std::size_t distance(std::string_view left_word, std::string_view right_word) {
  const std::string left = folded(left_word);
  const std::string right = folded(right_word);
  std::vector<std::vector<std::size_t>> cost(left.size() + 1, std::vector<std::size_t>(right.size() + 1));
  for (std::size_t i = 0; i <= left.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= right.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t change = left[i - 1] == right[j - 1] ? 0U : 1U;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[left.size()][right.size()];
}

}  // namespace

std::vector<std::string> by_nearness(std::string_view word, std::vector<std::string> known) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  ranked.reserve(known.size());
  for (std::string& candidate : known) {
    const std::size_t rank = distance(word, candidate);
    ranked.emplace_back(rank, std::move(candidate));
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> result;
  result.reserve(ranked.size());
  for (auto& [rank, candidate] : ranked) result.push_back(std::move(candidate));
  return result;
}

std::string suggestion(std::string_view word, std::vector<std::string> known) {
  const std::vector<std::string> ranked = by_nearness(word, std::move(known));
  if (ranked.empty()) return {};
  const std::string& nearest = ranked.front();
  const std::size_t slips = std::max<std::size_t>(2, std::min(word.size(), nearest.size()) / 3);
  if (distance(word, nearest) <= slips && distance(word, nearest) < nearest.size())
    return "did you mean `" + nearest + "`?";
  std::string result = "known are ";
  for (std::size_t i = 0; i < ranked.size() && i < most_listed; ++i)
    result += (i == 0 ? "`" : ", `") + ranked[i] + "`";
  return ranked.size() > most_listed ? result + ", …" : result;
}

}  // namespace usersyncd
