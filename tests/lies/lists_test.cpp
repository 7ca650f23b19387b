#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "tests/lies/corpus.hpp"

// The provider lies about its list, its roles or its accounts. What is wanted is what there is, so every
// write would be wrong, and the account is one whose users were seen before.
//
// Some lies are plausible: a phone number may have changed, a stranger may have come, a user may have gone.
// Those are believed, and something is planned for them; `may_be_planned` says what, and nothing else may be.
// A lie is found out at the latest by the look at the user before each write, so that the strongest assertion
// there is holds for all of them, believed or not: nothing but GET is sent.

namespace usersyncd::lies {
namespace {

struct Mode {
  Rules rules;
  Items items;
};

std::vector<Mode> modes_of(Api api) {
  std::vector<Mode> modes;
  for (const auto items : {Items::honest, Items::silent}) {
    modes.push_back({Rules::built_in, items});
    modes.push_back({Rules::harsh, items});
    if (api == Api::dashboard) modes.push_back({Rules::deleting, items});
  }
  return modes;
}

struct Count {
  std::size_t lies = 0, glanced = 0, believed = 0, planned = 0, looked = 0;
};

// The other page of a list that comes in two.
std::map<Call, Reply> honest_rest(const Captured& captured) {
  std::map<Call, Reply> honest;
  if (captured.call == Call::accounts || captured.call == Call::roles) return honest;
  honest[captured.call] = Liar{captured.body}.honest();
  for (const auto& other : corpus()) {
    const bool paged = captured.name.find("-paged.") != std::string::npos;
    if (paged && other.call != captured.call && other.name.find("-paged.") != std::string::npos)
      honest[other.call] = Liar{other.body}.honest();
  }
  return honest;
}

// What may be planned for a lie, as if it were true. Whatever a policy makes of it later.
std::string fault_of(const Action& action, const Bench& bench, const Mode& mode) {
  const auto key = key_of(action.username);
  const User* user = bench.truth().find(action.username);
  const auto& wanted = bench.desired().users;
  const auto entry = std::find_if(wanted.begin(), wanted.end(),
                                  [&](const DesiredUser& one) { return key_of(one.username) == key; });
  const bool written_down = entry != wanted.end();
  switch (action.operation) {
    case Operation::create:
      // Everybody who is wanted is known. Whoever the list lacks is asked for, and is there, or nobody can
      // say; then they wait.
      return action.must_wait.empty() && !action.manual_only ? "nobody who is known is created" : "";
    case Operation::update:
    case Operation::enable:
      // For somebody who is written down, and whom the list shows in another state than is wanted.
      if (!written_down || entry->absent) return "nobody wants this of them";
      return action.changes.empty() && !action.manual_only ? "there is nothing to change" : "";
    case Operation::disable:
    case Operation::remove:
      // For leavers whom the list shows as still enabled, and for strangers, which the built-in rules only
      // report. Never for somebody who is wanted, unless the list says that they are enabled and are not to
      // be.
      if (written_down && !entry->absent) {
        const bool wanted_off = entry->fields.flag(Field::enabled) == false;
        return wanted_off && action.operation == Operation::disable ? "" : "they are to stay";
      }
      if (!written_down && user) return "they are written down under another name";
      if (!written_down && mode.rules == Rules::built_in && !action.report_only)
        return "strangers are only reported";
      return "";
  }
  return "what is this";
}

std::string faults_of(const Outcome& outcome, const Bench& bench, const Mode& mode) {
  std::string faults;
  if (!outcome.writes.empty()) faults = "a write was sent; ";
  if (!outcome.believed && !outcome.planned.empty()) faults += "planned from what is not believed; ";
  for (const auto& action : outcome.planned) {
    const auto fault = fault_of(action, bench, mode);
    if (!fault.empty())
      faults += std::string{name_of(action.operation)} + " " + action.username + " planned: " + fault + "; ";
  }
  return faults;
}

void tell_all(const Captured& captured, Mode mode, std::size_t share, std::uint64_t seed, Count& count) {
  Bench bench{captured.api, mode.rules, Memory::everybody};
  bench.honest() = honest_rest(captured);
  bench.settle();
  const Liar liar{captured.body};
  const Selection selection{liar, share, seed};
  for (std::size_t i = 0; i < selection.size(); ++i) {
    const auto lie = selection[i];
    if (lie.reply.body == captured.body && lie.reply.status == 200) continue;
    std::map<Call, Reply> lies{{captured.call, lie.reply}};
    if (mode.items == Items::silent) lies[Call::item] = Reply{503, "text/plain", "busy", false};
    const auto outcome = bench.hear(lies);
    ++count.lies;
    count.believed += outcome.believed ? 1 : 0;
    count.planned += outcome.planned.empty() ? 0U : 1U;
    count.looked += outcome.permitted > 0 ? 1 : 0;
    auto faults = faults_of(outcome, bench, mode);
    const bool in_list = captured.call == Call::list || captured.call == Call::second_page;
    if (in_list && outcome.glanced) faults += "taken for the list as it was before; ";
    count.glanced += outcome.glanced ? 1 : 0;
    if (faults.empty()) continue;
    FAIL_CHECK(captured.name << " mode " << static_cast<int>(mode.rules) << "/"
                             << static_cast<int>(mode.items) << ", " << lie.name << ": " << faults << "\n"
                             << lie.reply.body << "\n"
                             << outcome.told);
  }
}

std::vector<Captured> lists() {
  std::vector<Captured> all;
  for (const auto& captured : corpus()) {
    if (captured.call != Call::item) all.push_back(captured);
  }
  return all;
}

// Why a write is not the one that a first list makes plausible: a create, once, of somebody who is wanted and
// whom it lacks.
std::string fault_of_first(const Outcome& outcome, const Bench& bench) {
  StringSet asked;
  for (const auto& write : outcome.writes) {
    if (write.method != "POST") return "not a create";
    asked.push_back(write.body);
  }
  if (make_set(asked).size() != outcome.writes.size()) return "the same create twice";
  for (const auto& action : outcome.planned) {
    const auto* user = bench.truth().find(action.username);
    if (action.operation == Operation::create && !user) return "nobody wants them";
  }
  return {};
}

}  // namespace

TEST_CASE("A2 A3 A6 A9 A70: whatever the list, the roles or the accounts say, not one write leaves") {
  REQUIRE(corpus().size() >= 20);
  std::size_t rounds = 0;
  for (const auto& captured : lists()) rounds += modes_of(captured.api).size();
  const auto share = lies_wanted() / rounds + 1;
  Count all;
  std::uint64_t seed = 0;
  for (const auto& captured : lists()) {
    Count count;
    const auto started = std::chrono::steady_clock::now();
    for (const auto mode : modes_of(captured.api)) {
      ++seed;
      if (is_mine(seed)) tell_all(captured, mode, share, seed, count);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    MESSAGE(captured.name << ": " << count.lies << " lies, " << count.believed << " believed, "
                          << count.planned << " planned for, " << count.looked
                          << " found out by the look before the write; " << took.count() << " s");
    all.lies += count.lies;
    all.glanced += count.glanced;
    all.believed += count.believed;
    all.planned += count.planned;
    all.looked += count.looked;
  }
  MESSAGE("all: " << all.lies << " lies, " << all.believed << " believed, " << all.planned << " planned for, "
                  << all.looked << " found out by the look before the write");
  // Otherwise the lies are too crude to test anything. A catalogue may be told in other words.
  CHECK(all.glanced > 0);
  CHECK(all.believed > all.lies / 20);
  CHECK(all.planned > all.lies / 20);
  CHECK(all.looked > all.lies / 200);
}

// Nobody was seen before, so there is nothing that a list could be compared with, and no request that could
// tell for fewer than one for each user. A username is the provider's own guard here: it refuses the second
// one, and who is there is taken for whom they are.
TEST_CASE("A3 A48: the first list of an account gets at most one create for each user that it lacks") {
  const auto share = lies_wanted() / 8 / lists().size() + 1;
  std::uint64_t seed = 500;
  std::size_t told = 0, wrote = 0;
  for (const auto& captured : lists()) {
    Bench bench{captured.api, Rules::harsh, Memory::nobody};
    bench.honest() = honest_rest(captured);
    bench.settle();
    const Liar liar{captured.body};
    const Selection selection{liar, share, ++seed};
    if (!is_mine(seed)) continue;
    for (std::size_t i = 0; i < selection.size(); ++i) {
      const auto lie = selection[i];
      const auto outcome = bench.hear({{captured.call, lie.reply}});
      ++told;
      wrote += outcome.writes.empty() ? 0U : 1U;
      const auto fault = fault_of_first(outcome, bench);
      if (!fault.empty())
        FAIL_CHECK(captured.name << ", " << lie.name << ": " << fault << "\n"
                                 << lie.reply.body << "\n"
                                 << outcome.told);
    }
  }
  MESSAGE(told << " first lists, " << wrote << " of them lacked somebody who was then asked for");
  CHECK(told > 0);
  CHECK(wrote > 0);
}

TEST_CASE(
    "A4 A46: a lie that is repeated poll after poll writes nothing, and the truth after it is content") {
  const auto share = lies_wanted() / 50 / lists().size() + 1;
  std::uint64_t seed = 1000;
  for (const auto& captured : lists()) {
    for (const auto rules : {Rules::built_in, Rules::harsh}) {
      Bench bench{captured.api, rules, Memory::everybody};
      bench.honest() = honest_rest(captured);
      bench.settle();
      const Liar liar{captured.body};
      ++seed;
      if (!is_mine(seed)) continue;
      for (std::size_t i = 0; i < share; ++i) {
        const auto lie = i % 2 == 0 ? liar.combined(seed * 1000 + i)
                                    : liar.single((seed * 7919 + i * 613) % liar.singles());
        bool content = false;
        const auto outcome = bench.hear_again_and_again({{captured.call, lie.reply}}, 3, content);
        if (outcome.writes.empty() && content) continue;
        FAIL_CHECK(captured.name << ", " << lie.name << "\n" << lie.reply.body << "\n" << outcome.told);
      }
    }
  }
}

}  // namespace usersyncd::lies
