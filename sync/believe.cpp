#include "sync/believe.hpp"

#include <algorithm>
#include <set>

namespace usersyncd {
namespace {

std::string number(std::size_t n) {
  return std::to_string(n);
}

// What the list says about itself.
void check_itself(const Listing& listing, Belief& belief) {
  belief.reasons = listing.faults;
  if (listing.recognised) belief.reasons.push_back("the list was recognised, not read");
  if (listing.total && *listing.total != listing.users.size()) {
    belief.reasons.push_back("the provider says that there are " + number(*listing.total) + " users, but " +
                             number(listing.users.size()) + " arrived");
  }
  std::set<std::string> names, ids;
  for (const auto& user : listing.users) {
    if (user.username.empty()) belief.reasons.push_back("an entry of the list has no username");
    if (!user.username.empty() && !names.insert(key_of(user.username)).second) {
      belief.reasons.push_back("user \"" + user.username + "\" is listed twice");
    }
    if (!user.user_id.empty() && !ids.insert(user.user_id).second) {
      belief.reasons.push_back("user id \"" + user.user_id + "\" is listed twice");
    }
  }
}

// A list of another account is complete, plausible and wrong.
void check_owner(const Listing& listing, const Catalog& catalog, const std::string& account, Belief& belief) {
  for (const auto& mark : make_set(listing.account_ids)) {
    if (mark != account) {
      belief.reasons.push_back("entries say that they belong to account " + mark + ", not " + account +
                               "; if it stays so, correct the account's id or its credentials in the config");
    }
  }
  if (!catalog.accounts) return;
  bool telling = false;
  for (const auto& user : listing.users) {
    const auto* accounts = user.fields.set_of(Field::accounts);
    if (!accounts || accounts->empty()) continue;
    telling = true;
    for (const auto& theirs : *accounts) {
      if (std::binary_search(catalog.accounts->begin(), catalog.accounts->end(), theirs)) return;
    }
  }
  if (telling) belief.reasons.push_back("no listed user belongs to an account that our credential sees");
}

void check_against_known(const Listing& listing, const Snapshot& known,
                         const std::optional<ShrinkLimit>& limit, Belief& belief) {
  std::map<std::string, std::string> listed;
  for (const auto& user : listing.users) listed.emplace(key_of(user.username), user.user_id);
  std::size_t before = 0;
  for (const auto& [key, user] : known) {
    if (user.missed_lists == 0) ++before;
    if (!listed.contains(key)) belief.missing.push_back(key);
  }
  // Somebody with a known name and another id is somebody else: a copy of the account has all the names and
  // no id.
  const auto lost =
      static_cast<std::size_t>(std::count_if(known.begin(), known.end(), [&](const auto& entry) {
        const auto found = listed.find(entry.first);
        return entry.second.missed_lists == 0 &&
               (found == listed.end() || is_another(entry.second.user.user_id, found->second));
      }));
  if (listing.users.empty() && before > 0) {
    belief.reasons.push_back("the list is empty, but " + number(before) + " users were known");
    return;
  }
  if (!limit || !is_beyond(*limit, lost, before)) return;
  belief.shrunken = belief.reasons.empty();
  belief.reasons.push_back("the list lost " + number(lost) + " of " + number(before) +
                           " known users, more than the limit of " + std::to_string(limit->percent) + " %");
}

}  // namespace

bool is_another(const std::string& known_id, const std::string& listed_id) {
  return !known_id.empty() && !listed_id.empty() && known_id != listed_id;
}

bool is_beyond(const ShrinkLimit& limit, std::size_t lost, std::size_t before) {
  return lost >= limit.at_least && lost * 100 > before * static_cast<std::size_t>(limit.percent);
}

Belief believe(const Listing& listing, const Snapshot& known, const Catalog& catalog,
               const std::optional<ShrinkLimit>& limit, const std::string& account) {
  Belief belief;
  check_itself(listing, belief);
  check_owner(listing, catalog, account, belief);
  check_against_known(listing, known, limit, belief);
  belief.complete = belief.reasons.empty();
  return belief;
}

Fields overlay(const Fields& under, const Fields& over) {
  Fields merged = under;
  for (Field field : all_fields) {
    if (const auto& value = over.get(field)) merged.set(field, *value);
  }
  return merged;
}

KnownUser remember(const KnownUser* before, const User& seen, bool item_read, Time now) {
  KnownUser known;
  if (before && !is_another(before->user.user_id, seen.user_id)) known = *before;
  known.user.username = seen.username;
  if (!seen.user_id.empty()) known.user.user_id = seen.user_id;
  known.user.fields = overlay(known.user.fields, seen.fields);
  known.missed_lists = 0;
  if (item_read) known.item_read_at = now;
  const auto enabled = seen.fields.flag(Field::enabled);
  if (enabled == true) known.disabled_since.reset();
  if (enabled == false && !known.disabled_since) known.disabled_since = now;
  return known;
}

void canonicalize(User& user, const Catalog& catalog) {
  const auto* roles = user.fields.set_of(Field::roles);
  if (!roles) return;
  std::vector<std::string> ids;
  for (const auto& role : *roles) ids.push_back(catalog.role_id(role).value_or(role));
  user.fields.set(Field::roles, make_set(std::move(ids)));
}

}  // namespace usersyncd
