#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "bench/rate/limiters_file.hpp"
#include "bench/rate/report.hpp"

namespace usersyncd::bench {
namespace {

std::vector<Spec> every_tenth_limiter() {
  std::ifstream file{std::string{SOURCE_DIR} + "/bench/rate/limiters.json"};
  std::ostringstream text;
  text << file.rdbuf();
  const auto all = parse_limiters(text.str());
  CHECK(all.size() >= 200);
  std::vector<Spec> some;
  for (std::size_t i = 0; i < all.size(); i += 10) some.push_back(all[i]);
  return some;
}

// The time is virtual and the dice are seeded: these figures are the same on every machine.
TEST_CASE("the learner is hardly ever worse than AIMD, and better as a rule") {
  const auto specs = every_tenth_limiter();
  const std::vector<std::string> clients{"aimd", "learn"};
  std::vector<Outcome> outcomes;
  for (const auto& spec : specs) {
    for (const auto& client : clients) outcomes.push_back(play({&spec, client, 1000, 0}));
  }
  const auto report = make_report(specs, clients, 1000, 1, outcomes);
  const auto line = [&](std::string_view client) {
    return std::find_if(report.lines.begin(), report.lines.end(),
                        [&](const auto& one) { return one.client == client && one.group.empty(); })
        ->summary;
  };
  const auto learn = line("learn"), aimd = line("aimd");
  CHECK(learn.unfinished == 0);
  CHECK(learn.time_p50 <= 1.03);
  CHECK(learn.refused_p50 <= 0.035);
  CHECK(learn.time_p50 <= aimd.time_p50);
  CHECK(learn.refused_p50 <= aimd.refused_p50);
  for (const auto& one : report.violations)
    MESSAGE(one.limiter, ": ", one.what, " ", one.ours, ", AIMD ", one.aimd);
  CHECK(report.violations.size() <= 1);
}

TEST_CASE("slow limits are not hurried past") {
  const auto specs = parse_limiters(R"([{"family": "token-bucket", "rate": 0.02, "burst": 1},
                                        {"family": "token-bucket", "rate": 1, "burst": 1},
                                        {"family": "fixed-window", "limit": 2, "window": 100},
                                        {"family": "fixed-window", "limit": 2, "window": 10},
                                        {"family": "fixed-window", "limit": 5, "window": 250},
                                        {"family": "fixed-window-first", "limit": 2, "window": 10},
                                        {"family": "sliding-log", "limit": 10, "window": 100}])");
  double refused = 0;
  for (const auto& spec : specs) {
    for (const std::uint64_t seed : {0U, 1U, 2U}) refused += play({&spec, "learn", 300, seed}).refused / 3.0;
  }
  CHECK(refused <= 500);  // of 2,100
}

TEST_CASE("a provider that thinks before it answers is kept to by the clock as well as one that does not") {
  const auto specs = parse_limiters(R"([
      {"family": "fixed-window", "limit": 40, "window": 10, "jitter_ms": 10, "way_there": 0},
      {"family": "fixed-window", "limit": 9, "window": 1, "jitter_ms": 5, "way_there": 0.1},
      {"family": "fixed-window", "limit": 25, "window": 5, "jitter_ms": 10, "rtt_ms": 200,
       "way_there": 0.1}])");
  double over_optimum = 0;
  for (const auto& spec : specs) {
    for (const std::uint64_t seed : {0U, 1U, 2U, 3U, 4U}) {
      const auto outcome = play({&spec, "learn", 300, seed});
      over_optimum += outcome.time / outcome.optimum / 15;
    }
  }
  CHECK(over_optimum <= 1.05);  // 1.11, if half of the round trip is always taken for the way there
}

TEST_CASE("a limit that was cut tenfold is found again without many refusals") {
  const auto specs = parse_limiters(R"([
      {"family": "token-bucket", "rate": 14.6, "burst": 23, "changes": [{"at": 40, "rate": 1.46}]},
      {"family": "token-bucket", "rate": 11.7, "burst": 2, "changes": [{"at": 40, "rate": 1.17}]},
      {"family": "fixed-window", "limit": 130, "window": 15, "changes": [{"at": 57.7, "limit": 13}]},
      {"family": "sliding-log", "limit": 280, "window": 30, "changes": [{"at": 53.6, "limit": 28}]}])");
  int refused = 0;
  for (const auto& spec : specs) {
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
      const auto outcome = play({&spec, "learn", 1000, seed});
      for (const double at : outcome.refused_at) {
        const double since = at - spec.changes.front().at;
        refused += since > 0 && since < 300 ? 1 : 0;
      }
    }
  }
  CHECK(refused <= 36 * 12);
}

TEST_CASE("the same task gives the same outcome") {
  const auto specs =
      parse_limiters(R"([{"family": "tokenBucket", "rate": 5, "burst": 10, "neighbour": 0.3}])");
  const auto first = play({&specs[0], "learn", 200, 7}), second = play({&specs[0], "learn", 200, 7});
  CHECK(first.time == second.time);
  CHECK(first.refused_at == second.refused_at);
}

TEST_CASE("limiters are read in the usual spellings") {
  const auto specs = parse_limiters(R"({"limiters": [
    {"name": "a", "family": "token_bucket", "rate": 5, "burst": 10, "jitter_ms": 20},
    {"family": "FixedWindow", "limit": 100, "window": "1m", "strict": true},
    {"family": "sliding log", "rate": 2, "window": 17.5,
     "changes": [{"at": "30s", "rate": 0.2}, {"at": 60, "factor": 10}]}]})");
  REQUIRE(specs.size() == 3);
  CHECK(specs[0].jitter == doctest::Approx(0.02));
  CHECK(specs[1].numbers.window == 60);
  CHECK(specs[1].strict);
  CHECK(specs[2].numbers.limit == 35);
  REQUIRE(specs[2].changes.size() == 2);
  CHECK(specs[2].changes[0].numbers.limit == 4);
  CHECK(specs[2].changes[1].numbers.limit == 40);
}

TEST_CASE("a bad file of limiters says where and what") {
  const auto complaint = [](std::string_view text) -> std::string {
    try {
      parse_limiters(text);
    } catch (const BadLimiters& bad) {
      return bad.what();
    }
    return {};
  };
  CHECK(complaint("{").find("is no JSON") == 0);
  CHECK(complaint("{}").find("must be a list") == 0);
  CHECK(complaint("[]") == "has no limiters");
  CHECK(complaint(R"([{"name": "x", "family": "token", "rate": "fast"}])").find("limiter 1 (x) has `rate`") ==
        0);
  CHECK(complaint(R"([{"family": "abacus"}])").find("limiter 1 (limiter 1) has the family `abacus`") == 0);
  CHECK(complaint(R"([{"family": "fixed", "rate": 1}])").find("needs a `window`") != std::string::npos);
  CHECK(complaint(R"([{"family": "token", "rate": 0}])").find("must be from") != std::string::npos);
}

}  // namespace
}  // namespace usersyncd::bench
