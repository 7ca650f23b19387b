#include "providers/outcome.hpp"

namespace usersyncd {

WriteOutcome::Kind outcome_of(Operation operation, Meaning meaning) {
  using Kind = WriteOutcome::Kind;
  const bool creates = operation == Operation::create;
  const bool removes = operation == Operation::remove;
  switch (meaning) {
    case Meaning::success:
      return Kind::accepted;
    case Meaning::already_so:
      return creates ? Kind::exists : Kind::already_so;
    case Meaning::already_gone:
      return creates ? Kind::refused : Kind::already_so;
    case Meaning::exists:
      return creates ? Kind::exists : Kind::refused;
    case Meaning::not_found:
      return removes ? Kind::already_so : Kind::refused;
    case Meaning::throttle:
      return Kind::try_later;
    case Meaning::unauthorized:
    case Meaning::credential:
      return Kind::credential;
    case Meaning::unsupported:
      return Kind::unsupported;
    case Meaning::refused:
      return Kind::refused;
    case Meaning::empty:
    case Meaning::retry:
    case Meaning::redirect:
    case Meaning::unreadable:
      return Kind::unknown;
  }
  return Kind::unknown;
}

WriteOutcome::Kind outcome_of(const HttpFailure& failure) {
  return failure.may_have_arrived ? WriteOutcome::Kind::unknown : WriteOutcome::Kind::not_sent;
}

ErrorKind error_kind(const Answer& answer) {
  switch (answer.meaning) {
    case Meaning::throttle:
      return ErrorKind::rate_limited;
    case Meaning::unauthorized:
    case Meaning::credential:
      return ErrorKind::auth;
    case Meaning::not_found:
    case Meaning::already_gone:
      return ErrorKind::not_found;
    case Meaning::exists:
      return ErrorKind::conflict;
    case Meaning::redirect:
    case Meaning::unreadable:
      return ErrorKind::malformed;
    case Meaning::success:
    case Meaning::already_so:
    case Meaning::empty:
    case Meaning::retry:
    case Meaning::unsupported:
    case Meaning::refused:
      return ErrorKind::provider;
  }
  return ErrorKind::provider;
}

ErrorKind error_kind(const HttpFailure& failure) {
  return failure.kind == HttpFailure::Kind::stopped ? ErrorKind::stopped : ErrorKind::network;
}

bool worth_repeating(const HttpFailure& failure) {
  using Kind = HttpFailure::Kind;
  switch (failure.kind) {
    case Kind::resolve:
    case Kind::connect:
    case Kind::timeout:
    case Kind::reset:
    case Kind::truncated:
    case Kind::bad_framing:
      return true;
    case Kind::tls:
    case Kind::too_large:
    case Kind::stopped:
      return false;
  }
  return false;
}

}  // namespace usersyncd
