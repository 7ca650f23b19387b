#pragma once

#include "providers/classify.hpp"
#include "sync/plan.hpp"
#include "sync/ports.hpp"

namespace usersyncd {

/// What an answer means for a write. Only an answer that says so counts as done or as not done; all else is
/// unknown.
WriteOutcome::Kind outcome_of(Operation operation, Meaning meaning);

/// What a failed exchange means for a write: unknown unless not one byte can have been processed.
WriteOutcome::Kind outcome_of(const HttpFailure& failure);

/// The kind of error that an answer is for a read that cannot use it.
ErrorKind error_kind(const Answer& answer);

/// The same for a failed exchange.
ErrorKind error_kind(const HttpFailure& failure);

/// Whether a read may be sent again after this failure.
bool worth_repeating(const HttpFailure& failure);

}  // namespace usersyncd
