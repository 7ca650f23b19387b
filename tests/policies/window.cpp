#include "policies/window.hpp"

#include "bench.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

namespace {

Window window(const std::string& says) {
  const auto read = only("  - { name: w, effect: { window: { " + says + " } } }\n");
  return std::get<Window>(read.rules().front().effect);
}

const std::string office =
    "days: [mon, tue, wed, thu, fri], hours: \"08:00-18:00\", timezone: America/New_York";
const std::string night = "days: [fri], hours: \"22:00-06:00\", timezone: Europe/Berlin";

}  // namespace

TEST_CASE("a window is open when the clock on its wall says so") {
  struct Row {
    std::string says;
    const char* now;
    bool open;
  };
  const std::vector<Row> rows{
      {office, "2026-11-18T12:59:59Z", false},  // Wednesday 07:59:59 in New York
      {office, "2026-11-18T13:00:00Z", true},
      {office, "2026-11-18T22:59:59.999Z", true},
      {office, "2026-11-18T23:00:00Z", false},
      {office, "2026-11-21T15:00:00Z", false},  // Saturday
      {office, "2026-07-01T12:00:00Z", true},   // summer time
      {night, "2026-11-20T20:59:00Z", false},   // Friday 21:59 in Berlin
      {night, "2026-11-20T21:00:00Z", true},
      {night, "2026-11-21T04:59:00Z", true},  // the morning belongs to Friday
      {night, "2026-11-21T05:00:00Z", false},
      {night, "2026-11-20T01:00:00Z", false},  // Friday morning belongs to Thursday
      {night, "2026-11-21T22:00:00Z", false},  // Saturday night
      {"hours: \"00:00-24:00\", timezone: UTC", "2026-11-21T23:59:59Z", true},
      {"days: [sun], timezone: UTC", "2026-11-22T00:00:00Z", true},
      {"days: [sun], timezone: UTC", "2026-11-23T00:00:00Z", false},
      {"hours: \"22:00-00:00\", timezone: UTC", "2026-11-21T23:59:00Z", true},
      {"hours: \"22:00-00:00\", timezone: UTC", "2026-11-21T00:00:00Z", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.says);
    CAPTURE(row.now);
    CHECK(is_open(window(row.says), at(row.now)) == row.open);
  }
}

TEST_CASE("a clock that is put forward skips a window, one that is put back shows its hours twice") {
  // New York, 2026: 02:00 becomes 03:00 on 8 March (07:00Z), 02:00 becomes 01:00 on 1 November (06:00Z).
  const auto skipped = window("hours: \"02:15-02:45\", timezone: America/New_York");
  CHECK_FALSE(is_open(skipped, at("2026-03-08T07:00:00Z")));
  CHECK_FALSE(is_open(skipped, at("2026-03-08T07:30:00Z")));
  CHECK(next_opening(skipped, at("2026-03-08T06:00:00Z")) == at("2026-03-09T06:15:00Z"));

  const auto across = window("hours: \"01:30-03:30\", timezone: America/New_York");
  CHECK(is_open(across, at("2026-03-08T06:59:00Z")));
  CHECK(is_open(across, at("2026-03-08T07:00:00Z")));
  CHECK(is_open(across, at("2026-03-08T07:29:59Z")));
  CHECK_FALSE(is_open(across, at("2026-03-08T07:30:00Z")));

  const auto begun_in_gap = window("hours: \"02:30-04:00\", timezone: America/New_York");
  CHECK(next_opening(begun_in_gap, at("2026-03-08T06:00:00Z")) == at("2026-03-08T07:00:00Z"));

  const auto twice = window("hours: \"01:15-01:45\", timezone: America/New_York");
  CHECK(is_open(twice, at("2026-11-01T05:15:00Z")));
  CHECK_FALSE(is_open(twice, at("2026-11-01T05:45:00Z")));
  CHECK(next_opening(twice, at("2026-11-01T05:45:00Z")) == at("2026-11-01T06:15:00Z"));
  CHECK(is_open(twice, at("2026-11-01T06:44:59Z")));
  CHECK_FALSE(is_open(twice, at("2026-11-01T06:45:00Z")));

  const auto reopened = window("hours: \"00:30-01:30\", timezone: America/New_York");
  CHECK(next_opening(reopened, at("2026-11-01T05:45:00Z")) == at("2026-11-01T06:00:00Z"));
}

TEST_CASE("the next opening is the first instant at which the window is open") {
  struct Row {
    std::string says;
    const char* now;
    const char* next;
  };
  const std::vector<Row> rows{
      {office, "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z"},
      {office, "2026-11-20T23:30:00Z", "2026-11-23T13:00:00Z"},
      {office, "2026-11-18T13:00:00Z", "2026-11-19T13:00:00Z"},
      {night, "2026-11-21T05:00:00Z", "2026-11-27T21:00:00Z"},
      {"days: [mon], timezone: Pacific/Auckland", "2026-11-18T12:00:00Z", "2026-11-22T11:00:00Z"},
      {"days: [wed], hours: \"11:00-11:30\", timezone: UTC", "2026-11-18T12:00:00Z", "2026-11-25T11:00:00Z"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.says);
    CAPTURE(row.now);
    CHECK(next_opening(window(row.says), at(row.now)) == at(row.next));
  }
}

TEST_CASE("over every half hour of a year, the next opening is the first open one") {
  const auto watched = window("days: [sat, sun], hours: \"01:30-03:30\", timezone: Europe/Berlin");
  std::optional<Time> announced;
  for (Time now = at("2026-01-01T00:00:00Z"); now < at("2027-01-01T00:00:00Z");
       now += std::chrono::minutes{30}) {
    CAPTURE(format_time(now));
    const bool open = is_open(watched, now);
    if (announced) REQUIRE(open == (now == *announced));
    announced.reset();
    if (!open) {
      const auto next = next_opening(watched, now);
      REQUIRE(next.has_value());
      REQUIRE(is_open(watched, *next));
      REQUIRE_FALSE(is_open(watched, *next - Duration{1}));
      if (*next <= now + std::chrono::minutes{30}) announced = next;
    }
  }
}

TEST_CASE("a window is shown as it would be said") {
  CHECK(show(window(office)) == "mon-fri 08:00-18:00 America/New_York");
  CHECK(show(window("days: [mon, tue, sat], timezone: UTC")) == "mon,tue,sat 00:00-24:00 UTC");
  CHECK(show(window("days: [mon, sun], timezone: UTC")) == "mon,sun 00:00-24:00 UTC");
  CHECK(show(window("days: [sat, sun], timezone: UTC")) == "sat,sun 00:00-24:00 UTC");
  CHECK(show(window("days: [mon, tue, wed], timezone: UTC")) == "mon-wed 00:00-24:00 UTC");
  CHECK(show(window("days: [tue], hours: \"09:59-10:10\", timezone: UTC")) == "tue 09:59-10:10 UTC");
}
