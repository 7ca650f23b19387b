#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "daemon/base_url.hpp"

namespace usersyncd {

TEST_CASE("base URL: what is accepted, and what it means") {
  struct Row {
    std::string text, host;
    std::uint16_t port;
    std::string prefix, authority;
  };
  const std::vector<Row> rows{
      {"https://api.bandwidth.com", "api.bandwidth.com", 443, "", "api.bandwidth.com"},
      {"https://Dashboard.Bandwidth.com/api/", "dashboard.bandwidth.com", 443, "/api",
       "dashboard.bandwidth.com"},
      {"https://host:8443/a/b%20c", "host", 8443, "/a/b%20c", "host:8443"},
      {"HTTPS://host:443", "host", 443, "", "host"},
      {"https://[2001:db8::1]:8443", "2001:db8::1", 8443, "", "[2001:db8::1]:8443"},
      {"http://127.0.0.1:8080/api", "127.0.0.1", 8080, "/api", "127.0.0.1:8080"},
      {"http://[::1]", "::1", 80, "", "[::1]"},
      {"http://localhost:1", "localhost", 1, "", "localhost:1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto origin = parse_base_url(row.text);
    REQUIRE(origin.has_value());
    CHECK(origin->host == row.host);
    CHECK(origin->port == row.port);
    CHECK(origin->path_prefix == row.prefix);
    CHECK(origin->authority() == row.authority);
  }
}

TEST_CASE("base URL: what is refused, and why") {
  struct Row {
    std::string text, why;
  };
  const std::vector<Row> rows{
      {"", "is not a URL"},
      {"api.bandwidth.com", "is not a URL"},
      {"ftp://host", "must begin with https://"},
      {"https:/path", "names no host"},
      {"https://", "not a host name"},
      {"https:///path", "not a host name"},
      {"https://a..b", "not a host name"},
      {"https://host%2Fevil", "not a host name"},
      {"https://host:0", "port"},
      {"https://host:99999", "port"},
      {"https://host?x=1", "query"},
      {"https://host/#top", "fragment"},
      {"https://host/a/../b", ".."},
      {"http://api.bandwidth.com", "loopback"},
      {"http://10.0.0.1", "loopback"},
      {"http://localhost.evil.example", "loopback"},
      {"http://127.0.0.1.evil.example", "not a host name"},
      {"http://127.0.0.1evil:80/x", "not a host name"},
      {"https://[v1.x]", "unknown kind"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto origin = parse_base_url(row.text);
    REQUIRE_FALSE(origin.has_value());
    INFO(origin.error().message);
    CHECK(origin.error().kind == ErrorKind::config);
    CHECK(origin.error().message.find(row.why) != std::string::npos);
  }
}

TEST_CASE("base URL: a password in it is refused and not repeated") {
  const auto origin = parse_base_url("https://ann:hunter2-hunter2@host/");
  REQUIRE_FALSE(origin.has_value());
  CHECK(origin.error().message.find("must not hold a user name") != std::string::npos);
  CHECK(origin.error().message.find("hunter2") == std::string::npos);
}

}  // namespace usersyncd
