#include "reconcile/in_doubt.hpp"

#include <algorithm>

namespace usersyncd {
namespace {

// A request and its answer, and once more the same, for what was held up on the way.
Duration on_its_way(const AccountContext& account) {
  return 2 * account.request_timeout;
}

}  // namespace

void InDoubt::recover() {
  const auto now = clock_.now();
  std::map<std::int64_t, Duration> over_at;
  for (const auto& intent : store_.recover(account_.id, now + on_its_way(account_), now)) {
    const auto known = over_at_.find(intent.id);
    over_at[intent.id] = known == over_at_.end() ? clock_.steady() + first_wait(intent) : known->second;
  }
  over_at_ = std::move(over_at);
  std::erase_if(arrived_at_, [&](const auto& one) { return one.second <= clock_.steady(); });
}

Time InDoubt::put(std::int64_t intent, Duration wait, const std::string& message,
                  const std::string& told_id) {
  const auto now = clock_.now();
  wait += grace(store_.find_intent(intent)->write.operation);
  store_.mark_unknown(intent, now + wait, message, now, told_id);
  over_at_[intent] = clock_.steady() + wait;
  return now + wait;
}

void InDoubt::resolve(const Intent& intent, const IntentEnd& end) {
  const bool early = !is_over(intent.id);
  store_.close_intent(intent.id, end, clock_.now());
  over_at_.erase(intent.id);
  // Whoever was created was created by this request; what reads as changed may be somebody else's doing.
  if (early && end.state == IntentState::done && intent.write.operation != Operation::create)
    note_unanswered(intent.write.username);
}

bool InDoubt::is_over(std::int64_t intent) const {
  const auto known = over_at_.find(intent);
  return known != over_at_.end() && known->second <= clock_.steady();
}

void InDoubt::note_unanswered(const std::string& username) {
  arrived_at_[key_of(username)] = clock_.steady() + on_its_way(account_);
}

std::vector<std::string> InDoubt::unanswered() const {
  std::vector<std::string> keys;
  for (const auto& [key, arrived_at] : arrived_at_) {
    if (arrived_at > clock_.steady()) keys.push_back(key);
  }
  return keys;
}

Duration InDoubt::left() const {
  Duration longest{0};
  for (const auto& [intent, over_at] : over_at_) longest = std::max(longest, over_at - clock_.steady());
  for (const auto& [key, arrived_at] : arrived_at_) longest = std::max(longest, arrived_at - clock_.steady());
  return longest;
}

// All that an earlier process meant to wait, once more. It meant to wait no longer than any wait takes,
// however the clock was set between its intent and its doubt.
Duration InDoubt::first_wait(const Intent& intent) const {
  const auto more = grace(intent.write.operation);
  const auto least = on_its_way(account_);
  const auto most = std::max(least, account_.visibility_grace);
  const Duration meant = intent.resolve_after ? *intent.resolve_after - intent.opened_at : least + more;
  return std::clamp(meant, least + more, most + more);
}

// A new user may be invisible for a while (A32). Where a second create would make a second user, that while
// has to be over before nobody is taken for nobody; and so it has where a list, which may be stale, is all
// the answer there is, as a user can be asked for by id only, and the id got lost.
Duration InDoubt::grace(Operation operation) const {
  const auto& can = account_.capabilities;
  const bool conclusive = operation != Operation::create || (can.reads_by_name && can.unique_usernames);
  return conclusive ? Duration{0} : account_.visibility_grace;
}

}  // namespace usersyncd
