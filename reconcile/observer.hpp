#pragma once

#include <string>

#include "reconcile/account.hpp"
#include "reconcile/shrink.hpp"
#include "sync/believe.hpp"

namespace usersyncd {

/// All that one poll of an account found.
struct Observed {
  Observation observation;
  Snapshot known;  ///< what was remembered before
  Snapshot next;   ///< what is to be remembered from now on; only if the observation is complete
  PlanMemory memory;
  std::string shrink_id;  ///< set if the list is refused for its size alone: what a person may approve
  /// Of the list, if all that is known of the account comes from it, the catalogue and quiet times: nobody
  /// had to be looked up and nothing of the past bears on the plan.
  ListMark quiet_list;
  std::vector<Override> outdated_overrides;  ///< their users are to have another value by now
};

/// What was read of an account before anything was made of it.
struct AccountReading {
  Catalog catalog;
  Listing listing;
};

/// Reads an account: catalogue, list, single users where the list does not tell enough. Sends no write.
class Observer {
 public:
  Observer(const AccountContext& account, Ports ports, std::string run);

  /// Catalogue and list, as they come. The list may be recognised by `known` instead of decoded.
  Awaitable<Result<AccountReading>> read(ListMark known);

  /// Makes an observation of a reading. An Error means that the provider could not be read; a list that
  /// nobody can believe is no Error but an observation that is not complete. With `settle_intents`, writes of
  /// which nobody knows what became of them are resolved by what is read now; otherwise they only make their
  /// users wait. `insist` ignores backoffs.
  Awaitable<Result<Observed>> observe(AccountReading reading, const Desired& desired, const Ways& ways,
                                      ShrinkGuard& guard, bool settle_intents, bool insist);

 private:
  Listing take(AccountReading reading, Observed& observed) const;
  Awaitable<void> look_for_missing(const Desired& desired, const Listing& listing, Observed& observed);
  Awaitable<void> settle(const Intent& intent, const Listing& listing, Observed& observed);
  bool cannot_ask_for(const UserKey& user) const;
  void settle_by_list(const Intent& intent, Observed& observed);
  void close_settled(const Intent& intent, IntentState state, const std::string& message, const User* found,
                     Observed& observed);
  Awaitable<Result<bool>> read_items(const Desired& desired, const Ways& ways, const Listing& listing,
                                     Observed& observed);
  Awaitable<void> read_item(const User& listed, Observed& observed);
  void recall(const Desired& desired, Observed& observed, bool insist);
  void remember_all(const Desired& desired, Observed& observed);
  bool is_quiet(const Belief& belief, const Listing& listing, const Observed& observed) const;
  ExchangeContext context(const std::string& username = {}) const;

  const AccountContext& account_;
  Ports ports_;
  std::string run_;
  std::map<std::string, RemoteUser> items_;  // read in this poll, by key
};

}  // namespace usersyncd
