#include "reconcile/shrink.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "sync/plan.hpp"

namespace usersyncd {
namespace {

constexpr const char* note_name = "shrink";  // "<id> <polls that saw it>"

constexpr const char* empty_name = "empty-list";  // there once somebody accepted that the account is empty
constexpr const char* good_name = "desired";  // the revision, then the keys of who is to be there, by line

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  if (lines.empty()) lines.emplace_back();
  return lines;
}

int polls_that_saw(const std::optional<std::string>& note, const std::string& id) {
  if (!note || !note->starts_with(id + ' ')) return 0;
  return std::atoi(note->c_str() + id.size() + 1);
}

// Whether a person approved `id`, or the rule is content with having seen it so often.
bool is_confirmed(const std::string& account, Store& store, const ShrinkRule& rule, const std::string& id,
                  bool counting, Time now) {
  if (store.approved_actions(account, now).contains(id)) return true;
  if (!rule.confirm_after) return false;
  const int seen = polls_that_saw(store.load_note(account, note_name), id);
  if (seen >= *rule.confirm_after) return true;
  if (counting) store.save_note(account, note_name, id + ' ' + std::to_string(seen + 1));
  return false;
}

std::string names_of(const ShrinkRule& rule) {
  std::string names;
  for (const auto& name : rule.rules) names += (names.empty() ? "" : ", ") + name;
  return names;
}

std::size_t wanted_in(const Desired& desired) {
  return static_cast<std::size_t>(
      std::count_if(desired.users.begin(), desired.users.end(),
                    [](const DesiredUser& user) { return !user.absent && user.frozen.empty(); }));
}

}  // namespace

ShrinkGuard::ShrinkGuard(const AccountContext& account, Store& store, const std::optional<ShrinkRule>& rule)
    : account_(account), store_(store), rule_(rule) {}

std::optional<ShrinkLimit> ShrinkGuard::limit() const {
  if (!rule_) return std::nullopt;
  return rule_->limit;
}

std::string ShrinkGuard::id_of(const std::string& account, const Belief& belief) {
  std::string says = "shrink\n" + account + '\n';
  for (const auto& key : belief.missing) says += key + '\n';
  return sha256_hex(says).substr(0, 32);
}

bool ShrinkGuard::accepts(const Belief& belief, bool counting, Time now) {
  return rule_ && is_confirmed(account_.id, store_, *rule_, id_of(account_.id, belief), counting, now);
}

DesiredGuard::DesiredGuard(const AccountContext& account, Store& store, const std::optional<ShrinkRule>& rule)
    : account_(account), store_(store), rule_(rule) {}

std::optional<Unaccepted> DesiredGuard::check(const Desired& desired, Time now) {
  const auto good = store_.load_note(account_.id, good_name);
  if (!good || !rule_ || desired.revision.empty()) return std::nullopt;
  const auto before = lines_of(*good);
  if (before.front() == desired.revision) return std::nullopt;
  std::set<std::string> there;
  for (const auto& user : desired.users) {
    there.insert(key_of(user.username));
    for (const auto& earlier : user.previously) there.insert(key_of(earlier));
  }
  std::vector<std::string> gone;
  std::copy_if(before.begin() + 1, before.end(), std::back_inserter(gone),
               [&](const std::string& key) { return !there.contains(key); });
  const auto had = before.size() - 1;
  if (!is_beyond(rule_->limit, gone.size(), had)) return std::nullopt;

  std::string says = "desired\n" + account_.id + '\n';
  for (const auto& key : gone) says += key + '\n';
  const auto id = sha256_hex(says).substr(0, 32);
  if (store_.approved_actions(account_.id, now).contains(id)) return std::nullopt;
  return Unaccepted{id, names_of(*rule_),
                    "the desired state lost " + std::to_string(gone.size()) + " of its " +
                        std::to_string(had) + " users since the last good one, " + gone.front() +
                        (gone.size() > 1 ? " and others" : "") + "; if that is meant: usersyncd approve " +
                        id};
}

void DesiredGuard::accept(const Desired& desired) {
  if (desired.revision.empty()) return;
  std::string good = desired.revision + '\n';
  for (const auto& user : desired.users) {
    if (!user.absent) good += key_of(user.username) + '\n';
  }
  if (store_.load_note(account_.id, good_name) != good) store_.save_note(account_.id, good_name, good);
}

std::string last_good_revision(Store& store, const std::string& account) {
  const auto good = store.load_note(account, good_name);
  return good ? lines_of(*good).front() : std::string{};
}

EmptyListGuard::EmptyListGuard(const AccountContext& account, Store& store,
                               const std::optional<ShrinkRule>& rule)
    : account_(account), store_(store), rule_(rule) {}

std::optional<Unaccepted> EmptyListGuard::check(const Desired& desired, bool counting, Time now) {
  const auto wanted = wanted_in(desired);
  if (!rule_ || wanted == 0 || store_.load_note(account_.id, empty_name)) return std::nullopt;
  const auto id = sha256_hex("empty\n" + account_.id + '\n').substr(0, 32);
  if (is_confirmed(account_.id, store_, *rule_, id, counting, now)) return std::nullopt;
  return Unaccepted{id, names_of(*rule_),
                    "the list is empty and nobody was ever seen in this account, though " +
                        std::to_string(wanted) +
                        " users are wanted in it; if it really is empty: usersyncd approve " + id};
}

void EmptyListGuard::accept(const Desired& desired) {
  if (wanted_in(desired) == 0 || store_.load_note(account_.id, empty_name)) return;
  store_.save_note(account_.id, empty_name, "accepted");
}

}  // namespace usersyncd
