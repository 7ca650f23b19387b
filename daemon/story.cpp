#include "daemon/story.hpp"

#include <algorithm>

namespace usersyncd {
namespace {

// The entries are sorted by key.
bool has_entry(const Desired& desired, const std::string& key) {
  const auto at = std::lower_bound(
      desired.users.begin(), desired.users.end(), key,
      [](const DesiredUser& user, const std::string& wanted) { return key_of(user.username) < wanted; });
  return at != desired.users.end() && key_of(at->username) == key;
}

bool names(const DesiredUser& entry, const std::string& key) {
  return std::any_of(entry.previously.begin(), entry.previously.end(),
                     [&](const std::string& earlier) { return key_of(earlier) == key; });
}

bool contains(const StringSet& set, const std::string& key) {
  return std::binary_search(set.begin(), set.end(), key);
}

bool is_there(const KnownUser& known) {
  return known.missed_lists == 0;
}

std::vector<KnownUser> known_people(Store& store, const std::string& account, const std::string& key,
                                    const StringSet& names) {
  std::vector<KnownUser> people;
  for (const auto& name : names) {
    if (auto known = store.known_user(account, name)) people.push_back(std::move(*known));
  }
  const auto rank = [&](const KnownUser& known) {
    return std::pair{!is_there(known), key_of(known.user.username) != key};
  };
  std::stable_sort(people.begin(), people.end(),
                   [&](const KnownUser& a, const KnownUser& b) { return rank(a) < rank(b); });
  const auto gone = std::find_if_not(people.begin(), people.end(), is_there);
  if (gone != people.begin()) people.erase(gone, people.end());
  return people;
}

}  // namespace

Claims claims_on(const Desired& desired, const std::string& key) {
  Claims claims;
  for (const auto& entry : desired.users) {
    if (key_of(entry.username) == key)
      claims.entries.insert(claims.entries.begin(), entry);
    else if (names(entry, key))
      claims.entries.push_back(entry);
  }
  for (const auto& entry : claims.entries) {
    for (const auto& earlier : entry.previously) {
      if (has_entry(desired, key_of(earlier))) claims.entry_names.push_back(key_of(earlier));
    }
  }
  claims.entry_names = make_set(std::move(claims.entry_names));
  return claims;
}

Story find_story(Store& store, const std::string& account, const std::string& key, Claims claims) {
  Story story;
  story.names.push_back(key);
  for (auto& entry : claims.entries) {
    const auto own = store.known_user(account, entry.username);
    const auto spoken_for = names_of(entry, own && is_there(*own), [&](const std::string& earlier) {
      return contains(claims.entry_names, earlier);
    });
    if (!contains(spoken_for, key)) continue;
    story.names.insert(story.names.end(), spoken_for.begin(), spoken_for.end());
    story.entries.push_back(std::move(entry));
  }
  story.names = make_set(std::move(story.names));
  story.people = known_people(store, account, key, story.names);
  return story;
}

const KnownUser* Story::person() const {
  const bool clear = entries.size() <= 1 && people.size() == 1;
  return clear && is_there(people.front()) ? &people.front() : nullptr;
}

std::vector<Ignored> ignored_differences(const Story& story, const std::string& account,
                                         const Catalog& catalog, const std::vector<Field>& lacking,
                                         const Ways& ways, Time now) {
  std::vector<Ignored> ignored;
  const auto* person = story.person();
  if (!person) return ignored;
  const auto& live = person->user;
  if (!story.entry()) {
    auto way = ways.unmanaged(live);
    if (way.way == UnmanagedWay::ignore)
      ignored.push_back({"unmanaged", "absent", presence_of(live), std::move(way.rules)});
    return ignored;
  }
  Desired one;
  one.account = account;
  one.users.push_back(*story.entry());
  std::vector<Error> unknown;
  one = freeze_unknown(std::move(one), catalog, unknown);
  const auto& entry = one.users.front();
  if (entry.absent || !entry.frozen.empty()) return ignored;
  for (const auto& change : differences(effective_fields(entry, catalog, now), live, lacking)) {
    auto way = ways.drift(live, change.field);
    if (way.way != DriftWay::ignore) continue;
    ignored.push_back({std::string{name_of(change.field)}, plain(*change.to),
                       change.from ? plain(*change.from) : "", std::move(way.rules)});
  }
  return ignored;
}

}  // namespace usersyncd
