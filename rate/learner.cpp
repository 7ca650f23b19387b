#include "rate/learner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "rate/memory.hpp"

namespace usersyncd::rate {
namespace {

constexpr double share_wanted = 0.18;  // of what is believed, to send
constexpr double share_sure = 0.8;
constexpr Seconds shortest_window = 0.9;  ///< shorter ones are the pace's work
constexpr std::chrono::minutes longest_flight{10};
constexpr double first_knock = 25, rarest_knock = 200;  ///< after so many accepted
constexpr double pause_knock = 80;                      ///< or at the next pause after so many
constexpr Seconds least_pause = 0.5;
constexpr double surprise_decay = 0.95, most_surprises = 3;
constexpr double confirmed_bits = 9;
constexpr double least_limit = 3, most_rate = 12;  ///< of a window; else an even pace does as well
constexpr double as_good = 0.8;                    ///< of an even pace's throughput, a rule must reach,
constexpr double lead = 5;                         ///< acceptances aside
constexpr double few_measured = 3, guessed_share = 0.5;
constexpr double least_shut = 0.2;
constexpr double long_pause = 4;
constexpr double requests_per_step = 10;
constexpr double refusals_to_try = 2;  ///< that a rule may cost, before it is tried
constexpr double small_burst = 4;      ///< that is not worth a ramp after a restart
constexpr double share_kept = 0.7;     ///< of the rate before, after a rule has failed
constexpr double longest_trial_gap = 5000;
constexpr Seconds dear_wait = 60;   ///< a refusal that costs so long is not worth what it teaches,
constexpr double few_for_it = 100;  ///< if no more than so many were accepted before it
constexpr Seconds first_gap = 0.25, longest_gap = 20;

Seconds seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::chrono::nanoseconds nanoseconds(Seconds time) {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(std::ceil(time * 1e9))};
}

struct Usual {
  Seconds length;
  double weight;
};
constexpr std::array<Usual, 14> usual_lengths{{{1, 1.5},
                                               {2, 0.6},
                                               {5, 1},
                                               {10, 1.3},
                                               {15, 1},
                                               {20, 0.6},
                                               {30, 1},
                                               {60, 2},
                                               {120, 0.6},
                                               {300, 1},
                                               {600, 1},
                                               {900, 1},
                                               {1800, 0.6},
                                               {3600, 1.5}}};
std::string to_text(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", number);
  return text.data();
}

constexpr std::array<double, 6> kind_weights{1, 1, 0.8, 0.6, 0.4, 0.5};

}  // namespace

Learner::Learner(Settings settings) : settings_(settings), wall_(seconds(settings.wall_offset)) {}

void Learner::set_wall_offset(std::chrono::nanoseconds offset) {
  settings_.wall_offset = offset;
  wall_ = seconds(offset);
}

Scene Learner::scene() {
  arrivals_.clear();
  for (const auto& flight : flights_) arrivals_.push_back(flight.arrival);
  std::sort(arrivals_.begin(), arrivals_.end());
  return {accepted_, tried_, arrivals_, pathway_.jitter(), pathway_.way(), wall_};
}

std::optional<Instant> Learner::ready_at(Instant now) {
  const auto at = ready(seconds(now));
  if (!at) return std::nullopt;
  return std::max(now, nanoseconds(std::max(*at, last_sent_ + least_gap_)));
}

void Learner::weigh(Seconds at) {
  openings_.clear();
  const auto seen = scene();
  for (const auto& window : windows_) window.openings(seen, at, openings_);
  std::sort(openings_.begin(), openings_.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  total_ = 0;
  for (const auto& opening : openings_) total_ += opening.weight;
  chosen_ = never;
  double passed = 0;
  for (const auto& opening : openings_) {
    passed += opening.weight;
    if (passed < share_wanted * total_) continue;
    chosen_ = opening.at;
    break;
  }
}

double Learner::sure_share(Seconds at) const {
  double open = 0;
  for (const auto& opening : openings_) open += opening.at <= at + 1e-6 ? opening.weight : 0;
  return total_ > 0 ? open / total_ : 0;
}

std::optional<Seconds> Learner::ready(Seconds now) {
  if (static_cast<int>(flights_.size()) >= settings_.most_in_flight) return std::nullopt;
  if (!ruled_) {
    if ((closed_ || pacer_.one_at_a_time()) && !flights_.empty()) return std::nullopt;
    return std::max(pacer_.ready_at(now), hold_);
  }
  // While it is not what it was taken for, one tells as much as many.
  if (closed_ && last_surprise_ > last_accepted_ && !flights_.empty()) return std::nullopt;
  if (now > patience() && flights_.empty()) {
    fall_back(now);
    return ready(now);
  }
  const Seconds at = now + pathway_.way();
  weigh(at);
  Seconds open = std::min(chosen_, patience() + 0.001 + pathway_.way());
  const auto flying = static_cast<double>(flights_.size());
  double room = sure_share(open) >= share_sure ? settings_.most_in_flight : 1;
  // After a long pause the first tells whether the others may follow.
  if (flying > 0 && now - last_accepted_ > long_pause) return std::nullopt;
  // A new rule sends one by one at first, so that a mistake is not made eight times.
  room = std::min(room, 1 + std::floor(trial_accepted_ / requests_per_step));
  if (flying >= room) return std::nullopt;
  if (open == never) {
    if (!flights_.empty()) return std::nullopt;
    open = last_refusal_ + std::min(60.0, 0.05 * std::pow(2, std::min(fails_, 12)));
  }
  // Who was refused and knows no better is to ask less and less often.
  if (fails_ > 2)
    open = std::max(open, last_refusal_ + std::min(60.0, 0.05 * std::pow(1.6, std::min(fails_, 16))));
  if (flights_.empty() && open > at) {
    if (const auto knock = ready_knock(now, open - pathway_.way())) return std::max({now, *knock, hold_});
  }
  return std::max({now, open - pathway_.way(), hold_});
}

/// A limit that was raised, or is taken for lower than it is, is not noticed by keeping to it: now and then
/// one more is sent than is believed to be accepted.
std::optional<Seconds> Learner::ready_knock(Seconds now, Seconds open) {
  if (closed_ || ledger_.refusals_left() < 1) return std::nullopt;
  if (knocks_ > 0) return now;
  if (open - now > least_pause || pause_known_) {
    // In the middle of the first pause, the second, the fourth and so on.
    if (!pause_known_) {
      pause_known_ = true;
      pause_begin_ = now;
      ++pauses_;
    }
    const Seconds early = pause_begin_ + pause_share_ * (open - pause_begin_);
    if ((pauses_ >= pauses_until_knock_ || since_knock_ >= pause_knock) && early < open)
      return std::max(now, early);
  }
  return since_knock_ >= knock_after_ ? std::optional{now} : std::nullopt;
}

void Learner::knocked(bool accepted) {
  since_knock_ = 0;
  knocked_through_ = accepted;
  if (accepted) {
    knock_after_ = first_knock;
    pauses_until_knock_ = 1;
    pause_share_ = 0.5;
    return;
  }
  knock_after_ = std::min(rarest_knock, knock_after_ * 2);
  pauses_until_knock_ = std::min(64, pauses_until_knock_ * 2);
  pause_share_ = pause_share_ > 0.75 ? 0.5 : pause_share_ + 0.15;
  pauses_ = 0;
}

void Learner::sent(Instant now) {
  const Seconds at = seconds(now) + pathway_.way();
  Flight flight{now, at, false, false, ruled_};
  if (limited_) {
    pause_known_ = false;
  }
  if (ruled_) {
    weigh(at);
    flight.sure = sure_share(at) >= share_sure;
    flight.knock = chosen_ > at + 0.001;
  }
  pacer_.sent(seconds(now));
  // One whose answer nobody told of is lost.
  std::erase_if(flights_, [&](const auto& old) { return now - old.sent > longest_flight; });
  forget(at);
  flights_.push_back(flight);
  last_sent_ = seconds(now);
}

/// What no window reaches back to.
void Learner::forget(Seconds at) {
  if (at - last_sent_ < 60 && accepted_.size() < 900) return;
  constexpr Seconds longest = 2 * 3600;
  accepted_.forget_before(at - longest);
  tried_.forget_before(at - longest);
}

void Learner::answered(Instant sent_at, Instant now, Answer answer) {
  const auto found =
      std::find_if(flights_.begin(), flights_.end(), [&](const auto& f) { return f.sent == sent_at; });
  if (found == flights_.end()) return;
  const Flight flight = *found;
  flights_.erase(found);
  if (answer == Answer::lost) return;
  const Seconds left = seconds(sent_at), back = seconds(now);
  pathway_.answered(back - left);
  const Seconds at = pathway_.arrival(left, back);
  if (limited_) judge(at, answer == Answer::accepted);
  tried_.add(at);
  if (answer == Answer::accepted) {
    accepted(at, back, flight);
  } else {
    refused(at, back, flight);
  }
}

/// Before the answer is part of the history.
void Learner::judge(Seconds at, bool accepted) {
  arrivals_.clear();
  for (const auto& flight : flights_) {
    if (flight.arrival <= at) arrivals_.push_back(flight.arrival);
  }
  std::sort(arrivals_.begin(), arrivals_.end());
  const Scene before{accepted_, tried_, arrivals_, pathway_.jitter(), pathway_.way(), wall_};
  for (auto& window : windows_) window.judge(window.forecast(before, at), accepted, habit_);
  habit_.answered(accepted);
}

void Learner::accepted(Seconds at, Seconds now, const Flight& flight) {
  accepted_.add(at);
  fails_ = 0;
  run_ += 1;
  if (run_ >= few_for_it) least_gap_ = 0;
  last_accepted_ = now;
  if (!limited_) {
    ledger_.answered(false, false);
    pacer_.accepted(seconds(flight.sent), now, pathway_.round_trip(), settings_.most_in_flight);
    if (opened_at_ == -never) opened_at_ = at;
    episode_ += 1;
    return;
  }
  const auto seen = scene();
  const bool opens = closed_ && at > last_refusal_;
  for (auto& window : windows_) {
    if (opens) window.opened(seen, last_refusal_, at);
    window.answered(seen, at, true);
  }
  since_knock_ += 1;
  if (flight.knock) knocked(true);
  knocks_ = flight.knock ? knocks_ + 1 : std::max(0.0, knocks_ - 1);
  bury();
  watch(now, flight, false);
  if (opens) {
    suppose_lengths(at);
    closed_ = false;
    opened_at_ = at;
    episode_ = 0;
  }
  episode_ += 1;
}

void Learner::refused(Seconds at, Seconds now, const Flight& flight) {
  ++fails_;
  // So few for so long a wait: slower is faster. What had left before the last refusal is part of it.
  if (dear_ && run_ < few_for_it && seconds(flight.sent) >= last_dear_) {
    least_gap_ = std::clamp(2 * least_gap_, first_gap, longest_gap);
    last_dear_ = now;
  }
  dear_ = false;
  run_ = 0;
  if (!limited_) {
    suppose();
    exhausted_at_ = at;
  }
  if (!closed_) first_refusal_ = at;
  closed_ = true;
  last_refusal_ = std::max(last_refusal_, at);
  const auto seen = scene();
  for (auto& window : windows_) window.answered(seen, at, false);
  knocks_ = 0;
  if (flight.knock) knocked(false);
  bury();
  watch(now, flight, true);
}

/// Whether what is believed holds; if not, the pace takes over and everything is learnt anew beside it.
void Learner::watch(Seconds now, const Flight& flight, bool refused) {
  ledger_.answered(flight.ruled, refused);
  if (!ruled_) {
    if (refused) {
      pacer_.refused(seconds(flight.sent), now);
    } else {
      pacer_.accepted(seconds(flight.sent), now, pathway_.round_trip(), settings_.most_in_flight);
    }
    if (windows_.empty()) start_over();
    // As the provider opens, so that a rule is judged by whole windows.
    if (closed_ && !refused) try_rule();
    return;
  }
  trial_accepted_ += refused ? 0 : 1;
  surprises_ *= refused ? 1 : surprise_decay;
  // What left before the last surprise came back is part of it.
  if (refused && flight.sure && !flight.knock && seconds(flight.sent) >= last_surprise_) {
    surprises_ += 1;
    last_surprise_ = now;
  }
  const bool wrong = surprises_ >= most_surprises || !confirmed() || now > patience();
  if (!wrong && ledger_.refusals_left() >= 0) return;
  fall_back(now);
  if (!wrong) return;
  start_over();
  exhausted_at_ = last_refusal_;
}

/// Until when a rule may let through less than an even pace would.
Seconds Learner::patience() const {
  return pace_ > 0 ? trial_since_ + (trial_accepted_ + lead) / (as_good * pace_) : never;
}

/// What came through in a second since the provider was first exhausted; a guess, while that is little.
double Learner::mean_rate() const {
  const double through = accepted_.count_since(exhausted_at_);
  if (through >= few_measured) return through / (last_accepted_ - exhausted_at_);
  return guessed_share * static_cast<double>(accepted_.size()) / (last_accepted_ - accepted_.first());
}

void Learner::try_rule() {
  if (ledger_.paced() < next_trial_ || !confirmed()) return;
  if (ledger_.refusals_left() < refusals_to_try) return;
  ruled_ = true;
  surprises_ = trial_accepted_ = 0;
  trial_since_ = last_accepted_;
  pace_ = mean_rate();
  knocked_through_ = false;
}

/// Whether a rule has foretold when the provider shuts.
bool Learner::strong(const Window& window) const {
  return window.known() && window.limit() >= least_limit && window.limit() < most_rate * window.length() &&
         window.bits() >= confirmed_bits;
}

/// Whether one rule stands out that has foretold refusals.
bool Learner::confirmed() const {
  return std::any_of(windows_.begin(), windows_.end(), [this](const auto& w) { return strong(w); });
}

/// Back to the pace, for longer each time.
void Learner::fall_back(Seconds now) {
  ruled_ = false;
  next_trial_ = ledger_.paced() + trial_gap_;
  trial_gap_ = std::min(longest_trial_gap, 2 * trial_gap_);
  if (knocked_through_) return pacer_.start(now, 0);  // the limit was raised, nobody knows how far
  double rate = share_kept * (pacer_.rate() > 0 ? pacer_.rate() : pace_);
  if (trial_accepted_ >= requests_per_step) {
    rate = std::max(rate, trial_accepted_ / std::max(1.0, now - trial_since_));
  }
  pacer_.resume(rate, now);
}

std::size_t Learner::kinds() const {
  return kind_weights.size() - (pathway_.jitter() > pathway_.way() ? 1 : 0);
}

void Learner::start_over() {
  windows_.clear();
  for (const auto& usual : usual_lengths) {
    for (std::size_t kind = 0; kind < kinds(); ++kind) {
      windows_.emplace_back(static_cast<Kind>(kind), usual.length, usual.weight * kind_weights[kind]);
    }
  }
}

/// The usual windows, after the first refusal.
void Learner::suppose() {
  limited_ = true;
  const double count = std::max<double>(1, static_cast<double>(accepted_.size()));
  const auto times = accepted_.times();
  for (const auto& usual : usual_lengths) {
    const double rate = count / usual.length;
    const double plausible = rate > 0.12 && rate < 200 ? 1 : 0.15;
    for (std::size_t kind = 0; kind < kinds(); ++kind) {
      Window window{static_cast<Kind>(kind), usual.length, usual.weight * kind_weights[kind] * plausible};
      windows_.push_back(window);
    }
  }
  // What was accepted before is evidence, too.
  History accepted_before{1024};
  const std::vector<Seconds> none;
  for (const auto time : times) {
    accepted_before.add(time);
    const Scene before{accepted_before, accepted_before, none, pathway_.jitter(), pathway_.way(), wall_};
    for (auto& window : windows_) window.answered(before, time, true);
  }
}

/// Windows of unusual lengths, once the provider has opened again.
void Learner::suppose_lengths(Seconds at) {
  if (episode_ < 1 || opened_at_ == -never) return;
  const Seconds m = pathway_.jitter();
  for (const auto kind : {Kind::sliding, Kind::first, Kind::clock}) {
    const bool have = std::any_of(windows_.begin(), windows_.end(),
                                  [&](const auto& window) { return window.free() && window.kind() == kind; });
    if (have) continue;
    const Seconds shortest = last_refusal_ - opened_at_ - m;
    if (at - opened_at_ + m < shortest_window) continue;
    // A window stays shut for a good part of its length; what opens again at once is a bucket.
    if (at - first_refusal_ < least_shut * (at - opened_at_)) continue;
    Window window{kind, shortest, kind == Kind::clock ? never : at - opened_at_ + m, episode_, 0.5};
    const auto seen = scene();
    if (kind == Kind::clock) window.opened(seen, last_refusal_, at);
    if (kind == Kind::first) window.answered(seen, at, true);
    windows_.push_back(window);
  }
}

void Learner::bury() {
  std::erase_if(windows_, [](const auto& w) { return !w.alive() || w.longest() < shortest_window; });
}

void Learner::hint(Instant now, std::chrono::nanoseconds wait) {
  dear_ = seconds(wait) >= dear_wait;
  hold_ = std::max(hold_, seconds(now) + std::max(0.0, seconds(wait)));
}

std::size_t Learner::memory() const {
  return sizeof *this + accepted_.memory() + tried_.memory() + flights_.capacity() * sizeof(Flight) +
         arrivals_.capacity() * sizeof(Seconds) + windows_.capacity() * sizeof(Window) + pacer_.memory() +
         openings_.capacity() * sizeof(Opening);
}

Model Learner::save(Instant now) const {
  constexpr Seconds longest = 2 * 3600;
  constexpr std::size_t most_rules = 80;
  Model model;
  pathway_.save(model);
  model.limited = limited_ ? 1 : 0;
  model.ruled = ruled_ ? 1 : 0;
  model.ramp = limited_ ? 0 : pacer_.rate();
  model.limit = ruled_ ? pace_ : pacer_.limit();
  model.burst = pacer_.burst();
  for (const auto& window : windows_) {
    if (strong(window) && model.rules.size() < most_rules) model.rules.push_back(window.save(wall_));
  }
  model.accepted = stretches_of(accepted_, seconds(now) - longest, wall_);
  model.tried = stretches_of(tried_, seconds(now) - longest, wall_);
  return model;
}

Learner Learner::restored(Settings settings, const Model& model, Instant now) {
  Learner learner{settings};
  const Seconds at = seconds(now);
  learner.pathway_.restore(model);
  learner.pace_ = model.limit;
  if (model.ruled == 0) {
    if (model.limit > 0 && model.burst < small_burst) {
      learner.pacer_.resume(model.limit, at);
    } else {
      learner.pacer_.start(at, model.ramp, model.limit);
    }
    return learner;
  }
  learner.limited_ = model.limited != 0;
  learner.ruled_ = true;
  learner.trial_since_ = at;
  learner.ledger_.start(true);
  learner.pacer_.start(at, 0, model.limit);
  for (const auto& rule : model.rules) learner.windows_.push_back(Window::restored(rule, learner.wall_));
  remember(model.accepted, at, learner.wall_, learner.accepted_);
  remember(model.tried, at, learner.wall_, learner.tried_);
  return learner;
}

std::string Learner::reason() const {
  if (least_gap_ > 0) return "refusals cost long waits: " + to_text(least_gap_) + " s between requests";
  if (!ruled_) {
    if (pacer_.limit() > 0) return "about " + to_text(pacer_.limit()) + " requests per second";
    return limited_ ? "refused, and not measured yet" : "not known yet";
  }
  const Window* best = nullptr;
  for (const auto& window : windows_) {
    if (window.known() && (best == nullptr || window.weight() > best->weight())) best = &window;
  }
  return best == nullptr ? "a window not known yet" : best->name();
}

}  // namespace usersyncd::rate
