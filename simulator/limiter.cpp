#include "simulator/limiter.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <map>

namespace usersyncd::sim {
namespace {

double seconds_of(Micros time) {
  return static_cast<double>(time.count()) / 1e6;
}
Micros micros_of(double seconds) {
  return Micros{static_cast<std::int64_t>(std::ceil(seconds * 1e6))};
}
Admission refused_for(Micros time) {
  return {false, Micros{0}, std::max(time, Micros{1})};
}

class TokenBucket : public Limiter {
 public:
  TokenBucket(double rate, double burst, bool strict)
      : rate_(rate), burst_(burst), strict_(strict), tokens_(burst) {}

  Admission hit(Instant now) override {
    tokens_ = std::min(burst_, tokens_ + seconds_of(now - last_) * rate_);
    last_ = now;
    if (tokens_ >= 1 - 1e-9) {
      tokens_ -= 1;
      return {};
    }
    if (strict_) {
      tokens_ = 0;
    }
    return refused_for(micros_of((1 - tokens_) / rate_));
  }

 private:
  double rate_, burst_;
  bool strict_;
  double tokens_;
  Instant last_{};
};

class LeakyBucket : public Limiter {
 public:
  LeakyBucket(double rate, double queue) : rate_(rate), queue_(queue) {}

  Admission hit(Instant now) override {
    const Instant start = std::max(now, free_);
    const double waiting = seconds_of(start - now) * rate_;
    if (waiting > queue_ + 1e-9) {
      return refused_for(micros_of((waiting - queue_) / rate_));
    }
    free_ = start + micros_of(1 / rate_);
    return {true, start - now, Micros{0}};
  }

 private:
  double rate_, queue_;
  Instant free_{};
};

/// Windows that begin at multiples of their length since 1970.
class AlignedWindow : public Limiter {
 public:
  AlignedWindow(std::int64_t limit, Micros window) : limit_(limit), window_(window) {}

  Admission hit(Instant now) override {
    const std::int64_t current = now.time_since_epoch() / window_;
    if (current != current_) {
      current_ = current;
      count_ = 0;
    }
    if (count_ < limit_) {
      ++count_;
      return {};
    }
    return refused_for(Instant{(current + 1) * window_} - now);
  }

 private:
  std::int64_t limit_;
  Micros window_;
  std::int64_t current_ = -1;
  std::int64_t count_ = 0;
};

/// A window that opens at the first request after the last one closed.
class AnchoredWindow : public Limiter {
 public:
  AnchoredWindow(std::int64_t limit, Micros window, bool strict)
      : limit_(limit), window_(window), strict_(strict) {}

  Admission hit(Instant now) override {
    if (now >= closes_) {
      closes_ = now + window_;
      count_ = 0;
    }
    if (count_ < limit_) {
      ++count_;
      return {};
    }
    if (strict_) {
      closes_ = now + window_;
    }
    return refused_for(closes_ - now);
  }

 private:
  std::int64_t limit_;
  Micros window_;
  bool strict_;
  Instant closes_{};
  std::int64_t count_ = 0;
};

class SlidingLog : public Limiter {
 public:
  SlidingLog(std::int64_t limit, Micros window, bool strict)
      : limit_(limit), window_(window), strict_(strict) {}

  Admission hit(Instant now) override {
    while (!log_.empty() && log_.front() <= now - window_) {
      log_.pop_front();
    }
    const bool admitted = static_cast<std::int64_t>(log_.size()) < limit_;
    if (admitted || strict_) {
      log_.push_back(now);
    }
    if (admitted) {
      return {};
    }
    const std::size_t blocking = log_.size() - static_cast<std::size_t>(limit_);
    return refused_for(log_[blocking] + window_ - now);
  }

 private:
  std::int64_t limit_;
  Micros window_;
  bool strict_;
  std::deque<Instant> log_;
};

/// The count of the current window plus the previous one's, weighted by how much of it still lies in the
/// span.
class SlidingCounter : public Limiter {
 public:
  SlidingCounter(std::int64_t limit, Micros window, bool strict)
      : limit_(limit), window_(window), strict_(strict) {}

  Admission hit(Instant now) override {
    advance(now.time_since_epoch() / window_);
    const double elapsed = seconds_of(now.time_since_epoch() % window_) / seconds_of(window_);
    const double weighted = static_cast<double>(previous_) * (1 - elapsed) + static_cast<double>(count_);
    const bool admitted = weighted < static_cast<double>(limit_);
    if (admitted || strict_) {
      ++count_;
    }
    return admitted ? Admission{} : refused_for(time_until_room(elapsed));
  }

 private:
  void advance(std::int64_t current) {
    if (current != current_) {
      previous_ = current == current_ + 1 ? count_ : 0;
      current_ = current;
      count_ = 0;
    }
  }

  Micros time_until_room(double elapsed) const {
    const double window = seconds_of(window_);
    const double room = static_cast<double>(limit_ - count_);
    if (room > 0) {
      return micros_of((1 - room / static_cast<double>(previous_) - elapsed) * window);
    }
    // In the next window this one is the previous; its share falls below the limit after that much of it.
    return micros_of((1 - elapsed + 1 - static_cast<double>(limit_) / static_cast<double>(count_)) * window);
  }

  std::int64_t limit_;
  Micros window_;
  bool strict_;
  std::int64_t current_ = -1;
  std::int64_t count_ = 0;
  std::int64_t previous_ = 0;
};

/// `kind:key=value,flag,…` taken apart; what nobody asked for is an error.
class Specification {
 public:
  explicit Specification(std::string_view text) : text_(text) {
    const std::size_t colon = text.find(':');
    kind_ = text.substr(0, colon);
    std::string_view rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    while (!rest.empty()) {
      const std::string_view part = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      const std::size_t equals = part.find('=');
      values_[std::string(part.substr(0, equals))] =
          equals == std::string_view::npos ? std::string() : std::string(part.substr(equals + 1));
    }
  }

  const std::string& kind() const { return kind_; }

  double number(const std::string& name, double least) {
    const std::string value = take(name);
    double result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc{} || end != value.data() + value.size() || !(result >= least) || result > 1e9) {
      fail(name + " must be a number of at least " + std::to_string(least));
    }
    return result;
  }

  std::int64_t limit() { return static_cast<std::int64_t>(number("limit", 1)); }

  Micros window() {
    const Micros window = parse_micros(take("window"), "limiter window");
    if (window.count() == 0) {
      fail("window must be longer than nothing");
    }
    return window;
  }

  bool flag(const std::string& name) { return values_.erase(name) > 0; }

  void finish() const {
    if (!values_.empty()) {
      fail("does not know '" + values_.begin()->first + "'");
    }
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw InputError("limiter '" + text_ + "': " + why +
                     "; write e.g. token-bucket:rate=5,burst=10 or fixed-window:limit=50,window=10s");
  }

 private:
  std::string take(const std::string& name) {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      fail(name + " is missing");
    }
    std::string value = found->second;
    values_.erase(found);
    return value;
  }

  std::string text_;
  std::string kind_;
  std::map<std::string, std::string> values_;
};

std::unique_ptr<Limiter> make_window_limiter(Specification& spec) {
  const std::int64_t limit = spec.limit();
  const Micros window = spec.window();
  if (spec.kind() == "fixed-window" && !spec.flag("anchored")) {
    return std::make_unique<AlignedWindow>(limit, window);
  }
  const bool strict = spec.flag("strict");
  if (spec.kind() == "fixed-window") {
    return std::make_unique<AnchoredWindow>(limit, window, strict);
  }
  if (spec.kind() == "sliding-log") {
    return std::make_unique<SlidingLog>(limit, window, strict);
  }
  return std::make_unique<SlidingCounter>(limit, window, strict);
}

std::unique_ptr<Limiter> make_bucket_limiter(Specification& spec) {
  const double rate = spec.number("rate", 0.001);
  if (spec.kind() == "leaky-bucket") {
    const double queue = spec.number("queue", 0);
    return std::make_unique<LeakyBucket>(rate, queue);
  }
  const double burst = spec.number("burst", 1);
  return std::make_unique<TokenBucket>(rate, burst, spec.flag("strict"));
}

template <class Value>
Value pick(std::string_view name, const std::map<std::string_view, Value>& known, std::string_view what) {
  const auto found = known.find(name);
  if (found != known.end()) {
    return found->second;
  }
  std::string names;
  for (const auto& [key, value] : known) {
    names += " " + std::string(key);
  }
  throw InputError("hint " + std::string(what) + " '" + std::string(name) + "' is unknown; known:" + names);
}

void add_hint(Hint::Kind kind, Instant when, Instant now, Headers& headers) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(when - now).count();
  const auto reset = std::chrono::ceil<std::chrono::seconds>(when.time_since_epoch()).count();
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(when.time_since_epoch()).count();
  switch (kind) {
    case Hint::Kind::none:
      return;
    case Hint::Kind::seconds:
      headers.emplace_back("Retry-After", std::to_string(seconds));
      return;
    case Hint::Kind::date:
      headers.emplace_back("Retry-After", http_date(now + std::chrono::seconds(seconds + 1)));
      return;
    case Hint::Kind::reset_seconds:
      headers.emplace_back("X-RateLimit-Reset", std::to_string(reset));
      return;
    case Hint::Kind::reset_millis:
      headers.emplace_back("X-RateLimit-Reset", std::to_string(millis));
      return;
    case Hint::Kind::absurd:
      headers.emplace_back("Retry-After", "31536000");
      return;
    case Hint::Kind::garbage:
      headers.emplace_back("Retry-After", "soon, hopefully");
      return;
  }
}

}  // namespace

std::unique_ptr<Limiter> make_limiter(std::string_view specification) {
  if (specification == "none") {
    return nullptr;
  }
  Specification spec(specification);
  std::unique_ptr<Limiter> limiter;
  if (spec.kind() == "token-bucket" || spec.kind() == "leaky-bucket") {
    limiter = make_bucket_limiter(spec);
  } else if (spec.kind() == "fixed-window" || spec.kind() == "sliding-log" ||
             spec.kind() == "sliding-counter") {
    limiter = make_window_limiter(spec);
  } else {
    spec.fail("unknown kind");
  }
  spec.finish();
  return limiter;
}

Hint parse_hint(std::string_view specification) {
  static const std::map<std::string_view, Hint::Kind> kinds{
      {"none", Hint::Kind::none},      {"seconds", Hint::Kind::seconds},
      {"date", Hint::Kind::date},      {"reset-seconds", Hint::Kind::reset_seconds},
      {"absurd", Hint::Kind::absurd},  {"reset-millis", Hint::Kind::reset_millis},
      {"garbage", Hint::Kind::garbage}};
  static const std::map<std::string_view, Hint::Body> bodies{{"body=empty", Hint::Body::empty},
                                                             {"body=json", Hint::Body::json},
                                                             {"body=xml", Hint::Body::xml},
                                                             {"body=html", Hint::Body::html}};
  const std::size_t comma = specification.find(',');
  Hint hint;
  hint.kind = pick(specification.substr(0, comma), kinds, "kind");
  if (comma != std::string_view::npos) {
    hint.body = pick(specification.substr(comma + 1), bodies, "body");
  }
  return hint;
}

Response too_many(const Hint& hint, const Admission& refused, Instant now) {
  Response response;
  response.status = 429;
  add_hint(hint.kind, now + refused.retry_in, now, response.headers);
  switch (hint.body) {
    case Hint::Body::empty:
      break;
    case Hint::Body::json:
      response.headers.emplace_back("Content-Type", "application/json");
      response.body =
          R"({"errors":[{"code":32002,"type":"rate-limiting","description":"Too many requests"}]})";
      break;
    case Hint::Body::xml:
      response.headers.emplace_back("Content-Type", "application/xml");
      response.body =
          "<Errors><Error><Code>32002</Code><Description>Too many requests</Description></Error></Errors>";
      break;
    case Hint::Body::html:
      response.headers.emplace_back("Content-Type", "text/html");
      response.body = "<html><body><h1>429 Too Many Requests</h1></body></html>";
      break;
  }
  return response;
}

}  // namespace usersyncd::sim
