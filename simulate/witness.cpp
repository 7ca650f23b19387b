#include "simulate/witness.hpp"

#include "simulate/wire.hpp"

namespace usersyncd::simulate {

void Trace::say(Duration now, const std::string& what) {
  if (!on_) return;
  std::string line = what;
  for (auto at = line.find(hidden_); !hidden_.empty() && at != std::string::npos; at = line.find(hidden_)) {
    line.erase(at, hidden_.size());
  }
  const auto millis = std::to_string(now.count() % 1000);
  text_ += std::to_string(now.count() / 1000) + "." + std::string(3 - millis.size(), '0') + millis + "  " +
           line + "\n";
}

void Witness::complain(const std::string& what) {
  const auto seconds = std::to_string(timeline_.now().count() / 1000);
  complaints_.push_back(what + " (at " + seconds + " s)");
}

void Witness::shown(const sim::User& user) {
  shown_[key_of(user.username)] = user;
}

std::optional<sim::User> Witness::last_shown(const std::string& key) const {
  const auto found = shown_.find(key);
  if (found == shown_.end()) return std::nullopt;
  return found->second;
}

// Whether the file that the cycle worked with takes this person's access away.
bool Witness::may_lose_access(const SentWrite& write) const {
  const auto* entry = story_.entry_of(write.key, write.planned_at);
  if (!entry) return story_.regime.removes_unmanaged;
  return entry->absent || entry->enabled == false;
}

// Who knows that a taken username is refused may believe that nobody is there once nothing can be on its way
// any more.
bool Witness::may_be_sent_again(const std::string& key) const {
  return story_.knows_unique_usernames() && timeline_.now() - made_by_us_.at(key) >= 2 * Wire::timeout;
}

void Witness::check_create(const SentWrite& write, const sim::User* before, const sim::User* after) {
  // The provider would not have it; another provider would have made two people of it.
  if (before && made_by_us_.contains(write.key) && !may_be_sent_again(write.key))
    complain("the create of " + write.key + " was sent twice");
  if (before || !after) return;
  made_by_us_[write.key] = write.sent_at;
  ++history_[write.key].first;
  const auto* entry = story_.entry_of(write.key, write.planned_at);
  if (!entry || entry->absent) complain(write.key + " was created, and nobody wants them");
}

void Witness::check_loss(const SentWrite& write, const sim::User& before, const sim::User* after) {
  const bool deleted = !after;
  if (!deleted && (!before.enabled || after->enabled)) return;
  const std::string what = deleted ? "deleted" : "disabled";
  if (write.key == own_username) complain("our own login was " + what);
  if (!may_lose_access(write)) complain(write.key + " was " + what + ", and nobody wants that");
  if (deleted && !story_.regime.deletes) complain(write.key + " was deleted, and the policy says disable");
  if (deleted && !story_.regime.free_deletes && !approved_.contains(write.key)) {
    complain(write.key + " was deleted without a person's approval");
  }
  if (++losses_[write.cycle] > 1 && story_.regime.limits) {
    complain("more users lost access in one run than the limit allows");
  }
}

// An update changes what the file speaks of. Of everything else it sends back what it has read: it may undo
// what came in between, because no version of the provider's keeps it from that, and nothing else.
void Witness::check_update(const SentWrite& write, const sim::User& before, const sim::User& after) {
  const auto* entry = story_.entry_of(write.key, write.planned_at);
  const auto managed = [&](auto speaks) { return entry && speaks(*entry); };
  const auto check = [&](const char* field, bool is_managed, const auto& value) {
    if (is_managed || value(before) == value(after)) return;
    if (write.based && value(after) == value(*write.based)) {
      lost_updates_.insert(write.key);
    } else {
      complain("an update of " + write.key + " changed " + field + ", which nobody manages");
    }
  };
  check("phone", managed([](const Entry& of) { return of.phone.has_value(); }),
        [](const sim::User& user) { return user.phone; });
  check("roles", managed([](const Entry& of) { return of.roles.has_value(); }),
        [](const sim::User& user) { return user.roles; });
  check("enabled", story_.regime.removes_unmanaged || managed([](const Entry& of) {
                     return of.absent || of.enabled.has_value();
                   }),
        [](const sim::User& user) { return user.enabled; });
  check("lastName", managed([](const Entry& of) { return !of.last_name.empty(); }),
        [](const sim::User& user) { return user.last_name; });
  check("jobTitle", false, [](const sim::User& user) { return user.extra; });
  check("accounts", false, [](const sim::User& user) { return user.accounts; });
  check("scope", false, [](const sim::User& user) { return user.scope; });
}

void Witness::wrote(const SentWrite& write, const sim::User* before, const sim::User* after) {
  if (write.paused) complain("a write on " + write.key + " left after a pause");
  if (write.method == "POST") return check_create(write, before, after);
  if (!before) return;
  check_loss(write, *before, after);
  if (!after) {
    ++history_[write.key].second;
    made_by_us_.erase(write.key);
    return;
  }
  check_update(write, *before, *after);
}

}  // namespace usersyncd::simulate
