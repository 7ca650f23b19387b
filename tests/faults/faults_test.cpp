#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <string>

#include "tests/faults/scene.hpp"

// One story, and a fault at every single effect of it: every request, every reading of the clock, every
// record of an exchange, every event, and everything that SQLite asks of the disk. For each N the N-th effect
// fails, then it and all after it; writes are torn, syncs lie, the process is killed, the power goes. Until a
// run in which there is no N-th effect.
//
// A run without USERSYNCD_FAULTS=all plays a thinned sample of them.

namespace usersyncd::faults {
namespace {

struct Kind {
  Damage damage;
  bool persistent;
  std::size_t sample;  ///< how many runs of it a thinned sample has, about
};

constexpr std::array kinds{Kind{Damage::error, false, 40}, Kind{Damage::error, true, 20},
                           Kind{Damage::torn, false, 12},  Kind{Damage::torn, true, 6},
                           Kind{Damage::lie, false, 12},   Kind{Damage::lie, true, 6},
                           Kind{Damage::kill, false, 25},  Kind{Damage::power_cut, false, 25}};

bool all_of_them() {
  const char* wanted = std::getenv("USERSYNCD_FAULTS");
  return wanted && std::string{wanted} == "all";
}

bool is_mine(std::size_t part) {
  const char* shard = std::getenv("USERSYNCD_FAULTS_SHARD");
  if (!shard) return true;
  char* rest = nullptr;
  const auto index = std::strtoul(shard, &rest, 10);
  const auto count = *rest == '/' ? std::strtoul(rest + 1, nullptr, 10) : 0;
  REQUIRE_MESSAGE((count > 0 && index < count), "USERSYNCD_FAULTS_SHARD is not I/N");
  return part % count == index;
}

std::string name_of(const Kind& kind) {
  return std::string{name_of(kind.damage)} + (kind.persistent ? " from there on" : "");
}

std::string differences(const Ending& ending, const Ending& expected, Damage damage) {
  std::string text;
  for (const auto& complaint : ending.complaints) text += complaint + "; ";
  if (ending.refused) return text;
  // The undo starts from what the store remembers, and a disk that lies may have lost just that.
  const auto excused = [&](const std::string& key) {
    return damage == Damage::lie && (key == "gus" || key == "ann");
  };
  for (const auto& [key, user] : expected.users) {
    if (excused(key)) continue;
    const auto found = ending.users.find(key);
    if (found == ending.users.end() || found->second != user)
      text += key + " ended as " + (found == ending.users.end() ? "nobody" : found->second) + ", not as " +
              user + "; ";
  }
  for (const auto& [key, user] : ending.users) {
    if (!expected.users.contains(key) && !excused(key)) text += key + " is there; ";
  }
  if (damage != Damage::lie && ending.history != expected.history) text += "another history; ";
  return text;
}

struct Count {
  std::size_t runs = 0, effects = 0, refused = 0;
  std::array<std::size_t, 15> hits{};
};

void for_each_fault(Stories& stories, const Ending& expected, const Kind& kind, std::size_t effects,
                    Count& count) {
  const std::size_t stride = all_of_them() ? 1 : effects / kind.sample + 1;
  for (std::size_t at = 1;; at += stride) {
    if (!is_mine(at) && at <= effects) continue;
    const Fault fault{kind.damage, at, kind.persistent};
    const auto ending = stories.play(fault);
    ++count.runs;
    count.refused += ending.refused ? 1U : 0U;
    if (ending.hit) ++count.hits[static_cast<std::size_t>(*ending.hit)];
    const auto wrong = differences(ending, expected, kind.damage);
    if (!wrong.empty()) {
      FAIL_CHECK(name_of(kind.damage)
                 << std::string{kind.persistent ? " from " : " at "} << at << " ("
                 << (ending.hit ? name_of(*ending.hit) : "none") << "): " << wrong << "\n"
                 << ending.trace);
    }
    if (!ending.hit) break;  // past the end
  }
}

void tell(const std::string& story, const Kind& kind, const Count& count) {
  std::string hits;
  for (std::size_t i = 0; i < count.hits.size(); ++i) {
    if (count.hits[i] > 0)
      hits += " " + std::string{name_of(static_cast<Effect>(i))} + " " + std::to_string(count.hits[i]);
  }
  if (count.refused > 0) hits += "; damaged, and said so: " + std::to_string(count.refused);
  MESSAGE(story << ", " << name_of(kind) << ": " << count.runs << " runs over " << count.effects
                << " effects;" << hits);
}

void play_all(Api api, const std::string& name) {
  Stories stories{api};
  const auto expected = stories.play(Fault{});
  const auto wrong = differences(expected, expected, Damage::error);
  REQUIRE_MESSAGE(wrong.empty(), wrong << "\n" << expected.trace);
  const auto is_out = [&](const std::string& username) {
    const auto found = expected.users.find(username);
    return found == expected.users.end() || found->second.find("|off|") != std::string::npos;
  };
  REQUIRE((is_out("gus") && is_out("bob") && is_out("cyd")));
  REQUIRE((!is_out("hal") && !is_out("ann")));
  for (const auto& kind : kinds) {
    Count count;
    // How many effects there are that can take this damage.
    count.effects = stories.play(Fault{kind.damage, 1'000'000'000, false}).counted;
    for_each_fault(stories, expected, kind, count.effects, count);
    tell(name, kind, count);
  }
}

}  // namespace

TEST_CASE("A28 A29 A52: whichever effect goes wrong, the end is the same, and nobody is made twice (v1)") {
  play_all(Api::v1, "v1");
}

TEST_CASE(
    "A28 A29 A52: whichever effect goes wrong, the end is the same, and nobody is made twice (dashboard)") {
  play_all(Api::dashboard, "dashboard");
}

}  // namespace usersyncd::faults
