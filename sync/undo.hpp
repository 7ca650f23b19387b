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
  Operation operation = Operation::update;
  std::string username;
  std::string user_id;
  std::optional<User> before;  ///< absent for a create
  std::optional<User> after;
  bool settled = true;  ///< false: nobody knows yet whether it was done
};

/// The way back from a run: what its users were before it, as a desired state of only those users, and what
/// of it cannot be undone.
struct Inverse {
  Desired desired;
  std::vector<Note> impossible;  ///< rule `undo`, sorted
};

/// Turns the writes of `run` in one account around, `writes` oldest first: somebody who was created is to be
/// gone, by the policies' way; what was changed is to be as it was; somebody who was deleted cannot be
/// brought back, because who would be created is another user. Several writes on one user count as one.
Inverse invert(const std::string& account, const std::string& run, const std::vector<PastWrite>& writes);

/// Takes out of the inverse what somebody changed since the run: their change is not part of it. Each goes to
/// `impossible`.
void keep_newer(Inverse& inverse, const std::vector<PastWrite>& writes, const Observation& observed,
                const std::vector<User>& found_by_lookup);

/// Notes on those inverse entries of which `desired` wants the opposite, so that the next cycle would do the
/// run once more.
std::vector<Note> contradictions(const Inverse& inverse, const Desired& desired, const Catalog& catalog,
                                 Time now);

}  // namespace usersyncd
