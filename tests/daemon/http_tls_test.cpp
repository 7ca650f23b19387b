#include <boost/asio/ssl/context.hpp>
#include <vector>

#include "daemon/tls.hpp"
#include "tests/daemon/http_fixture.hpp"
#include "tests/support/certificates.hpp"

namespace usersyncd::test {
namespace {

using Kind = HttpFailure::Kind;

HttpOptions trusting(const std::string& ca_file) {
  HttpOptions options;
  options.ca_file = ca_file;
  return options;
}

std::string url_of(const std::string& host, const ScriptedServer& server) {
  return "https://" + host + ":" + std::to_string(server.port());
}

}  // namespace

TEST_CASE("tls: a certificate counts for the names and addresses that it lists, and for no other") {
  TestAuthority authority;
  struct Row {
    std::string what;
    std::vector<std::string> names;
    std::string host;
    bool accepted;
  };
  const std::vector<Row> rows{
      {"right name", {"DNS:localhost"}, "localhost", true},
      {"one of several", {"DNS:a.example", "DNS:localhost"}, "localhost", true},
      {"right address", {"IP:127.0.0.1"}, "127.0.0.1", true},
      {"wrong name", {"DNS:other.example"}, "localhost", false},
      {"wrong address", {"IP:127.0.0.2"}, "127.0.0.1", false},
      {"address written as a name", {"DNS:127.0.0.1"}, "127.0.0.1", false},
      {"only the common name is right", {}, "localhost", false},
      {"wildcard of everything", {"DNS:*"}, "localhost", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server{{answer_with(ok("x"))}, ServerTls{authority.issue({row.names}), false}};
    HttpFixture client{url_of(row.host, server), trusting(authority.ca_file())};
    const Answer answer = client.post();
    if (row.accepted) {
      REQUIRE(answer.has_value());
      CHECK(answer->body == "x");
    } else {
      check_failure(answer, Kind::tls, "the certificate of " + row.host + " is for another name");
      CHECK_FALSE(answer.error().may_have_arrived);
      CHECK(server.requests().empty());
    }
  }
}

TEST_CASE("tls: what is wrong with a server is said, and nothing is sent to it") {
  TestAuthority authority;
  TestAuthority other;
  CertificateWish good{{"DNS:localhost"}};
  CertificateWish expired = good;
  expired.valid_until = -60;
  CertificateWish early = good;
  early.valid_from = 600;
  struct Row {
    std::string what;
    ServerTls tls;
    std::string ca_file, words;
  };
  const std::vector<Row> rows{
      {"unknown authority",
       {authority.issue(good)},
       other.ca_file(),
       "unknown certificate authority for localhost; set tls.caFile"},
      {"system's authorities", {authority.issue(good)}, "", "unknown certificate authority"},
      {"expired", {authority.issue(expired)}, authority.ca_file(), "has expired"},
      {"not yet valid", {authority.issue(early)}, authority.ca_file(), "not valid yet"},
      {"TLS 1.1", {authority.issue(good), true}, authority.ca_file(), "TLS 1.2 or newer"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server{{answer_with(ok("x"))}, row.tls};
    HttpFixture client{server.url(), trusting(row.ca_file)};
    const Answer answer = client.post();
    check_failure(answer, Kind::tls, row.words);
    CHECK_FALSE(answer.error().may_have_arrived);
    CHECK(server.requests().empty());
  }
}

TEST_CASE("tls: a plain server is not talked to in plain text") {
  ScriptedServer server{{[](Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_until_closed();
  }}};
  HttpFixture client{url_of("localhost", server)};
  const Answer answer = client.get();
  check_failure(answer, Kind::tls, "TLS handshake with localhost failed");
  CHECK(server.requests().empty());
}

TEST_CASE("tls: the deadline holds during a handshake that never ends") {
  ScriptedServer server{{[](Peer& peer) { peer.wait_until_closed(); }}};
  HttpOptions options;
  options.timeout = Duration{200};
  HttpFixture client{url_of("127.0.0.1", server), options};
  const Answer answer = client.post();
  check_failure(answer, Kind::timeout, "within 200ms");
  CHECK_FALSE(answer.error().may_have_arrived);
}

TEST_CASE("tls: connections are kept, cut answers noticed, and dead ones replaced, as without TLS") {
  TestAuthority authority;
  const ServerTls tls{authority.issue({{"DNS:localhost"}}), false};
  const HttpOptions options = trusting(authority.ca_file());
  const Script two_answers = [](Peer& peer) {
    for (int i = 0; i < 2; ++i) {
      if (peer.read_request().empty()) return;
      peer.send(ok("x"));
    }
    peer.read_request();
    peer.reset();
  };
  SUBCASE("kept and replaced") {
    ScriptedServer server{{two_answers}, tls};
    HttpFixture client{server.url(), options};
    for (int i = 0; i < 4; ++i) REQUIRE(client.get().has_value());
    CHECK(server.connections() == 2);
  }
  SUBCASE("cut with a farewell") {
    ScriptedServer server{{answer_with("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")}, tls};
    HttpFixture client{server.url(), options};
    check_failure(client.get(), Kind::truncated, "cut off");
  }
  SUBCASE("cut without") {
    const Script cut = [](Peer& peer) {
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      peer.reset();
    };
    ScriptedServer server{{cut}, tls};
    HttpFixture client{server.url(), options};
    const Answer answer = client.get();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().may_have_arrived);
  }
  SUBCASE("a large body") {
    const std::string body(9U << 20, 'x');
    ScriptedServer server{{answer_with(ok(body))}, tls};
    HttpFixture client{server.url(), options};
    const Answer answer = client.get();
    REQUIRE(answer.has_value());
    CHECK(answer->body == body);
  }
}

TEST_CASE("tls: one context per set of authorities, and an unreadable file is named") {
  TestAuthority authority;
  const auto first = client_tls(authority.ca_file());
  const auto second = client_tls(authority.ca_file());
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(*first == *second);

  const auto missing = client_tls("/no/such/ca.pem");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().kind == ErrorKind::config);
  CHECK(missing.error().message.find("/no/such/ca.pem") != std::string::npos);
}

}  // namespace usersyncd::test
