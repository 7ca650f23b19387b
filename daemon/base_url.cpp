#include "daemon/base_url.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

namespace usersyncd {
namespace {

constexpr std::size_t longest_host = 253;

Error refused(std::string_view text, std::string_view why) {
  return Error{ErrorKind::config, "base URL \"" + std::string{text} + "\": " + std::string{why}, {}};
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= longest_host && host.front() != '.' && host.front() != '-' &&
         host.find("..") == std::string_view::npos &&
         std::all_of(host.begin(), host.end(), is_name_character);
}

bool has_dot_segment(const boost::urls::url_view& url) {
  const auto segments = url.segments();
  return std::any_of(segments.begin(), segments.end(),
                     [](const auto& segment) { return segment == "." || segment == ".."; });
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// Fills in host and port; returns why not, or nothing.
std::string_view read_authority(const boost::urls::url_view& url, Origin& origin) {
  if (url.has_userinfo()) return "must not hold a user name or password; write them under credentials";
  if (url.host_type() == boost::urls::host_type::ipvfuture) return "the host is of an unknown kind";
  origin.host = lower_case(std::string{url.host_address()});
  boost::system::error_code not_address;
  boost::asio::ip::make_address(origin.host, not_address);
  origin.host_is_address = !not_address;
  // Boost.URL 1.81 reads 127.0.0.1.evil.example as the address 127.0.0.1 and the path .evil.example.
  const bool whole = url.encoded_path().empty() || url.encoded_path().front() == '/';
  if (!whole || (!origin.host_is_address && !is_host_name(origin.host))) {
    return "the host is not a host name or address";
  }
  origin.port = origin.tls ? 443 : 80;
  const std::string digits{url.port()};
  if (digits.empty()) return {};
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, origin.port);
  const bool valid = error == std::errc{} && stop == end && origin.port != 0;
  return valid ? std::string_view{} : "the port must be between 1 and 65535";
}

}  // namespace

std::string Origin::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : '[' + host + ']';
  return port == (tls ? 443 : 80) ? name : name + ':' + std::to_string(port);
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string{host}, error);
  return !error && address.is_loopback();
}

Result<Origin> parse_base_url(std::string_view text) {
  const auto url = boost::urls::parse_uri(text);
  if (!url) return refused(text, "is not a URL; write it as https://host/path");
  Origin origin;
  origin.tls = url->scheme_id() == boost::urls::scheme::https;
  if (!origin.tls && url->scheme_id() != boost::urls::scheme::http)
    return refused(text, "must begin with https://");
  if (!url->has_authority()) return refused(text, "names no host; write it as https://host/path");
  if (const auto fault = read_authority(*url, origin); !fault.empty()) {
    // The text is left out where it may hold a password.
    return url->has_userinfo() ? refused("…", fault) : refused(text, fault);
  }
  if (!origin.tls && !is_loopback_host(origin.host)) {
    return refused(text, "http is accepted for loopback addresses only; write https");
  }
  if (url->has_query()) return refused(text, "must not hold a query (?)");
  if (url->has_fragment()) return refused(text, "must not hold a fragment (#)");
  if (has_dot_segment(*url)) return refused(text, "must not hold . or .. in its path");

  origin.path_prefix = std::string{url->encoded_path()};
  while (origin.path_prefix.ends_with('/')) origin.path_prefix.pop_back();
  return origin;
}

}  // namespace usersyncd
