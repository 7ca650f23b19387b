#include "config/url.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace usersyncd {
namespace {

struct HostPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

/// Splits `host`, `host:port`, `[v6]`, `[v6]:port`.
std::optional<HostPort> split_host_port(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const std::size_t end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && end == std::string_view::npos) return std::nullopt;
  const std::size_t host_end = bracketed ? end + 1 : std::min(end, text.size());
  HostPort result{text.substr(0, host_end), std::nullopt};
  const std::string_view rest = text.substr(host_end);
  if (rest.empty()) return result;
  if (!rest.starts_with(':')) return std::nullopt;
  result.port = rest.substr(1);
  return result;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port <= 65535;
}

bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    in6_addr address{};
    return inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &address) == 1;
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

}  // namespace

bool is_loopback(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string text(host);
  if (text == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127U;
  in6_addr v6{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::optional<std::string> fault_of_base_url(const std::string& url) {
  const bool plain = url.starts_with("http://");
  if (!plain && !url.starts_with("https://")) return "a base URL starts with https://";
  const std::string_view rest = std::string_view(url).substr(plain ? 7 : 8);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.find('@') != std::string_view::npos)
    return "a base URL holds no user or password; they belong under `credentials`";
  const bool visible = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!visible || url.find_first_of("?#\\") != std::string::npos)
    return "a base URL has no blanks, query or fragment";
  const std::optional<HostPort> parts = split_host_port(authority);
  if (!parts || !is_host(parts->host) || (parts->port && !is_port(*parts->port)))
    return "expected a URL such as https://api.example.com or https://api.example.com:8443/path";
  if (plain && !is_loopback(parts->host))
    return "http:// would send the credentials unencrypted; it is accepted for loopback addresses only";
  return std::nullopt;
}

std::optional<std::string> fault_of_listen_address(const std::string& address) {
  constexpr std::size_t longest_socket_path = sizeof(sockaddr_un::sun_path) - 1;
  if (address.starts_with("unix:")) {
    const std::size_t length = address.size() - std::string_view("unix:").size();
    if (length == 0) return "unix: is followed by the path of a socket";
    if (length > longest_socket_path)
      return "the path of a socket has at most " + std::to_string(longest_socket_path) + " characters";
    return std::nullopt;
  }
  const std::optional<HostPort> parts = split_host_port(address);
  if (!parts || !parts->port || !is_port(*parts->port) || !is_host(parts->host))
    return "expected unix:PATH or a loopback address with a port, such as 127.0.0.1:9470";
  if (!is_loopback(parts->host))
    return "the admin interface has no password; it may listen on a loopback address or a unix: socket only";
  return std::nullopt;
}

}  // namespace usersyncd
