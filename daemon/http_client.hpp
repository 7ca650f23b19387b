#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "daemon/base_url.hpp"
#include "sync/error.hpp"
#include "sync/ports.hpp"
#include "sync/time.hpp"

namespace usersyncd {

struct HttpOptions {
  Origin origin;
  std::string ca_file;       ///< PEM; empty: the system's authorities
  Duration timeout{30'000};  ///< for a whole request, from the name look-up to the last byte
  std::uint64_t max_response_bytes = 64ULL << 20;  ///< of a body
  std::size_t idle_connections = 8;  ///< how many are kept open between requests: limits.maxInFlight
};

/// The client of one account's origin, over HTTP/1.1. Host, User-Agent, Accept-Encoding, Connection and
/// Content-Length are its own; every other header is the caller's. It refuses every answer of which it cannot
/// tell that it is whole and as it was sent, follows no redirect, and repeats nothing but a GET that went
/// into a kept connection which the server had closed. Runs on one thread. Must outlive its requests; their
/// deadline bounds them. Error of kind config: the authorities cannot be read.
Result<std::unique_ptr<Http>> make_http_client(boost::asio::any_io_executor executor, HttpOptions options);

}  // namespace usersyncd
