#include "sync/undo.hpp"

#include <algorithm>
#include <map>

namespace usersyncd {
namespace {

constexpr const char* rule = "undo";

// What a run did to one user, all its writes taken together.
struct Net {
  std::string username, user_id;
  std::optional<User> before, after;
  Operation first = Operation::update, last = Operation::update;
  bool settled = true;
};

std::map<std::string, Net> net_of(const std::vector<PastWrite>& writes) {
  std::map<std::string, Net> users;
  for (const auto& write : writes) {
    const auto [entry, is_new] = users.try_emplace(key_of(write.username));
    auto& net = entry->second;
    if (is_new) {
      net.username = write.username;
      net.first = write.operation;
      net.before = write.before;
    }
    if (!write.user_id.empty()) net.user_id = write.user_id;
    net.last = write.operation;
    if (write.after) {
      // A write that says less of a user leaves what an earlier one said.
      Fields fields = net.after ? net.after->fields : Fields{};
      for (Field field : all_fields) {
        if (write.after->fields.has(field)) fields.set(field, *write.after->fields.get(field));
      }
      net.after = write.after;
      net.after->fields = std::move(fields);
    }
    net.settled = net.settled && write.settled;
  }
  return users;
}

bool was_changed(const Net& net, Field field) {
  if (!net.after || !net.after->fields.has(field)) return false;
  const auto& after = *net.after->fields.get(field);
  return !net.before || !net.before->fields.has(field) ||
         !same_value(field, *net.before->fields.get(field), after);
}

// An entry asks for roles and accounts by grants, for everything else by value.
void want(DesiredUser& entry, Field field, const Value& value, const Place& place) {
  const auto* items = std::get_if<StringSet>(&value);
  if (field == Field::roles && items) {
    entry.roles.emplace();
    for (const auto& role : *items) entry.roles->push_back({role, std::nullopt, place});
  } else if (field == Field::accounts && items) {
    entry.accounts.emplace();
    for (const auto& account : *items) entry.accounts->push_back({account, place});
  } else {
    entry.fields.set(field, value);
  }
}

void unwant(DesiredUser& entry, Field field) {
  if (field == Field::roles) entry.roles.reset();
  if (field == Field::accounts) entry.accounts.reset();
  entry.fields.erase(field);
}

bool wants_nothing(const DesiredUser& entry) {
  return !entry.absent && !entry.roles && !entry.accounts && entry.fields == Fields{};
}

class Inverter {
 public:
  Inverter(Inverse& inverse, Place place) : inverse_(inverse), place_(std::move(place)) {}

  void turn(const Net& net) {
    if (!net.settled)
      return impossible(net.username,
                        "cannot be undone yet: what became of the last write is not known; try again after "
                        "the next poll");
    const bool created = net.first == Operation::create;
    if (net.last == Operation::remove) {
      if (!created)
        impossible(net.username,
                   "cannot be undone: the user was deleted, and who is created again is another user, with "
                   "a new password; write an entry into the desired state if that is wanted");
      return;
    }
    DesiredUser entry;
    entry.username = net.username;
    entry.place = place_;
    entry.absent = created;
    if (!created) turn_fields(net, entry);
    if (!wants_nothing(entry)) inverse_.desired.users.push_back(std::move(entry));
  }

 private:
  void turn_fields(const Net& net, DesiredUser& entry) {
    for (Field field : all_fields) {
      if (!was_changed(net, field)) continue;
      if (net.before && net.before->fields.has(field))
        want(entry, field, *net.before->fields.get(field), place_);
      else
        impossible(net.username, std::string{name_of(field)} +
                                     " cannot be undone: what it was before the run was not recorded");
    }
  }

  void impossible(const std::string& username, std::string message) {
    inverse_.impossible.push_back({rule, username, std::move(message)});
  }

  Inverse& inverse_;
  Place place_;
};

const User* find_user(const std::string& key, const Observation& observed, const std::vector<User>& others) {
  const auto is_it = [&](const User& user) { return key_of(user.username) == key; };
  const auto listed = std::find_if(observed.users.begin(), observed.users.end(), is_it);
  if (listed != observed.users.end()) return &*listed;
  const auto other = std::find_if(others.begin(), others.end(), is_it);
  return other == others.end() ? nullptr : &*other;
}

// Why the entry as a whole cannot be carried out any more; empty: it can.
std::string overtaken(const DesiredUser& entry, const Net& net, const User* live) {
  if (!live) return entry.absent ? "" : "cannot be undone: the user is not there any more";
  if (!net.user_id.empty() && !live->user_id.empty() && live->user_id != net.user_id)
    return "cannot be undone: another user has this username now";
  return "";
}

}  // namespace

Inverse invert(const std::string& account, const std::string& run, const std::vector<PastWrite>& writes) {
  Inverse inverse;
  inverse.desired.account = account;
  inverse.desired.revision = "undo " + run;
  Place place;
  place.file = "run " + run;
  Inverter inverter{inverse, place};
  for (const auto& [key, net] : net_of(writes)) inverter.turn(net);
  std::sort(inverse.impossible.begin(), inverse.impossible.end());
  return inverse;
}

void keep_newer(Inverse& inverse, const std::vector<PastWrite>& writes, const Observation& observed,
                const std::vector<User>& found_by_lookup) {
  const auto nets = net_of(writes);
  std::vector<DesiredUser> kept;
  for (auto& entry : inverse.desired.users) {
    const auto key = key_of(entry.username);
    const auto& net = nets.at(key);
    const auto* live = find_user(key, observed, found_by_lookup);
    if (const auto why = overtaken(entry, net, live); !why.empty()) {
      inverse.impossible.push_back({rule, entry.username, why});
      continue;
    }
    for (Field field : all_fields) {
      if (!live || entry.absent || !was_changed(net, field) || !live->fields.has(field)) continue;
      const auto& now = *live->fields.get(field);
      if (same_value(field, now, *net.after->fields.get(field))) continue;
      const bool undone = net.before && net.before->fields.has(field) &&
                          same_value(field, now, *net.before->fields.get(field));
      if (!undone)
        inverse.impossible.push_back({rule, entry.username,
                                      std::string{name_of(field)} + " is left as it is: it was changed to " +
                                          show(now) + " after the run"});
      unwant(entry, field);
    }
    if (live && !wants_nothing(entry)) kept.push_back(std::move(entry));
  }
  inverse.desired.users = std::move(kept);
  std::sort(inverse.impossible.begin(), inverse.impossible.end());
}

std::vector<Note> contradictions(const Inverse& inverse, const Desired& desired, const Catalog& catalog,
                                 Time now) {
  std::vector<Note> notes;
  std::map<std::string, const DesiredUser*> entries;
  for (const auto& entry : desired.users) entries[key_of(entry.username)] = &entry;
  for (const auto& back : inverse.desired.users) {
    const auto found = entries.find(key_of(back.username));
    if (found == entries.end() || !found->second->frozen.empty()) continue;
    const auto& wanted = *found->second;
    const auto theirs = effective_fields(wanted, catalog, now);
    const auto ours = effective_fields(back, catalog, now);
    bool against = wanted.absent ? ours.flag(Field::enabled) == true : back.absent;
    for (Field field : all_fields) {
      if (wanted.absent || !ours.has(field) || !theirs.has(field)) continue;
      against = against || !same_value(field, *ours.get(field), *theirs.get(field));
    }
    if (against)
      notes.push_back({rule, back.username,
                       wanted.place.text() +
                           " asks for what the run did: unless it is changed, or the account is paused, the "
                           "next poll does it once more"});
  }
  return notes;
}

}  // namespace usersyncd
