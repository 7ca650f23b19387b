#include "reconcile/impossible.hpp"

#include <algorithm>
#include <sstream>

namespace usersyncd {
namespace {

constexpr const char* note_name = "impossible";  // "<operation> <milliseconds> <message>", by line

struct Refusal {
  Time at{};
  std::string message;
};

std::map<Operation, Refusal> load(Store& store, const std::string& account) {
  std::map<Operation, Refusal> refusals;
  std::istringstream lines{store.load_note(account, note_name).value_or("")};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string name, message;
    std::int64_t millis = 0;
    if (!(words >> name >> millis) || words.get() != ' ' || !std::getline(words, message)) continue;
    if (const auto operation = operation_from_name(name))
      refusals[*operation] = Refusal{time_from_millis(millis), message};
  }
  return refusals;
}

}  // namespace

void note_impossible(Store& store, const std::string& account, Operation operation,
                     const std::string& message, Time now) {
  auto refusals = load(store, account);
  Refusal refusal{now, message};
  std::replace(refusal.message.begin(), refusal.message.end(), '\n', ' ');
  refusals[operation] = std::move(refusal);
  std::string text;
  for (const auto& [refused, how] : refusals) {
    text +=
        std::string{name_of(refused)} + ' ' + std::to_string(millis_of(how.at)) + ' ' + how.message + '\n';
  }
  store.save_note(account, note_name, text);
}

std::map<Operation, std::string> impossible_operations(Store& store, const std::string& account, Time now) {
  std::map<Operation, std::string> impossible;
  for (const auto& [operation, refusal] : load(store, account)) {
    const Time until = refusal.at + impossible_for;
    if (until <= now) continue;
    impossible[operation] = "the provider cannot " + std::string{name_of(operation)} +
                            " users: it answered " + refusal.message + " at " + format_time(refusal.at) +
                            " and is asked again after " + format_time(until);
  }
  return impossible;
}

}  // namespace usersyncd
