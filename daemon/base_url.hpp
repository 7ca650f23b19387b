#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sync/error.hpp"

namespace usersyncd {

/// The one place that the requests of an account go to, and what its paths begin with.
struct Origin {
  bool tls = true;
  std::string host;  ///< a name in lower case, or an IP address without brackets
  bool host_is_address = false;
  std::uint16_t port = 443;
  std::string path_prefix;  ///< empty, or begins with `/` and does not end with it

  /// `host:port`, without the port where it is the usual one; IPv6 addresses in brackets.
  std::string authority() const;
  friend bool operator==(const Origin&, const Origin&) = default;
};

/// Reads a base URL: `https://dashboard.bandwidth.com/api`. Plain `http` is accepted for loopback only; user
/// names, queries, fragments and dot segments are refused. The error is of kind config and says what to write
/// instead.
Result<Origin> parse_base_url(std::string_view text);

/// Whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1.
bool is_loopback_host(std::string_view host);

}  // namespace usersyncd
