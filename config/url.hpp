#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace usersyncd {

/// Whether a host name or address is this machine's own: `localhost`, 127.0.0.0/8, `::1` (also in brackets).
bool is_loopback(std::string_view host);

/// What is wrong with the base URL of a provider, or nothing. It must be https:// (http:// for loopback
/// only), with a host, and without user, query and fragment.
std::optional<std::string> fault_of_base_url(const std::string& url);

/// What is wrong with a listen address, or nothing: `unix:PATH`, or `HOST:PORT` with a loopback host.
std::optional<std::string> fault_of_listen_address(const std::string& address);

}  // namespace usersyncd
