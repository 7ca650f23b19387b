#include "reconcile/shrink.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "sync/plan.hpp"

namespace usersyncd {
namespace {

constexpr const char* note_name = "shrink";  // "<id> <polls that saw it>"

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
  const auto id = id_of(account_.id, belief);
  if (store_.approved_actions(account_.id, now).contains(id)) return true;
  if (!rule_ || !rule_->confirm_after) return false;
  const int seen = polls_that_saw(store_.load_note(account_.id, note_name), id);
  if (seen >= *rule_->confirm_after) return true;
  if (counting) store_.save_note(account_.id, note_name, id + ' ' + std::to_string(seen + 1));
  return false;
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
  std::string rules;
  for (const auto& name : rule_->rules) rules += (rules.empty() ? "" : ", ") + name;
  return Unaccepted{id, rules,
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

}  // namespace usersyncd
