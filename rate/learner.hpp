#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "rate/ledger.hpp"
#include "rate/model.hpp"
#include "rate/pacer.hpp"
#include "rate/pathway.hpp"
#include "rate/window.hpp"

namespace usersyncd::rate {

/// Monotonic time since any beginning that stays the same while the program runs.
using Instant = std::chrono::nanoseconds;

enum class Answer {
  accepted,  ///< anything but "too fast"
  refused,   ///< "too fast"
  lost,      ///< none came
};

struct Settings {
  int most_in_flight = 8;
  /// Unix time less monotonic time, for limits by windows on the clock.
  std::chrono::nanoseconds wall_offset{0};
};

/// Learns a provider's unknown limit from what it accepts and refuses, and says when the next request may
/// leave. It begins as AIMD, and beside that keeps a set of rules that explain every answer so far. One that
/// has foretold when the provider shuts is tried in AIMD's place, and stays as long as it surprises nobody
/// and the ledger shows that it costs no more than AIMD would. So it is hardly ever worse than AIMD, and as a
/// rule far better. A pure function of time and events: no clock, no input or output, no randomness.
class Learner {
 public:
  explicit Learner(Settings settings);

  /// The earliest moment at which the next request may leave, `now` or later; asked anew after each event.
  /// Empty: not before an answer to one of those under way has come, of which there is one then.
  std::optional<Instant> ready_at(Instant now);

  void sent(Instant now);
  /// The answer to the request that left at `sent_at`.
  void answered(Instant sent_at, Instant now, Answer answer);
  /// The provider said how long to wait.
  void hint(Instant now, std::chrono::nanoseconds wait);
  /// The wall clock was set.
  void set_wall_offset(std::chrono::nanoseconds offset);

  /// What is known, for the store, and a learner that knows it. It begins with nothing under way.
  Model save(Instant now) const;
  static Learner restored(Settings settings, const Model& model, Instant now);

  /// What is believed of the limit, for people.
  std::string reason() const;
  std::size_t in_flight() const { return flights_.size(); }
  /// Bytes in use, for the bound that the tests set.
  std::size_t memory() const;

 private:
  struct Flight {
    Instant sent{0};
    Seconds arrival = 0;
    bool sure = false;  ///< nearly everything that is believed had it accepted
    bool knock = false;
    bool ruled = false;  ///< sent by a rule
  };

  std::optional<Seconds> ready(Seconds now);
  void weigh(Seconds at);
  Scene scene();
  void judge(Seconds at, bool accepted);
  void accepted(Seconds at, Seconds now, const Flight& flight);
  void refused(Seconds at, Seconds now, const Flight& flight);
  void suppose();
  void suppose_lengths(Seconds at);
  void bury();
  void forget(Seconds at);
  std::size_t kinds() const;
  void start_over();
  void watch(Seconds now, const Flight& flight, bool refused);
  void try_rule();
  Seconds patience() const;
  double mean_rate() const;
  bool confirmed() const;
  bool strong(const Window& window) const;
  void fall_back(Seconds now);
  std::optional<Seconds> ready_knock(Seconds now, Seconds open);
  void knocked(bool accepted);
  double sure_share(Seconds at) const;

  Settings settings_;
  Seconds wall_ = 0;
  Pathway pathway_;
  History accepted_{1024}, tried_{1024};
  std::vector<Flight> flights_;
  std::vector<Seconds> arrivals_;  ///< of those under way, in order
  std::vector<Window> windows_;
  Habit habit_;
  Pacer pacer_;
  bool limited_ = false;      ///< ever refused
  bool closed_ = false;       ///< refused, and nothing was accepted since
  Seconds exhausted_at_ = 0;  ///< for the first time since the limit was what it is
  Seconds opened_at_ = -never, first_refusal_ = 0, last_refusal_ = 0, last_sent_ = -never;
  double episode_ = 0;  ///< accepted since the provider opened
  int fails_ = 0;       ///< refusals in a row
  Seconds hold_ = -never;
  std::vector<Opening> openings_;
  double total_ = 0;
  double pace_ = 0;  ///< that a rule has to keep up with
  Seconds chosen_ = never;
  double surprises_ = 0;  ///< refusals where none was expected, lately
  bool ruled_ = false;    ///< by what is believed; else by AIMD
  Ledger ledger_;
  double next_trial_ = 0, trial_gap_ = 25;  ///< of a rule, in acceptances by AIMD
  Seconds trial_since_ = 0;
  double trial_accepted_ = 0;     ///< by the present rule
  bool knocked_through_ = false;  ///< the last knock was accepted
  Seconds last_surprise_ = -never;
  Seconds last_accepted_ = -never;
  double run_ = 0;  ///< accepted since the last refusal
  double since_knock_ = 0;
  double knock_after_ = 25;
  bool pause_known_ = false;  ///< counted, of those that follow
  Seconds pause_begin_ = 0;
  int pauses_ = 0, pauses_until_knock_ = 1;
  double pause_share_ = 0.5;
  bool dear_ = false;  ///< the refusal that is coming was told to cost a long wait
  Seconds last_dear_ = -never;
  Seconds least_gap_ = 0;  ///< between two requests, because the provider makes us wait long for a refusal
  double knocks_ = 0;      ///< may leave at once, as the last was accepted
};

}  // namespace usersyncd::rate
