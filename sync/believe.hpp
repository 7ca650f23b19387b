#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/observed.hpp"

namespace usersyncd {

/// How much smaller a list may be than the last good one. It is refused when it lost at least `at_least`
/// users and more than `percent` of those that were known.
struct ShrinkLimit {
  int percent = 30;
  std::size_t at_least = 2;
};

/// Whether two sightings under one name are of different people: ids tell, where both are known; a thin list
/// may leave them out.
bool is_another(const std::string& known_id, const std::string& listed_id);

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

/// Fields of `over` where it has them, else of `under`.
Fields overlay(const Fields& under, const Fields& over);

/// What is to be remembered of a user after seeing them in a list or, with `item_read`, as an item. `before`
/// may be null. Somebody with another user id is another person: nothing of `before` holds for them.
KnownUser remember(const KnownUser* before, const User& seen, bool item_read, Time now);

/// Roles as canonical ids where the catalogue knows them.
void canonicalize(User& user, const Catalog& catalog);

}  // namespace usersyncd
