#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>

#include "store/audit_files.hpp"
#include "store/private_file.hpp"
#include "store/store.hpp"
#include "tests/kill/portal.hpp"
#include "tests/program/support.hpp"
#include "tests/support/temp_store.hpp"
#include "tests/support/tracer.hpp"

// The program as it is shipped, killed at its system calls, and started again: what was begun is finished,
// nobody is made twice, nothing is lost, and nobody has to clean up (contract, promise 7).
//
// USERSYNCD_KILL_POINTS is how many points of each scenario are tried (30 unless set), spread evenly over all
// its system calls. Where there are more points than calls, each call has its turn again, and its recovery is
// killed at another call each time. USERSYNCD_KILL_SHARD=I/N takes every N-th of them, so that several
// processes share the work; `scripts/reliability kill` does it at full size. The first failure ends it, and
// USERSYNCD_KILL_ONLY=SCENARIO/CALL/CALL plays that one again.

namespace usersyncd::test {
namespace {

struct Scenario {
  std::string name;
  Api api = Api::v1;
  std::string policies;                      ///< rules, besides those without limits
  std::string wish;                          ///< users
  std::string faults = "{}";                 ///< of the simulator, while the program is killed
  std::map<std::string, std::string> truth;  ///< by username: what must come out; `gone`, or enabled
  Arguments command{"apply", "--yes"};
};

const std::string no_limits =
    "  - { name: blast-radius, effect: allow }\n"
    "  - { name: leaver-budget, effect: allow }\n"
    "  - { name: deletes-need-a-person, effect: allow }\n";

std::string nine_people() {
  std::string users;
  for (int i = 0; i < 9; ++i) users += person("new" + std::to_string(i));
  return users;
}

std::map<std::string, std::string> nine_enabled() {
  std::map<std::string, std::string> truth;
  for (int i = 0; i < 9; ++i) truth["new" + std::to_string(i)] = "true";
  return truth;
}

const std::string lost_answer =
    R"({"rules":[{"method":"POST","path":"/users","nth":1,"fault":{"resetAfter":true}}]})";
const std::string lost_update =
    R"({"rules":[{"method":"PUT","path":"/users","nth":1,"fault":{"status":502,"body":"","after":true}}]})";

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"create", Api::v1, "", person("dan.new"), "{}", {{"dan.new", "true"}}},
      {"create, dashboard", Api::dashboard, "", person("dan.new"), "{}", {{"dan.new", "true"}}},
      {"nine creates, verified by a list", Api::v1, "", nine_people(), "{}", nine_enabled()},
      {"create, answer lost", Api::v1, "", person("dan.new"), lost_answer, {{"dan.new", "true"}}},
      {"create, answer lost, dashboard",
       Api::dashboard,
       "",
       person("dan.new"),
       lost_answer,
       {{"dan.new", "true"}}},
      {"update", Api::v1, "", "  - username: ann.lee\n    firstName: Anna\n", "{}", {{"ann.lee", "true"}}},
      {"update, answer lost",
       Api::v1,
       "",
       "  - username: ann.lee\n    firstName: Anna\n",
       lost_update,
       {{"ann.lee", "true"}}},
      {"roles taken away, dashboard",
       Api::dashboard,
       "",
       "  - username: ann.lee\n    roles: []\n",
       "{}",
       {{"ann.lee", "true"}}},
      {"leaver disabled",
       Api::v1,
       "",
       "  - username: ann.lee\n    state: absent\n",
       "{}",
       {{"ann.lee", "false"}}},
      {"leaver deleted",
       Api::dashboard,
       "  - { name: leavers, effect: { deprovision: delete } }\n",
       "  - username: ann.lee\n    state: absent\n",
       "{}",
       {{"ann.lee", "gone"}}},
      {"update and disable of one user",
       Api::v1,
       "",
       "  - username: ann.lee\n    firstName: Anna\n    enabled: false\n" + person("dan.new"),
       "{}",
       {{"ann.lee", "false"}, {"dan.new", "true"}}},
      {"a plan that writes nothing", Api::v1, "", person("ann.lee"), "{}", {{"ann.lee", "true"}}, {"plan"}},
  };
  return all;
}

std::string state_of(const std::map<std::string, sim::User>& users, const std::string& username) {
  const auto found = users.find(username);
  if (found == users.end()) return "gone";
  return found->second.enabled ? "true" : "false";
}

std::map<std::string, int> created(Portal& portal) {
  std::map<std::string, int> times;
  const auto users = portal.users();
  for (const auto& asked : portal.writes()) {
    if (asked.method != "POST" || !asked.worked) continue;
    for (const auto& [name, user] : users) {
      if (asked.body.find(user.username) != std::string::npos) ++times[name];
    }
  }
  return times;
}

// What `audit verify` looks at, without a process of its own.
std::vector<TreeHead> signed_heads(Store& store) {
  const auto keys = read_public_keys(store.path());
  REQUIRE((keys && !keys->empty()));
  auto notes = parse_notes(read_private_file(audit_checkpoints_path(store.path())).value_or(""));
  REQUIRE((notes && !notes->empty()));
  for (const auto& kept : store.audit().checkpoints()) {
    const auto note = parse_notes(kept.note);
    REQUIRE((note && note->size() == 1));
    notes->push_back(note->front());
  }
  std::vector<TreeHead> heads;
  for (const auto& note : *notes) {
    REQUIRE(std::any_of(keys->begin(), keys->end(), [&](const auto& key) { return key.verifies(note); }));
    heads.push_back(note.head);
  }
  return heads;
}

void check_log(const std::string& path, std::size_t writes) {
  Store store(path, Access::read_only);
  store.check_health();
  auto heads = signed_heads(store);
  const auto verified = store.audit().verify(std::move(heads));
  REQUIRE_MESSAGE(!verified.broken, verified.broken->seq << ": " << verified.broken->reason);
  std::size_t intents = 0;
  store.audit().for_each({}, [&intents](const AuditRow& row) { intents += row.kind == "intent" ? 1U : 0U; });
  REQUIRE(intents >= writes);
}

Setup setup_for(const Scenario& scenario) {
  Setup setup;
  setup.api = scenario.api;
  setup.request_timeout = "500ms";
  setup.lines = "policies: { path: policies }\n";
  return setup;
}

class World {
 public:
  explicit World(const Scenario& scenario)
      : scenario_(scenario),
        setup_(setup_for(scenario)),
        portal_(scenario.api, setup_.login),
        config_(write_config(home_, secrets_, portal_.url(), setup_)) {
    portal_.add_people();
    home_.write("policies/rules.yaml", "version: 1\nrules:\n" + no_limits + scenario.policies);
    home_.write("desired/main.yaml",
                "version: 1\naccount: \"" + setup_.account + "\"\nusers:\n" + scenario.wish);
    portal_.faults(scenario.faults);
  }

  /// Killed at its `nth` system call; 0: never.
  Traced run(std::size_t nth) {
    Arguments command{usersyncd_binary()};
    const auto arguments = with_config(scenario_.command);
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_traced(command, home_.path("killed.log"), nth);
  }

  // What the next start, and nobody else, makes of it.
  void recover_and_check() {
    int exit = -1;
    for (int turn = 0; turn < 3 && exit != 0; ++turn) exit = exit_of({"apply", "--yes"});
    REQUIRE(exit == 0);
    const auto users = portal_.users();
    for (const auto& [username, wanted] : scenario_.truth) {
      const std::string shown = username;
      CAPTURE(shown);
      REQUIRE(state_of(users, username) == wanted);
    }
    for (const auto& [username, times] : created(portal_)) {
      const std::string shown = username;
      CAPTURE(shown);
      REQUIRE(times == 1);
    }
    check_log(home_.path("usersyncd.db"), portal_.writes().size());
    const auto quiet = portal_.now();
    REQUIRE(exit_of({"plan"}) == 0);
    REQUIRE(exit_of({"apply", "--yes"}) == 0);
    REQUIRE(portal_.writes(quiet).empty());
  }

 private:
  Arguments with_config(const Arguments& arguments) const {
    Arguments all{"--config", config_};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  int exit_of(const Arguments& arguments) const { return usersyncd(with_config(arguments)).exit; }

  const Scenario& scenario_;
  Setup setup_;
  Portal portal_;
  Scratch home_{quick_directory()}, secrets_{quick_directory()};
  std::string config_;
};

/// One death, or two.
struct Point {
  std::size_t nth = 0;       ///< system call of the run
  std::size_t recovery = 0;  ///< system call of the recovery; 0: it is left alone
};

Point point_of(std::size_t number, std::size_t points, std::size_t calls) {
  const auto places = std::min(points, calls);
  const auto round = number / places;
  Point point;
  point.nth = 1 + number % places * calls / places;
  // Every third recovery does not get through, either, nor does any for a call that had its turn before.
  if (round > 0 || number % 3 == 0) point.recovery = 1 + (point.nth * 7919 + round * 104'729) % calls;
  return point;
}

struct Count {
  std::size_t points = 0, killed = 0, killed_twice = 0;
};

void play(const Scenario& scenario, const Point& point, Count& count) {
  const auto again = scenario.name + "/" + std::to_string(point.nth) + "/" + std::to_string(point.recovery);
  INFO("again: USERSYNCD_KILL_ONLY='" << again << "'");
  World world{scenario};
  ++count.points;
  if (world.run(point.nth).killed) ++count.killed;
  if (point.recovery > 0 && world.run(point.recovery).killed) ++count.killed_twice;
  world.recover_and_check();
}

std::string text_of(const Count& count) {
  return std::to_string(count.points) + " points, " + std::to_string(count.killed) + " kills, " +
         std::to_string(count.killed_twice) + " kills of a recovery";
}

std::size_t number_from(const char* variable, std::size_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoul(text, nullptr, 10) : otherwise;
}

struct Shard {
  std::size_t index = 0, count = 1;
};

Shard shard_of_this_process() {
  Shard shard;
  const char* text = std::getenv("USERSYNCD_KILL_SHARD");
  if (!text) return shard;
  char* rest = nullptr;
  shard.index = std::strtoul(text, &rest, 10);
  if (*rest == '/') shard.count = std::strtoul(rest + 1, nullptr, 10);
  return shard;
}

Count play_all(const Scenario& scenario, std::size_t points, const Shard& shard) {
  const auto calls = World{scenario}.run(0).calls;
  REQUIRE(calls > 100);
  std::cout << scenario.name << ": " << calls << " system calls, " << points << " points" << std::endl;
  Count count;
  for (std::size_t i = shard.index; i < points; i += shard.count) {
    play(scenario, point_of(i, points, calls), count);
    constexpr std::size_t between_words = 200;
    if (count.points % between_words == 0)
      std::cout << "  " << shard.index << "/" << shard.count << ": " << text_of(count) << std::endl;
  }
  return count;
}

bool play_only(const char* wanted) {
  const std::string text = wanted;
  const auto second = text.rfind('/'), first = text.rfind('/', second - 1);
  REQUIRE(first != std::string::npos);
  for (const auto& scenario : scenarios()) {
    if (scenario.name != text.substr(0, first)) continue;
    const Point point{std::stoul(text.substr(first + 1)), std::stoul(text.substr(second + 1))};
    Count count;
    play(scenario, point, count);
    return true;
  }
  return false;
}

}  // namespace

TEST_CASE("A28 A62 A64: killed at its system calls, in its recovery too, the next start finishes the work") {
  if (const char* only = std::getenv("USERSYNCD_KILL_ONLY")) {
    REQUIRE(play_only(only));
    return;
  }
  const auto points = number_from("USERSYNCD_KILL_POINTS", 30);
  const auto shard = shard_of_this_process();
  Count all;
  for (const auto& scenario : scenarios()) {
    const auto count = play_all(scenario, points, shard);
    all.points += count.points;
    all.killed += count.killed;
    all.killed_twice += count.killed_twice;
  }
  std::cout << "all of " << shard.index << "/" << shard.count << ": " << text_of(all) << std::endl;
  CHECK(all.killed > 0);
  CHECK(all.killed_twice > 0);
}

}  // namespace usersyncd::test
