#include "sync/item_reads.hpp"

#include <algorithm>
#include <map>

#include "sync/believe.hpp"

namespace usersyncd {
namespace {

bool differs(const Fields& wanted, const Fields& found) {
  return std::any_of(all_fields.begin(), all_fields.end(), [&](Field field) {
    return wanted.has(field) && found.has(field) && !same_value(field, *wanted.get(field), *found.get(field));
  });
}

bool lacks(const Fields& wanted, const Fields& carried) {
  return std::any_of(all_fields.begin(), all_fields.end(),
                     [&](Field field) { return wanted.has(field) && !carried.has(field); });
}

std::map<std::string, const DesiredUser*> entries_by_name(const Desired& desired) {
  std::map<std::string, const DesiredUser*> entries;
  for (const auto& entry : desired.users) {
    for (const auto& earlier : entry.previously) entries[key_of(earlier)] = &entry;
  }
  for (const auto& entry : desired.users) entries[key_of(entry.username)] = &entry;
  return entries;
}

enum class Turn { never, in_turn, now };

class Chooser {
 public:
  explicit Chooser(const ReadChoice& choice) : choice_(choice), entries_(entries_by_name(choice.desired)) {}

  Turn turn_of(const User& listed) const;
  Time last_read(const User& listed) const { return *known_as(listed)->item_read_at; }

 private:
  const KnownUser* known_as(const User& listed) const;
  bool stays(const DesiredUser* entry, const User& user) const;
  Fields wanted_of(const DesiredUser* entry) const;

  const ReadChoice& choice_;
  std::map<std::string, const DesiredUser*> entries_;
};

const KnownUser* Chooser::known_as(const User& listed) const {
  const auto known = choice_.known.find(key_of(listed.username));
  const bool same = known != choice_.known.end() && !is_another(known->second.user.user_id, listed.user_id);
  return same ? &known->second : nullptr;
}

// Nothing is asked of somebody whom no entry names, unless the rules take them out.
bool Chooser::stays(const DesiredUser* entry, const User& user) const {
  return !entry && choice_.ways.unmanaged(user).way != UnmanagedWay::deprovision;
}

// What has to be known of a user: of one who is to go, whether they are still enabled.
Fields Chooser::wanted_of(const DesiredUser* entry) const {
  Fields fields;
  fields.set(Field::enabled, false);
  if (entry && !entry->absent) fields = effective_fields(*entry, choice_.catalog, choice_.now);
  for (Field field : choice_.can.lacking) fields.erase(field);
  return fields;
}

Turn Chooser::turn_of(const User& listed) const {
  const auto named = entries_.find(key_of(listed.username));
  const auto* entry = named == entries_.end() ? nullptr : named->second;
  const auto wanted = wanted_of(entry);
  const bool thin = lacks(wanted, listed.fields);
  const bool nameless = listed.user_id.empty() && !choice_.can.by_id.empty();
  if (!thin && !nameless) return Turn::never;

  const auto* known = known_as(listed);
  User best = listed;
  if (known) best.fields = overlay(known->user.fields, listed.fields);
  if (stays(entry, best)) return Turn::never;
  const bool leaves = !entry || entry->absent;
  const bool to_delete = leaves && choice_.ways.deprovision(best).way == DeprovisionWay::remove;
  if (to_delete || differs(wanted, best.fields)) return Turn::now;
  if (!thin) return Turn::never;
  if (!known || !known->item_read_at || differs(listed.fields, known->user.fields)) return Turn::now;
  return entry && known->desired_digest != digest_of(*entry) ? Turn::now : Turn::in_turn;
}

}  // namespace

std::vector<std::string> choose_item_reads(const ReadChoice& choice, const std::vector<User>& listed,
                                           std::size_t budget) {
  const Chooser chooser{choice};
  std::vector<std::string> chosen;
  std::vector<std::pair<Time, std::string>> turns;
  for (const auto& user : listed) {
    switch (chooser.turn_of(user)) {
      case Turn::never:
        break;
      case Turn::in_turn:
        turns.emplace_back(chooser.last_read(user), key_of(user.username));
        break;
      case Turn::now:
        chosen.push_back(key_of(user.username));
        break;
    }
  }
  std::sort(turns.begin(), turns.end());
  for (std::size_t i = 0; i < turns.size() && i < budget; ++i) chosen.push_back(turns[i].second);
  return make_set(std::move(chosen));
}

}  // namespace usersyncd
