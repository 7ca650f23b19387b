#include "rate/learner.hpp"

#include <doctest/doctest.h>

#include <deque>

namespace usersyncd::rate {
namespace {

using namespace std::chrono_literals;

/// Plays a learner against a rule, with 20 ms for the round trip.
struct Stage {
  Learner learner{Settings{}};
  Instant now = 100s;
  Instant late{0};  ///< by how much a timer wakes us late
  struct Request {
    Instant sent, back;
    Answer answer;
  };
  std::deque<Request> under_way;
  int accepted = 0, refused = 0;
  std::vector<Instant> taken;  ///< what the provider accepted

  bool at_most(std::size_t limit, Instant window, Instant at) {
    std::erase_if(taken, [&](Instant then) { return then <= at - window; });
    if (taken.size() >= limit) return false;
    taken.push_back(at);
    return true;
  }

  void answer_next() {
    const auto request = under_way.front();
    under_way.pop_front();
    now = std::max(now, request.back);
    learner.answered(request.sent, now, request.answer);
    accepted += request.answer == Answer::accepted ? 1 : 0;
    refused += request.answer == Answer::refused ? 1 : 0;
  }

  template <class Rule>
  void create(int count, Rule rule, Instant trip = 20ms) {
    for (const int wanted = accepted + count; accepted < wanted;) {
      const auto ready = learner.ready_at(now);
      const bool first = !under_way.empty() && (!ready || under_way.front().back <= *ready);
      if (first) {
        answer_next();
        continue;
      }
      REQUIRE(ready.has_value());
      REQUIRE(*ready >= now);
      REQUIRE(*ready - now < 2h);
      now = *ready > now ? *ready + late : now;
      learner.sent(now);
      under_way.push_back({now, now + trip, rule(now + trip / 2)});
    }
    while (!under_way.empty()) answer_next();
  }
};

const auto never_refuses = [](Instant) { return Answer::accepted; };

TEST_CASE("without a limit it gets as fast as eight under way allow within seconds") {
  Stage stage;
  const auto start = stage.now;
  stage.create(1000, never_refuses);
  CHECK(stage.now - start <= 2800ms);
  CHECK(stage.learner.reason() == "not known yet");
  CHECK(stage.learner.in_flight() == 0);
}

TEST_CASE("timers that wake late do not add up to a slower pace") {
  Stage stage;
  stage.late = 1ms;
  const auto start = stage.now;
  stage.create(1000, never_refuses);
  CHECK(stage.now - start <= 2900ms);
}

TEST_CASE("a window is learnt in few refusals, and kept to") {
  Stage stage;
  const auto rule = [&](Instant at) {
    return stage.at_most(20, 10s, at) ? Answer::accepted : Answer::refused;
  };
  stage.create(400, rule);
  const int refused = stage.refused;
  CHECK(refused <= 40);
  stage.create(200, rule);
  CHECK(stage.refused - refused <= 6);
}

TEST_CASE("a hint is obeyed, and only ever lengthens the wait") {
  Stage stage;
  stage.learner.hint(stage.now, 30s);
  CHECK(stage.learner.ready_at(stage.now) >= stage.now + 30s);
  stage.learner.hint(stage.now, 10s);
  CHECK(stage.learner.ready_at(stage.now) >= stage.now + 30s);
  stage.learner.hint(stage.now, -5s);
  CHECK(stage.learner.ready_at(stage.now + 31s) == stage.now + 31s);
}

TEST_CASE("requests that were never answered leave their place") {
  Stage stage;
  for (int i = 0; i < 50; ++i) {
    const auto ready = stage.learner.ready_at(stage.now);
    REQUIRE(ready);
    stage.learner.sent(*ready);
    stage.learner.answered(*ready, *ready + 5s, Answer::lost);
    stage.now = *ready + 5s;
  }
  CHECK(stage.learner.in_flight() == 0);
  stage.learner.answered(1s, stage.now, Answer::refused);  // of a request that never left
  CHECK(stage.learner.reason() == "not known yet");
}

TEST_CASE("with nothing under way there is always a date") {
  Stage stage;
  int refusals = 0;
  for (; refusals < 200; ++refusals) {
    const auto ready = stage.learner.ready_at(stage.now);
    REQUIRE(ready);
    CHECK(*ready - stage.now < 2h);
    stage.learner.sent(*ready);
    stage.now = *ready + 20ms;
    stage.learner.answered(*ready, stage.now, Answer::refused);
  }
  CHECK(stage.now > 100s + 30min);  // and not hammered
}

TEST_CASE("what is known survives a restart, as text") {
  Stage stage;
  const auto rule = [&](Instant at) {
    return stage.at_most(20, 10s, at) ? Answer::accepted : Answer::refused;
  };
  stage.create(400, rule);
  const auto text = stage.learner.save(stage.now).text();
  CHECK(text.size() < 16384);
  const auto model = Model::parse(text);
  REQUIRE(model);
  CHECK(model->text() == text);
  stage.now += 15min;
  stage.learner = Learner::restored(Settings{}, *model, stage.now);
  const int refused = stage.refused;
  stage.create(200, rule);
  CHECK(stage.refused - refused <= 6);
}

TEST_CASE("garbage in the store is nothing known") {
  Stage stage;
  stage.create(10, never_refuses);
  const auto good = stage.learner.save(stage.now).text();
  REQUIRE(Model::parse(good));
  for (const std::string bad : {"", "\n", "rate-model 4", "rate-model 4\n", "rate-model 1\nn 1\n", "{}",
                                "rate-model 4\nn nan\n", "rate-model 4\nz 1\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(Model::parse(bad));
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x15);
    if (const auto model = Model::parse(bad)) {
      auto learner = Learner::restored(Settings{}, *model, stage.now);
      CHECK(learner.ready_at(stage.now));
    }
    CHECK_NOTHROW(Model::parse(good.substr(0, i)));
  }
}

TEST_CASE("the wall clock may jump") {
  Stage stage;
  const auto rule = [&](Instant at) {
    return stage.at_most(20, 10s, at) ? Answer::accepted : Answer::refused;
  };
  stage.create(200, rule);
  for (const auto offset : {5h, -7h, 1h}) {
    stage.learner.set_wall_offset(offset);
    const auto start = stage.now;
    stage.create(100, rule);
    CHECK(stage.now - start < 300s);
  }
}

TEST_CASE("memory is bounded") {
  Stage stage;
  const auto rule = [&](Instant at) {
    return stage.at_most(100, 1s, at) ? Answer::accepted : Answer::refused;
  };
  stage.create(20000, rule);
  CHECK(stage.learner.memory() < 128 * 1024);
  CHECK(Learner{Settings{}}.memory() <= 2048);
}

TEST_CASE("a provider that makes us wait an hour for each refusal is not pressed for ever") {
  // Two a second and six at once, and seventeen wanted each time: a burst never gets to the end.
  const auto at = [](double seconds) { return Instant{static_cast<std::int64_t>(seconds * 1e9)}; };
  Settings settings;
  settings.most_in_flight = 2;
  Learner learner{settings};
  double tokens = 6, refilled = 0;
  int whole = 0;
  for (int hour = 0; hour < 24; ++hour) {
    const double begin = hour * 3700;
    double now = begin;
    int left = 17;
    while (left > 0 && now < begin + 600) {
      const auto ready = learner.ready_at(at(now));
      REQUIRE(ready.has_value());  // nothing is under way
      now = std::max(now, std::chrono::duration<double>(*ready).count());
      learner.sent(at(now));
      tokens = std::min(6.0, tokens + (now - refilled) * 2);
      refilled = now;
      const bool accepted = tokens >= 1;
      if (!accepted) learner.hint(at(now + 0.1), 1h);
      learner.answered(at(now), at(now + 0.1), accepted ? Answer::accepted : Answer::refused);
      if (!accepted) break;
      tokens -= 1;
      --left;
      now += 0.1;
    }
    whole += left == 0 ? 1 : 0;
  }
  CHECK(whole >= 6);
}

}  // namespace
}  // namespace usersyncd::rate
