#include "reconcile/shrink.hpp"

#include <cstdlib>

#include "sync/plan.hpp"

namespace usersyncd {
namespace {

constexpr const char* note_name = "shrink";  // "<id> <polls that saw it>"

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

}  // namespace usersyncd
