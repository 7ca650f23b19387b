#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "simulator/message.hpp"

// Rate limiters as servers have them, and the hints that their refusals carry. Pure functions of (state,
// time).

namespace usersyncd::sim {

/// A limiter's word on one request.
struct Admission {
  bool admitted = true;
  Micros wait{};      ///< admitted: how long the answer is held back (a leaky bucket used as a queue)
  Micros retry_in{};  ///< refused: when a request would be admitted, if no other came
};

class Limiter {
 public:
  virtual ~Limiter() = default;
  /// Counts a request at `now`; time does not run backwards between calls.
  virtual Admission hit(Instant now) = 0;
};

/// Makes a limiter from its specification; a null pointer for `none`. Throws InputError.
///   token-bucket:rate=5,burst=10[,strict]     strict: a refused request empties the bucket
///   leaky-bucket:rate=5,queue=6               answers late instead of refusing, until the queue is full
///   fixed-window:limit=50,window=10s          windows aligned to the clock
///   fixed-window:limit=50,window=10s,anchored[,strict]
///                                             opens at the first request; strict: a refusal opens it anew
///   sliding-log:limit=50,window=10s[,strict]  strict: refusals count like requests
///   sliding-counter:limit=50,window=10s[,strict]
std::unique_ptr<Limiter> make_limiter(std::string_view specification);

/// What a 429 says: `none|seconds|date|reset-seconds|reset-millis|absurd|garbage[,body=empty|json|xml|html]`.
struct Hint {
  enum class Kind { none, seconds, date, reset_seconds, reset_millis, absurd, garbage };
  enum class Body { empty, json, xml, html };
  Kind kind = Kind::none;
  Body body = Body::empty;
};
Hint parse_hint(std::string_view specification);  ///< throws InputError

/// The 429 answer.
Response too_many(const Hint& hint, const Admission& refused, Instant now);

}  // namespace usersyncd::sim
