#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "sync/ports.hpp"
#include "sync/secret.hpp"

namespace usersyncd {

/// A fresh access token.
struct Token {
  Secret value;
  Duration lifetime{};
};

/// The access token of one account: fetched when first needed, renewed early by one caller while the others
/// wait for it, and dropped when the provider does not accept it any more.
class TokenKeeper {
 public:
  using Fetch = std::function<Awaitable<Result<Token>>()>;

  /// `fetch` asks the provider; it has to bound its own time. The clock outlives the keeper.
  TokenKeeper(Clock& clock, Duration refresh_early, Fetch fetch);

  /// The header value `Bearer …`. The error is that of the fetch.
  Awaitable<Result<std::string>> authorization();

  /// The provider refused this header value. A newer token that somebody else has fetched meanwhile is kept.
  /// False: that was to be expected, as it had been dropped before or was about to run out.
  bool drop(const std::string& refused);

 private:
  bool is_fresh() const;
  Awaitable<Result<std::string>> renew();

  Clock& clock_;
  Duration refresh_early_;
  Fetch fetch_;
  std::string header_;                                  ///< empty: none
  Duration fresh_until_{0};                             ///< steady time
  Error failure_;                                       ///< of the last renewal, for those who waited for it
  std::shared_ptr<boost::asio::steady_timer> renewal_;  ///< set while somebody fetches; cancelled when done
};

}  // namespace usersyncd
