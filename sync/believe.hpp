#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/desired.hpp"
#include "sync/observed.hpp"

namespace usersyncd {

/// How much smaller a list may be than the last good one. It is refused when it lost at least `at_least`
/// users and more than `percent` of those that were known.
struct ShrinkLimit {
  int percent = 30;
  std::size_t at_least = 2;
};

/// Whether losing `lost` of `before` is more than the limit allows.
bool is_beyond(const ShrinkLimit& limit, std::size_t lost, std::size_t before);

/// Whether a list may be used. A list that is not complete changes nothing at all (contract, promise 4).
struct Belief {
  bool complete = false;
  bool shrunken = false;             ///< the shrink limit is the only thing against it
  std::vector<std::string> reasons;  ///< every reason against it, for people
  std::vector<std::string> missing;  ///< keys of known users that the list lacks, sorted
};

/// Judges a list by itself (faults, total, duplicates, whose it is) and against what was known before.
Belief believe(const Listing& listing, const Snapshot& known, const Catalog& catalog,
               const std::optional<ShrinkLimit>& limit, const std::string& account);

/// Users whose items must be read in this cycle because the list is too thin to judge them, by key. Those
/// that are new to us, edited, or known to differ come in full; the others take turns, at most `budget` a
/// cycle, the one read longest ago first, so that a quiet cycle costs the same whatever the number of users
/// (A65, A69).
std::vector<std::string> choose_item_reads(const Desired& desired, const std::vector<User>& listed,
                                           const Snapshot& known, const Catalog& catalog, Time now,
                                           std::size_t budget);

/// Fields of `over` where it has them, else of `under`.
Fields overlay(const Fields& under, const Fields& over);

/// What is to be remembered of a user after seeing them in a list or, with `item_read`, as an item. `before`
/// may be null. Somebody with another user id is another person: nothing of `before` holds for them.
KnownUser remember(const KnownUser* before, const User& seen, bool item_read, Time now);

/// Roles as canonical ids where the catalogue knows them.
void canonicalize(User& user, const Catalog& catalog);

}  // namespace usersyncd
