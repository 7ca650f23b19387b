#include "daemon/resolve.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <string>

namespace usersyncd {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// Shared by the waiting coroutine and the resolver's thread of work, whichever lives longer.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), timer(executor) {}
  tcp::resolver resolver;
  asio::steady_timer timer;
  Resolved resolved;
};

void keep(Resolved& resolved, const Origin& origin, const tcp::resolver::results_type& results) {
  for (const auto& result : results) {
    const tcp::endpoint endpoint = result.endpoint();
    if (origin.tls || endpoint.address().is_loopback()) resolved.endpoints.push_back(endpoint);
  }
  if (resolved.endpoints.empty()) resolved.error = asio::error::host_not_found;
}

void start(const std::shared_ptr<Lookup>& lookup, const Origin& origin) {
  lookup->resolved.error = asio::error::timed_out;
  lookup->resolver.async_resolve(
      origin.host, std::to_string(origin.port), tcp::resolver::numeric_service,
      [lookup, origin](boost::system::error_code error, const tcp::resolver::results_type& results) {
        lookup->resolved.error = error;
        if (!error) keep(lookup->resolved, origin, results);
        lookup->timer.cancel();
      });
}

}  // namespace

asio::awaitable<Resolved> resolve(Origin origin, Deadline deadline) {
  if (origin.host_is_address) {
    Resolved resolved;
    resolved.endpoints.emplace_back(asio::ip::make_address(origin.host), origin.port);
    co_return resolved;
  }
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto lookup = std::make_shared<Lookup>(executor);
  lookup->timer.expires_at(deadline);
  start(lookup, origin);
  boost::system::error_code woken;
  co_await lookup->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  co_return lookup->resolved;
}

}  // namespace usersyncd
