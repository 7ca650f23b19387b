#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/desired.hpp"
#include "sync/observed.hpp"
#include "sync/plan.hpp"

namespace usersyncd {

/// One write of an earlier run, as it was recorded.
struct PastWrite {
  enum class Outcome {
    done,
    unknown,     ///< nobody knows yet whether it was done
    unverified,  ///< it was accepted, and did not read back as it was wanted
    adopted,     ///< a create that found the user there already
  };
  Operation operation = Operation::update;
  std::string username;
  std::string user_id;
  std::optional<User> before;  ///< absent for a create
  std::optional<User> after;
  Outcome outcome = Outcome::done;
};

/// The way back from a run: what its users were before it, as a desired state of only those users, and what
/// of it cannot be undone.
struct Inverse {
  Desired desired;
  std::vector<Note> impossible;  ///< rule `undo`
};

/// Turns the writes of `run` in one account around, `writes` oldest first: somebody who was created is to be
/// gone, by the policies' way; each field that was changed is to be as it was before the first write that
/// changed it; somebody who was deleted cannot be brought back, because who would be created is another user.
Inverse invert(const std::string& account, const std::string& run, const std::vector<PastWrite>& writes);

/// Takes out of the inverse what does not hold any more: what somebody changed since the run, users who are
/// gone or others now, fields that could not be read, roles and accounts that are gone. Each goes to
/// `impossible`, unless it is as it was before the run already.
void keep_possible(Inverse& inverse, const std::vector<PastWrite>& writes, const Observation& observed,
                   const std::vector<User>& found_by_lookup);

/// Adds to `impossible` what of the inverse no action of its plan does: a policy says to ignore or to report
/// it.
void name_what_is_left(Inverse& inverse, const Plan& plan);

/// What the account would look like after `plan`, as far as it may be carried out.
Observation after_plan(Observation observed, const Plan& plan);

/// Notes on those users of the inverse to whom `next`, the plan for what is wanted after the undo, would do
/// something again.
std::vector<Note> contradictions(const Inverse& inverse, const Plan& next);

}  // namespace usersyncd
