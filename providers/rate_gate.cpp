#include "providers/rate_gate.hpp"

#include <algorithm>
#include <charconv>

namespace usersyncd {
namespace {

constexpr Duration soon{5};                // where only an answer can tell, how soon to ask again,
constexpr int share_of_wait = 4;           // or after this share of the time since the last request left
constexpr Duration behind_others{1};       // how soon a write asks again whether the others are through
constexpr int gaps_of_patience = 3;        // that a write waits,
constexpr Duration most_patience{60'000};  // if they are not longer than this together
constexpr Duration clock_tolerance{500};   // two clocks tell the same moment a little differently each time
constexpr Duration worth_telling{1'000};   // shorter waits are pacing, and nobody's business

// What save() writes before the model while the provider has asked to be left alone.
constexpr std::string_view closed_mark = "closed ";  // then until when, in milliseconds, and why

struct Memory {
  std::string model;
  std::optional<Time> closed_until;
  std::string reason;
};

Memory read_memory(const std::string& text) {
  Memory memory;
  memory.model = text;
  const auto end = text.find('\n');
  if (!text.starts_with(closed_mark) || end == std::string::npos) return memory;
  memory.model = text.substr(end + 1);
  const char* first = text.data() + closed_mark.size();
  std::int64_t millis = 0;
  const auto [rest, bad] = std::from_chars(first, text.data() + end, millis);
  if (bad != std::errc{} || *rest != ' ') return memory;
  memory.closed_until = time_from_millis(millis);
  memory.reason.assign(rest + 1, text.data() + end);
  return memory;
}

rate::Learner learner_from(const std::string& memory, const rate::Settings& settings, rate::Instant now) {
  const auto model = memory.empty() ? std::nullopt : rate::Model::parse(memory);
  return model ? rate::Learner::restored(settings, *model, now) : rate::Learner{settings};
}

}  // namespace

RateGate::RateGate(Clock& clock, std::size_t most_in_flight, const std::string& memory)
    : clock_(clock),
      most_in_flight_(most_in_flight),
      wall_offset_(clock.now().time_since_epoch() - clock.steady()),
      learner_(learner_from(read_memory(memory).model, settings(), clock.steady())),
      last_sent_(clock.steady()) {
  const auto known = read_memory(memory);
  if (!known.closed_until || *known.closed_until <= clock.now()) return;
  // No longer than any hint holds, however the clock was set meanwhile.
  closed_until_ = clock.steady() + std::min<Duration>(*known.closed_until - clock.now(), last_longest);
  reason_ = known.reason;
}

rate::Settings RateGate::settings() const {
  rate::Settings settings;
  settings.most_in_flight = static_cast<int>(most_in_flight_);
  settings.wall_offset = wall_offset_;
  return settings;
}

void RateGate::follow_wall_clock() {
  const Duration offset = clock_.now().time_since_epoch() - clock_.steady();
  if (std::chrono::abs(offset - wall_offset_) < clock_tolerance) return;
  wall_offset_ = offset;
  learner_.set_wall_offset(offset);
}

Duration RateGate::learned_delay() const {
  const Duration now = clock_.steady();
  const Duration longest = std::max(Duration{0}, last_sent_ + longest_wait_ - now);
  const auto ready = learner_.ready_at(now);
  const Duration until_answer = std::max(soon, (now - last_sent_) / share_of_wait);
  const Duration learned = ready ? std::chrono::ceil<Duration>(*ready) - now : until_answer;
  return std::min(learned, longest);
}

Duration RateGate::delay() const {
  return std::max({closed_until_ - clock_.steady(), learned_delay(), Duration{0}});
}

Awaitable<RateGate::Passage> RateGate::pass(Duration patience, Kind kind) {
  const std::uint64_t ticket = tickets_++;
  auto& waiting = kind == Kind::read ? reads_waiting_ : writes_waiting_;
  waiting.insert(ticket);
  const Passage passage = co_await wait_for_turn(ticket, patience, kind);
  waiting.erase(ticket);
  co_return passage;
}

bool RateGate::is_behind(std::uint64_t ticket, Kind kind) const {
  if (kind == Kind::read) return false;
  const bool reads = !reads_waiting_.empty() && *reads_waiting_.begin() < ticket + most_in_flight_;
  return reads || *writes_waiting_.begin() < ticket;
}

Awaitable<RateGate::Passage> RateGate::wait_for_turn(std::uint64_t ticket, Duration patience, Kind kind) {
  Duration since = clock_.steady();
  while (!clock_.stopping()) {
    follow_wall_clock();
    Duration wait = delay();
    if (is_behind(ticket, kind)) {
      wait = std::max(wait, behind_others);
      since = clock_.steady() + wait;
    }
    if (wait <= Duration{0}) co_return Passage::open;
    // Not where the provider has told how long: the world may be another by then.
    const bool paced = kind == Kind::write && closed_until_ <= clock_.steady();
    if (paced) patience = std::max(patience, std::min(gaps_of_patience * wait, most_patience));
    // Asked anew after each wait: others may have been refused meanwhile.
    const bool too_long = wait > patience || clock_.steady() - since + wait > patience;
    if (too_long) co_return Passage::too_long;
    const bool slept = co_await clock_.sleep_for(wait);
    if (!slept) break;
  }
  co_return Passage::stopping;
}

void RateGate::sent(Duration sent_at) {
  last_sent_ = sent_at;
  learner_.sent(sent_at);
}

void RateGate::answered(Duration sent_at, rate::Answer answer) {
  learner_.answered(sent_at, clock_.steady(), answer);
}

void RateGate::refused(Duration sent_at, std::optional<Duration> hint, std::string reason) {
  reason_ = std::move(reason);
  longest_wait_ = std::min(last_longest, 2 * longest_wait_);
  if (hint) {
    const Duration now = clock_.steady();
    learner_.hint(now, *hint);
    closed_until_ = std::max(closed_until_, now + *hint);
  }
  answered(sent_at, rate::Answer::refused);
}

void RateGate::accepted(Duration sent_at) {
  longest_wait_ = first_longest;
  answered(sent_at, rate::Answer::accepted);
}

void RateGate::lost(Duration sent_at) {
  answered(sent_at, rate::Answer::lost);
}

void RateGate::hold(Duration wait, std::string reason) {
  const Duration until = clock_.steady() + wait;
  if (until <= closed_until_) return;
  closed_until_ = until;
  reason_ = std::move(reason);
}

std::optional<RateGate::Waiting> RateGate::waiting() const {
  const Duration left = delay();
  const bool told = closed_until_ > clock_.steady() || left >= worth_telling;
  if (left <= Duration{0} || !told) return std::nullopt;
  const std::string learned = learner_.reason();
  const std::string reason = reason_.empty() ? learned : reason_ + "; " + learned;
  return Waiting{clock_.now() + left, reason};
}

std::string RateGate::save() const {
  auto model = learner_.save(clock_.steady()).text();
  const Duration left = closed_until_ - clock_.steady();
  if (left < worth_telling) return model;
  std::string why = reason_;
  std::replace(why.begin(), why.end(), '\n', ' ');
  return std::string{closed_mark} + std::to_string(millis_of(clock_.now() + left)) + ' ' + why + '\n' + model;
}

}  // namespace usersyncd
