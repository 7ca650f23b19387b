#include <chrono>
#include <cmath>

#include "bench/rate/client.hpp"
#include "bench/rate/limiter.hpp"
#include "rate/learner.hpp"

namespace usersyncd::bench {

std::unique_ptr<Client> make_learner(double epoch);

namespace {

std::chrono::nanoseconds instant(double seconds) {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(std::llround(seconds * 1e9))};
}

/// The learner of the daemon.
class Learning : public Client {
 public:
  Learning(rate::Learner learner, double epoch) : learner_(std::move(learner)), epoch_(epoch) {}

  double ready_at(double now) override {
    const auto at = learner_.ready_at(instant(now));
    return at ? std::chrono::duration<double>(*at).count() : never;
  }
  void sent(double now) override { learner_.sent(instant(now)); }
  void answered(double sent_at, double now, bool accepted) override {
    learner_.answered(instant(sent_at), instant(now),
                      accepted ? rate::Answer::accepted : rate::Answer::refused);
  }
  std::unique_ptr<Client> restarted(double now) override {
    const auto model = rate::Model::parse(learner_.save(instant(now)).text());
    if (!model) return make_learner(epoch_);
    const rate::Settings settings{.most_in_flight = most_in_flight, .wall_offset = instant(epoch_)};
    return std::make_unique<Learning>(rate::Learner::restored(settings, *model, instant(now)), epoch_);
  }
  std::string reason(double) override { return learner_.reason(); }

 private:
  rate::Learner learner_;
  double epoch_;
};

}  // namespace

std::unique_ptr<Client> make_learner(double epoch) {
  return std::make_unique<Learning>(
      rate::Learner{{.most_in_flight = most_in_flight, .wall_offset = instant(epoch)}}, epoch);
}

}  // namespace usersyncd::bench
