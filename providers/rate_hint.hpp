#pragma once

#include <optional>

#include "providers/profile.hpp"
#include "sync/ports.hpp"

namespace usersyncd {

/// How long an answer asks us to wait, from whichever header says so, in whichever form: seconds, an HTTP
/// date, epoch seconds or milliseconds. Dates are compared with the answer's own `Date` where there is one,
/// so that a clock that goes wrong does not matter (A38). Never more than `names.longest`; nothing for
/// garbage, zero and the past, so that a useless hint is treated like none (A37).
std::optional<Duration> rate_hint(const Headers& headers, const RateRules& names, Time now);

/// The three forms of RFC 9110: `Sat, 21 Nov 2026 19:05:00 GMT` and the two obsolete ones.
std::optional<Time> parse_http_date(std::string_view text);

}  // namespace usersyncd
