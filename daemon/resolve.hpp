#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <vector>

#include "daemon/base_url.hpp"

namespace usersyncd {

using Deadline = std::chrono::steady_clock::time_point;

struct Resolved {
  std::vector<boost::asio::ip::tcp::endpoint> endpoints;
  boost::system::error_code error;  ///< boost::asio::error::timed_out: not within the deadline
};

/// The addresses of an origin; for one without TLS only those of this machine, whatever the resolver says.
/// The resolver cannot be interrupted: at the deadline it is left behind, and its late answer is dropped.
boost::asio::awaitable<Resolved> resolve(Origin origin, Deadline deadline);

}  // namespace usersyncd
