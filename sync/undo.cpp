#include "sync/undo.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace usersyncd {
namespace {

using Outcome = PastWrite::Outcome;

constexpr const char* rule = "undo";

// What a run did to one user, all its writes taken together.
struct Net {
  std::string username, user_id;
  Fields before;             // of the changed fields, as far as it is known
  Fields after;              // of the changed fields
  std::optional<User> made;  // by a create
  Operation last = Operation::update;
  Outcome outcome = Outcome::done;  // the first that is not `done`
};

// The image of a write says what the whole user was to be; only where it differs from the image before did
// the write do something.
void take_changes(Net& net, const PastWrite& write) {
  if (!write.before || !write.after) return;
  for (Field field : all_fields) {
    const auto& before = write.before->fields.get(field);
    const auto& after = write.after->fields.get(field);
    if (!after || (before && same_value(field, *before, *after))) continue;
    if (!net.after.has(field) && before) net.before.set(field, *before);
    net.after.set(field, *after);
  }
}

std::map<std::string, Net> net_of(const std::vector<PastWrite>& writes) {
  std::map<std::string, Net> users;
  for (const auto& write : writes) {
    auto& net = users[key_of(write.username)];
    net.username = write.username;
    if (!write.user_id.empty()) net.user_id = write.user_id;
    if (write.operation == Operation::create) net.made = write.after.value_or(User{});
    if (net.outcome == Outcome::done) net.outcome = write.outcome;
    net.last = write.operation;
    take_changes(net, write);
  }
  return users;
}

// An entry asks for roles and accounts by grants, for everything else by value.
void want(DesiredUser& entry, Field field, const Value& value) {
  const auto* items = std::get_if<StringSet>(&value);
  if (field == Field::roles && items) {
    entry.roles.emplace();
    for (const auto& role : *items) entry.roles->push_back({role, std::nullopt, entry.place});
  } else if (field == Field::accounts && items) {
    entry.accounts.emplace();
    for (const auto& account : *items) entry.accounts->push_back({account, entry.place});
  } else {
    entry.fields.set(field, value);
  }
}

void unwant(DesiredUser& entry, Field field) {
  if (field == Field::roles) entry.roles.reset();
  if (field == Field::accounts) entry.accounts.reset();
  entry.fields.erase(field);
}

bool wants(const DesiredUser& entry, Field field) {
  if (field == Field::roles) return entry.roles.has_value();
  if (field == Field::accounts) return entry.accounts.has_value();
  return entry.fields.has(field);
}

bool wants_nothing(const DesiredUser& entry) {
  return !entry.absent &&
         std::none_of(all_fields.begin(), all_fields.end(), [&](Field field) { return wants(entry, field); });
}

std::string_view why_impossible(const Net& net) {
  switch (net.outcome) {
    case Outcome::unknown:
      return "cannot be undone yet: what became of the last write was not known; run undo again";
    case Outcome::unverified:
      return "is left alone: a write was accepted, but did not read back as it was wanted; compare them by "
             "hand";
    case Outcome::adopted:
      return "is left alone: the user was there when the create was sent, and may not have been made by it";
    case Outcome::done:
      break;
  }
  if (net.last != Operation::remove || net.made) return {};
  return "cannot be undone: the user was deleted, and who is created again is another user, with a new "
         "password; write an entry into the desired state if that is wanted";
}

void say(Inverse& inverse, const std::string& username, std::string message) {
  inverse.impossible.push_back({rule, username, std::move(message)});
}

void turn(const Net& net, const Place& place, Inverse& inverse) {
  if (const auto why = why_impossible(net); !why.empty()) return say(inverse, net.username, std::string{why});
  if (net.last == Operation::remove) return;  // made and deleted in the same run
  DesiredUser entry;
  entry.username = net.username;
  entry.place = place;
  entry.absent = net.made.has_value();
  for (Field field : all_fields) {
    if (entry.absent || !net.after.has(field)) continue;
    if (net.before.has(field))
      want(entry, field, *net.before.get(field));
    else
      say(inverse, net.username,
          std::string{name_of(field)} + " cannot be undone: what it was before the run was not recorded");
  }
  if (!wants_nothing(entry)) inverse.desired.users.push_back(std::move(entry));
}

// Decides, field by field, what of an inverse still holds for the users as they are.
class Sieve {
 public:
  Sieve(Inverse& inverse, const Observation& observed, const std::vector<User>& found_by_lookup)
      : inverse_(inverse), catalog_(observed.catalog) {
    for (const auto& user : observed.users) live_[key_of(user.username)] = &user;
    for (const auto& user : found_by_lookup) live_.try_emplace(key_of(user.username), &user);
  }

  bool keep(DesiredUser& entry, const Net& net) {
    const auto found = live_.find(key_of(entry.username));
    if (found == live_.end()) {
      if (!entry.absent) say(inverse_, entry.username, "cannot be undone: the user is not there any more");
      return false;
    }
    if (is_another(*found->second, net)) {
      say(inverse_, entry.username, "cannot be undone: another user has this username now");
      return false;
    }
    if (entry.absent) return true;
    for (Field field : all_fields) {
      if (wants(entry, field)) keep_field(entry, net, *found->second, field);
    }
    return !wants_nothing(entry);
  }

 private:
  // By the id; where there is none to compare, whom a create made is known by the e-mail address.
  static bool is_another(const User& live, const Net& net) {
    if (!net.user_id.empty() && !live.user_id.empty()) return live.user_id != net.user_id;
    if (!net.made) return false;
    const auto& made = net.made->fields.get(Field::email);
    const auto& now = live.fields.get(Field::email);
    return !made || !now || !same_value(Field::email, *made, *now);
  }

  void keep_field(DesiredUser& entry, const Net& net, const User& live, Field field) {
    const std::string name{name_of(field)};
    const auto& now = live.fields.get(field);
    const auto& before = *net.before.get(field);
    if (!now) {
      say(inverse_, entry.username, name + " cannot be undone: what it is now could not be read");
    } else if (same_value(field, *now, *net.after.get(field))) {
      return keep_reachable(entry, field, *now);
    } else if (!same_value(field, *now, before)) {
      say(inverse_, entry.username,
          name + " is left as it is: it was changed to " + show(*now) + " after the run");
    }
    unwant(entry, field);
  }

  // A role or an account that has gone since cannot be given back; one that the user has may stay.
  void keep_reachable(DesiredUser& entry, Field field, const Value& now) {
    const auto* had = std::get_if<StringSet>(&now);
    const auto gone = [&](const std::string& item, bool known) {
      if (known || (had && std::binary_search(had->begin(), had->end(), item))) return false;
      say(inverse_, entry.username,
          name_of_item(field) + item + " cannot be given back: it is not there any more");
      return true;
    };
    if (field == Field::roles && catalog_.roles)
      std::erase_if(*entry.roles, [&](const RoleGrant& grant) {
        return gone(grant.role, catalog_.role_id(grant.role).has_value());
      });
    if (field == Field::accounts && catalog_.accounts)
      std::erase_if(*entry.accounts, [&](const AccountGrant& grant) {
        const auto& known = *catalog_.accounts;
        return gone(grant.account, std::binary_search(known.begin(), known.end(), grant.account));
      });
  }

  static std::string name_of_item(Field field) {
    return field == Field::roles ? "the role " : "the account ";
  }

  Inverse& inverse_;
  const Catalog& catalog_;
  std::map<std::string, const User*> live_;
};

}  // namespace

Inverse invert(const std::string& account, const std::string& run, const std::vector<PastWrite>& writes) {
  Inverse inverse;
  inverse.desired.account = account;
  inverse.desired.revision = "undo " + run;
  Place place;
  place.file = "run " + run;
  for (const auto& [key, net] : net_of(writes)) turn(net, place, inverse);
  return inverse;
}

void keep_possible(Inverse& inverse, const std::vector<PastWrite>& writes, const Observation& observed,
                   const std::vector<User>& found_by_lookup) {
  const auto nets = net_of(writes);
  Sieve sieve{inverse, observed, found_by_lookup};
  auto entries = std::move(inverse.desired.users);
  inverse.desired.users.clear();
  for (auto& entry : entries) {
    if (sieve.keep(entry, nets.at(key_of(entry.username)))) inverse.desired.users.push_back(std::move(entry));
  }
}

void name_what_is_left(Inverse& inverse, const Plan& plan) {
  std::map<std::string, std::set<Field>> done;
  for (const auto& action : plan.actions) {
    if (action.report_only) continue;
    const auto key = key_of(action.username);
    for (const auto& change : action.changes) done[key].insert(change.field);
  }
  for (const auto& entry : inverse.desired.users) {
    const auto key = key_of(entry.username);
    const auto& fields = done[key];
    for (Field field : all_fields) {
      if (wants(entry, field) && !fields.contains(field))
        say(inverse, entry.username,
            std::string{name_of(field)} + " is left as it is: the policies only report it");
    }
  }
}

Observation after_plan(Observation observed, const Plan& plan) {
  std::map<std::string, User*> users;
  for (auto& user : observed.users) users[key_of(user.username)] = &user;
  for (const auto& action : plan.actions) {
    const auto user = users.find(key_of(action.username));
    if (action.report_only || user == users.end()) continue;
    for (const auto& change : action.changes) {
      if (change.to) user->second->fields.set(change.field, *change.to);
    }
  }
  return observed;
}

std::vector<Note> contradictions(const Inverse& inverse, const Plan& next) {
  std::set<std::string> ours;
  for (const auto& entry : inverse.desired.users) ours.insert(key_of(entry.username));
  std::vector<Note> notes;
  for (const auto& action : next.actions) {
    if (action.report_only || !ours.erase(key_of(action.username))) continue;
    notes.push_back({rule, action.username,
                     "unless the desired state or the policies change first, the next poll will " +
                         std::string{name_of(action.operation)} + " again: " + action.reason,
                     action.place.text()});
  }
  return notes;
}

}  // namespace usersyncd
