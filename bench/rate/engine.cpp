#include "bench/rate/engine.hpp"

#include <algorithm>
#include <queue>

namespace usersyncd::bench {
namespace {

constexpr double pause_before_warm = 900;
constexpr double least_patience = 600, patience = 40;
constexpr int events_per_create = 2000;  ///< a client that does more is stuck

enum class What { arrival, answer, retry, wake };

struct Event {
  double at = 0;
  std::uint64_t number = 0;
  What what = What::wake;
  double sent = 0;
  int refusals = 0;
  bool accepted = false;

  bool operator>(const Event& other) const { return at != other.at ? at > other.at : number > other.number; }
};

/// One client against one limiter.
class Run {
 public:
  Run(const Task& task, double epoch)
      : spec_(*task.spec), limiter_(spec_, epoch, task.seed), dice_(task.seed * 1000003 + 17) {}

  /// Lets the client create `count` users from `start` on.
  Outcome play(Client& client, int count, double start, double optimum);
  double now() const { return now_; }

 private:
  void push(Event event);
  void pump(Client& client);
  void arrive(const Event& event);
  void answer(const Event& event, Client& client);
  /// How long the way takes this time that is `share` of the round trip.
  double way(double share) {
    return std::max(0.0, spec_.round_trip * share + spec_.jitter * (dice_.uniform() - 0.5));
  }

  const Spec& spec_;
  Limiter limiter_;
  Dice dice_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t number_ = 0;
  double now_ = 0, wake_ = never, last_done_ = 0;
  int pending_ = 0, busy_ = 0, done_ = 0;
  std::vector<int> retries_;  ///< how often each that waits has been refused
  Outcome outcome_;
};

void Run::push(Event event) {
  event.number = number_++;
  events_.push(event);
}

void Run::pump(Client& client) {
  while (true) {
    const bool again = !retries_.empty();
    if (!again && (pending_ == 0 || busy_ >= most_in_flight)) return;
    const double ready = client.ready_at(now_);
    if (ready > now_ + 1e-9) {
      if (ready < never && (wake_ <= now_ || ready < wake_ - 1e-9)) {
        wake_ = ready;
        push({.at = ready, .what = What::wake});
      }
      return;
    }
    int refusals = 0;
    if (again) {
      refusals = retries_.back();
      retries_.pop_back();
    } else {
      --pending_;
      ++busy_;
    }
    ++outcome_.attempts;
    client.sent(now_);
    push({.at = now_ + way(spec_.way_there), .what = What::arrival, .sent = now_, .refusals = refusals});
  }
}

void Run::arrive(const Event& event) {
  const auto [accepted, delay] = limiter_.hit(event.at);
  (accepted ? outcome_.accepted_at : outcome_.refused_at).push_back(event.at);
  push({.at = event.at + delay + way(1 - spec_.way_there),
        .what = What::answer,
        .sent = event.sent,
        .refusals = event.refusals,
        .accepted = accepted});
}

void Run::answer(const Event& event, Client& client) {
  client.answered(event.sent, event.at, event.accepted);
  if (event.accepted) {
    ++done_;
    --busy_;
    last_done_ = event.at;
    return;
  }
  ++outcome_.refused;
  if (client.keeps_place()) {
    const double wait = client.backoff(event.refusals + 1, dice_);
    push({.at = event.at + wait, .what = What::retry, .refusals = event.refusals + 1});
  } else {
    ++pending_;
    --busy_;
  }
}

Outcome Run::play(Client& client, int count, double start, double optimum) {
  events_ = {};
  retries_.clear();
  outcome_ = {};
  outcome_.optimum = optimum;
  now_ = last_done_ = start;
  wake_ = never;
  pending_ = count;
  busy_ = done_ = 0;
  const double end = start + optimum * patience + least_patience;
  pump(client);
  for (int left = count * events_per_create; left > 0 && done_ < count && !events_.empty() && now_ <= end;
       --left) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    if (event.what == What::arrival) arrive(event);
    if (event.what == What::answer) answer(event, client);
    if (event.what == What::retry) retries_.push_back(event.refusals);
    if (event.what == What::wake && event.at >= wake_ - 1e-9) wake_ = never;
    pump(client);
  }
  outcome_.finished = done_ >= count;
  outcome_.time = (outcome_.finished ? last_done_ : now_) - start;
  outcome_.reason = client.reason(now_);
  return outcome_;
}

}  // namespace

double clairvoyant(const Spec& spec, double epoch, std::uint64_t seed, double start, int count) {
  Limiter limiter{spec, epoch, seed};
  const double gap = spec.round_trip / most_in_flight;
  double at = start + spec.round_trip * spec.way_there;
  double done = at;
  for (int i = 0; i < count; ++i) {
    if (i > 0) at += gap;
    Rule::Answer answer;
    while (true) {
      at = limiter.open_at(at);
      answer = limiter.hit(at);
      if (answer.accepted) break;
      at += 1e-6;  // rounding
    }
    done = std::max(done, at + answer.delay);
  }
  return done + spec.round_trip * (1 - spec.way_there) - start;
}

Outcome play(const Task& task) {
  // Somewhere in the year, so that windows on the clock begin anywhere.
  const double epoch = 1.8e9 + Dice{task.seed + 99}.between(0, 3600);
  const bool warm = task.client == "warm", again = task.client == "aimd-again";
  auto client = make_client(warm ? "learn" : again ? "aimd" : task.client, epoch);
  Run run{task, epoch};
  auto outcome = run.play(*client, task.count, 0, clairvoyant(*task.spec, epoch, task.seed, 0, task.count));
  if ((!warm && !again) || !outcome.finished) return outcome;
  const double start = run.now() + pause_before_warm;
  client = client->restarted(start);
  return run.play(*client, task.count, start, clairvoyant(*task.spec, epoch, task.seed, start, task.count));
}

}  // namespace usersyncd::bench
