#include "sync/time.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace usersyncd;

TEST_CASE("times: RFC 3339 and dates, and what each means in UTC") {
  struct Row {
    const char* written;
    const char* means;
  };
  const Row rows[]{
      {"2026-11-21T19:05:00Z", "2026-11-21T19:05:00Z"},
      {"2026-11-21T19:05:00.123Z", "2026-11-21T19:05:00.123Z"},
      {"2026-11-21T19:05:00.1Z", "2026-11-21T19:05:00.100Z"},
      {"2026-11-21T19:05:00.123456Z", "2026-11-21T19:05:00.123Z"},
      {"2026-11-21T19:05:00.123999999+00:00", "2026-11-21T19:05:00.123Z"},
      {"2026-11-21T19:05:00+05:30", "2026-11-21T13:35:00Z"},
      {"2026-11-21T19:05:00.5-08:00", "2026-11-22T03:05:00.500Z"},
      {"2027-01-31", "2027-01-31T00:00:00Z"},
      {"2028-02-29", "2028-02-29T00:00:00Z"},
      {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
      {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.written);
    const auto time = parse_time(row.written);
    REQUIRE(time.has_value());
    CHECK(format_time(*time) == row.means);
  }
}

TEST_CASE("times: anything else is refused, never guessed") {
  for (const auto* text : {"",
                           "2027",
                           "2027-1-5",
                           "2027-02-30",
                           "2027-13-01",
                           "2027-00-10",
                           "2027-02-29",
                           "27-01-01",
                           "2027/01/31",
                           "2027-01-31T",
                           "2027-01-31T10:00Z",
                           "2027-01-31T10:00:00",
                           "2027-01-31 10:00:00Z",
                           "2027-01-31T24:00:00Z",
                           "2027-01-31T10:60:00Z",
                           "2027-01-31T10:00:61Z",
                           "2027-01-31T1:2:3.0000Z",
                           "2027-01-31T10:00:00.Z",
                           "2027-01-31T10:00:00ZZ",
                           "2027-01-31T10:00:00Z ",
                           " 2027-01-31",
                           "2027-01-31 ",
                           "2027-01-31T10:00:00+0530",
                           "2027-01-31T10:00:00+5:30",
                           "2027-01-31T10:00:00+05",
                           "2027-01-31T10:00:00+05:30Z",
                           "2027-01-31T10:00:00+25:00",
                           "2027-01-31T10:00:00+01:60",
                           "-027-01-31",
                           "2027-01-31T-1:00:00.00Z",
                           "2027-01-31T10:00:00,5Z",
                           "tomorrow",
                           "2027-01-31T10:00:+1Z"}) {
    CAPTURE(text);
    CHECK(!parse_time(text));
  }
  CHECK(!parse_time(std::string_view{"2027-01-31\0", 11}));
}

TEST_CASE("times: what is formatted reads back as the same instant") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  std::uniform_int_distribution<std::int64_t> millis{-60'000'000'000'000, 250'000'000'000'000};
  for (int i = 0; i < 500; ++i) {
    const auto time = time_from_millis(millis(random));
    CAPTURE(millis_of(time));
    CHECK(parse_time(format_time(time)) == time);
  }
}

TEST_CASE("durations: a number and one unit") {
  struct Row {
    const char* written;
    std::int64_t millis;
    const char* shortest;
  };
  const Row rows[]{{"500ms", 500, "500ms"},
                   {"30s", 30'000, "30s"},
                   {"5m", 300'000, "5m"},
                   {"2h", 7'200'000, "2h"},
                   {"30d", 2'592'000'000, "30d"},
                   {"90s", 90'000, "90s"},
                   {"90000ms", 90'000, "90s"},
                   {"60s", 60'000, "1m"},
                   {"24h", 86'400'000, "1d"},
                   {"007s", 7'000, "7s"},
                   {"0s", 0, "0ms"},
                   {"1500ms", 1'500, "1500ms"},
                   {"3650d", 315'360'000'000, "3650d"}};
  for (const auto& row : rows) {
    CAPTURE(row.written);
    const auto duration = parse_duration(row.written);
    REQUIRE(duration.has_value());
    CHECK(duration->count() == row.millis);
    CHECK(format_duration(*duration) == row.shortest);
    CHECK(parse_duration(format_duration(*duration)) == duration);
  }
}

TEST_CASE("durations: no sign, no fraction, no blanks, nothing above ten years") {
  for (const auto* text :
       {"", "5", "s", "-5s", "+5s", "1.5h", "5 s", " 5s", "5s ", "5S", "5min", "1h30m", "5µs", "4000d",
        "87700h", "99999999999999999999s", "9223372036854775807ms", "0x10s"}) {
    CAPTURE(text);
    CHECK(!parse_duration(text));
  }
}
