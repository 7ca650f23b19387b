#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "providers/api_client.hpp"
#include "providers/pager.hpp"
#include "providers/profile.hpp"
#include "sync/ports.hpp"
#include "sync/secret.hpp"

namespace usersyncd {

/// Takes a new user's password to whoever hands it over, before the user is created. An error: the user is
/// not created, because nobody would know the password.
using PasswordDelivery = std::function<Result<bool>(const std::string& username, const Secret& password)>;

/// The one provider: any REST API that a profile describes.
class RestProvider final : public Provider {
 public:
  /// `deliver` may be empty: then a password that the provider demands is known to nobody, and the person has
  /// to have it reset.
  RestProvider(std::shared_ptr<const Profile> profile, RestSettings settings, RestLogin login,
               RestPorts ports, PasswordDelivery deliver);
  /// The same with a profile of its own.
  RestProvider(Profile profile, RestSettings settings, RestLogin login, RestPorts ports,
               PasswordDelivery deliver);

  Awaitable<Result<Catalog>> read_catalog(ExchangeContext context) override;
  Awaitable<Result<Listing>> list_users(ExchangeContext context, ListMark known) override;
  Awaitable<Result<std::optional<RemoteUser>>> read_user(UserKey key, ExchangeContext context) override;
  Awaitable<WriteOutcome> create(const Permit& permit, ExchangeContext context) override;
  Awaitable<WriteOutcome> update(const Permit& permit, RemoteUser base, ExchangeContext context) override;
  Awaitable<WriteOutcome> remove(const Permit& permit, ExchangeContext context) override;

  const Profile& profile() const { return profile_; }
  const Capabilities& capabilities() const { return profile_.capabilities; }

  /// For `status`: until when requests wait for the rate limit, and why.
  std::optional<RateGate::Waiting> waiting() const { return client_.waiting(); }
  /// How long a read that came now would have to wait for its turn.
  Duration delay_of_reads() const { return client_.delay_of_reads(); }
  /// What has been learned of the provider's limits, by class of endpoints: for RestSettings::rates of the
  /// next process, and in words.
  std::map<std::string, std::string> rates() const { return client_.rates(); }
  std::map<std::string, std::string> learned_rates() const { return client_.learned_rates(); }

 private:
  Awaitable<WriteOutcome> send(Endpoint call, UserKey key, std::string body, Operation operation,
                               ExchangeContext context);
  Awaitable<Result<StringSet>> read_accounts(ExchangeContext context);
  using PagesRead = std::vector<std::pair<std::string, Result<PageAnswer>>>;  ///< by target
  Awaitable<PagesRead> recognise(const std::string& first, const ListMark& known,
                                 const ExchangeContext& context);
  Awaitable<Result<Listing>> decode_list(const std::string& first, PagesRead read,
                                         const ExchangeContext& context);
  Answer understood(PageAnswer& page) const;
  std::optional<Error> take_page(const Answer& answer, const std::vector<std::string>& links,
                                 const std::string& target, Pager& pager, Listing& listing) const;
  std::optional<Error> read_page(const boost::json::value& tree, PageFacts& facts, Listing& page) const;
  void read_next_page(const boost::json::value& tree, const std::vector<std::string>& links,
                      const std::string& target, PageFacts& facts, Listing& page) const;
  Result<RemoteUser> remote_user(boost::json::value& item) const;
  Result<RemoteUser> user_asked_for(const boost::json::value& tree, const UserKey& key) const;
  Result<Endpoint> item_call(const UserKey& key) const;
  std::optional<WriteOutcome> cannot(const Action& action) const;
  Result<std::string> update_body(const Action& action, const RemoteUser& base) const;
  void keep_answer(SentWrite& sent, const UserKey& key) const;
  Error wrong_account(const StringSet& seen) const;

  const std::shared_ptr<const Profile> shared_profile_;
  const Profile& profile_;
  const std::string account_;
  ApiClient client_;
  Redactor& redactor_;
  PasswordDelivery deliver_;
  Catalog catalog_;  ///< the last that was read, to name roles by id
};

}  // namespace usersyncd
