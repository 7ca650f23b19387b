#include "rate/aimd.hpp"

#include <doctest/doctest.h>

namespace usersyncd::rate {
namespace {

/// Refused as long as `times` says, each time as soon as AIMD asks again.
void refuse(Aimd& aimd, Seconds& now, int times) {
  for (int i = 0; i < times; ++i) {
    now = aimd.ready_at(now);
    aimd.sent(now);
    aimd.refused(now, now + 0.05);
    now += 0.05;
  }
}

TEST_CASE("AIMD that has become as slow as it gets goes on, however often it is refused") {
  Aimd aimd;
  Seconds now = 0;
  for (int round = 0; round < 20; ++round) {
    refuse(aimd, now, 30);
    const auto slowest = aimd.rate();
    CHECK(slowest > 0.01);
    now += 0.01;
    aimd.accepted(now, 160);
    CHECK(aimd.rate() >= slowest);
    CHECK(aimd.ready_at(now) - now <= 1 / slowest + 1);
  }
}

}  // namespace
}  // namespace usersyncd::rate
