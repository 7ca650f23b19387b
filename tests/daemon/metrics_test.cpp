#include "daemon/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <vector>

namespace usersyncd {
namespace {

/// Lines of the page that start with `prefix`.
std::vector<std::string> lines(const Metrics& metrics, const std::string& prefix) {
  std::istringstream page(metrics.text());
  std::vector<std::string> found;
  for (std::string line; std::getline(page, line);)
    if (line.starts_with(prefix)) found.push_back(line);
  return found;
}

using Lines = std::vector<std::string>;

/// One of everything.
Metrics some_metrics() {
  Metrics metrics;
  metrics.watch("1");
  metrics.count_poll("1", Metrics::PollResult::ok);
  metrics.count_request("1", "GET", 200, Duration{20});
  metrics.count_action("1", Operation::remove, Metrics::ActionResult::applied);
  metrics.count_rate_limited("1");
  metrics.set_drift("1", {{"email", 2}});
  metrics.set_held("1", {{Verdict::approval, 1}});
  metrics.set_last_success("1", time_from_millis(1'795'287'900'250));
  return metrics;
}

}  // namespace

TEST_CASE("the page has the metrics of the contract, with their labels, and no others") {
  std::istringstream page(some_metrics().text());
  std::set<std::string> samples;
  for (std::string line; std::getline(page, line);)
    if (!line.starts_with('#') && !line.starts_with("usersyncd_request_duration_seconds_bucket") &&
        !line.ends_with(" 0"))
      samples.insert(line);
  const std::set<std::string> expected{
      "usersyncd_polls_total{account=\"1\",result=\"ok\"} 1",
      "usersyncd_requests_total{account=\"1\",method=\"GET\",status=\"200\"} 1",
      "usersyncd_request_duration_seconds_count 1",
      "usersyncd_request_duration_seconds_sum 0.02",
      "usersyncd_drift{account=\"1\",kind=\"email\"} 2",
      "usersyncd_actions_total{account=\"1\",operation=\"delete\",result=\"applied\"} 1",
      "usersyncd_held_actions{account=\"1\",verdict=\"approval\"} 1",
      "usersyncd_last_success_timestamp_seconds{account=\"1\"} 1795287900.25",
      "usersyncd_rate_limited_total{account=\"1\"} 1",
      "usersyncd_build_info{version=\"" USERSYNCD_VERSION "\"} 1"};
  CHECK(samples == expected);
}

TEST_CASE("what can be foreseen of an account is there from the start, and says 0") {
  Metrics metrics;
  metrics.watch("1");
  CHECK(lines(metrics, "usersyncd_polls_total") ==
        Lines{R"(usersyncd_polls_total{account="1",result="ok"} 0)",
              R"(usersyncd_polls_total{account="1",result="failed"} 0)",
              R"(usersyncd_polls_total{account="1",result="incomplete"} 0)"});
  CHECK(lines(metrics, "usersyncd_rate_limited_total") ==
        Lines{R"(usersyncd_rate_limited_total{account="1"} 0)"});
  const auto actions = lines(metrics, "usersyncd_actions_total");
  CHECK(std::set<std::string>{actions.begin(), actions.end()}.size() == 5U * 3U);
  CHECK(actions.front() == R"(usersyncd_actions_total{account="1",operation="create",result="applied"} 0)");
  const auto held = lines(metrics, "usersyncd_held_actions");
  CHECK(std::set<std::string>{held.begin(), held.end()}.size() == 6U);
  const auto drift = lines(metrics, "usersyncd_drift");
  CHECK(drift.size() == all_fields.size() + 5U);
  for (const auto* kind : {"email", "roles", "missing", "leaver", "unmanaged", "rename", "ambiguous"}) {
    const auto expected = R"(usersyncd_drift{account="1",kind=")" + std::string{kind} + R"("} 0)";
    CHECK(std::find(drift.begin(), drift.end(), expected) != drift.end());
  }
  // A time of 0 would tell that it was long ago.
  CHECK(lines(metrics, "usersyncd_last_success").empty());
}

TEST_CASE("the page is OpenMetrics: every sample follows the head of its family, and the end is marked") {
  const std::string text = some_metrics().text();
  CHECK(text.ends_with("\n# EOF\n"));
  CHECK(text.find("# EOF") == text.size() - 6);
  std::istringstream page(text);
  std::set<std::string> families;
  std::string family;
  for (std::string line; std::getline(page, line);) {
    CAPTURE(line);
    if (line.starts_with("# TYPE ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      CHECK(families.insert(family).second);
      CHECK(line.ends_with(" counter") == (text.find('\n' + family + "_total{") != text.npos));
    } else if (line != "# EOF") {
      CHECK(line.substr(line.starts_with("# ") ? 7 : 0).starts_with(family));
    }
  }
  CHECK(families.size() == 9);
}

TEST_CASE("an empty registry is a valid page") {
  const Metrics metrics;
  CHECK(lines(metrics, "usersyncd_request_duration_seconds_count") ==
        Lines{"usersyncd_request_duration_seconds_count 0"});
  CHECK(lines(metrics, "usersyncd_request_duration_seconds_sum") ==
        Lines{"usersyncd_request_duration_seconds_sum 0.0"});
  CHECK(metrics.text().ends_with("# EOF\n"));
}

TEST_CASE("label values are escaped") {
  Metrics metrics;
  metrics.count_rate_limited("a\"b\\c\nd");
  CHECK(lines(metrics, "usersyncd_rate_limited_total") ==
        Lines{R"(usersyncd_rate_limited_total{account="a\"b\\c\nd"} 1)"});
}

TEST_CASE("the buckets of the histogram are cumulative and a bound belongs to its bucket") {
  Metrics metrics;
  for (const int millis : {0, 5, 6, 1000, 30'000, 30'001})
    metrics.count_request("1", "GET", 0, Duration{millis});
  const std::string bucket = "usersyncd_request_duration_seconds_bucket";
  const std::vector<std::pair<std::string, int>> table{{"0.005", 2}, {"0.01", 3}, {"0.025", 3}, {"0.05", 3},
                                                       {"0.1", 3},   {"0.25", 3}, {"0.5", 3},   {"1.0", 4},
                                                       {"5.0", 4},   {"10.0", 4}, {"30.0", 5},  {"+Inf", 6}};
  Lines expected;
  for (const auto& [bound, count] : table)
    expected.push_back(bucket + "{le=\"" + bound + "\"} " + std::to_string(count));
  CHECK(lines(metrics, bucket) == expected);
  CHECK(lines(metrics, "usersyncd_request_duration_seconds_sum") ==
        Lines{"usersyncd_request_duration_seconds_sum 61.012"});
  CHECK(lines(metrics, "usersyncd_requests_total") ==
        Lines{R"(usersyncd_requests_total{account="1",method="GET",status="none"} 6)"});
}

TEST_CASE("a gauge shows what is now: what is gone goes to 0, other accounts stay") {
  Metrics metrics;
  metrics.watch("1");
  metrics.watch("11");
  const auto counted = [&](const std::string& prefix) {
    auto found = lines(metrics, prefix);
    std::erase_if(found, [](const std::string& line) { return line.ends_with(" 0"); });
    return found;
  };
  metrics.set_drift("1", {{"email", 2}, {"missing", 1}});
  metrics.set_drift("11", {{"email", 5}});
  metrics.set_drift("1", {{"roles", 3}});
  CHECK(counted("usersyncd_drift") == Lines{R"(usersyncd_drift{account="1",kind="roles"} 3)",
                                            R"(usersyncd_drift{account="11",kind="email"} 5)"});
  const auto drift = lines(metrics, "usersyncd_drift");
  CHECK(std::count(drift.begin(), drift.end(), R"(usersyncd_drift{account="1",kind="missing"} 0)") == 1);
  metrics.set_held("1", {{Verdict::denied, 4}});
  CHECK(counted("usersyncd_held_actions") ==
        Lines{R"(usersyncd_held_actions{account="1",verdict="denied"} 4)"});
  metrics.set_held("1", {});
  CHECK(counted("usersyncd_held_actions").empty());
}

TEST_CASE("an account that left the config leaves its gauges, and keeps its counters, which only grow") {
  Metrics metrics = some_metrics();
  metrics.forget("1");
  CHECK(lines(metrics, "usersyncd_drift").empty());
  CHECK(lines(metrics, "usersyncd_held_actions").empty());
  CHECK(lines(metrics, "usersyncd_last_success").empty());
  const auto polls = lines(metrics, "usersyncd_polls_total");
  CHECK(std::count(polls.begin(), polls.end(), R"(usersyncd_polls_total{account="1",result="ok"} 1)") == 1);
}

}  // namespace usersyncd
