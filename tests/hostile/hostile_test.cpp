#include <doctest/doctest.h>

#include <chrono>

#include "tests/daemon/http_fixture.hpp"
#include "tests/hostile/target.hpp"

// The real program against servers that mean harm. Whatever they do: no write, no request to anybody else, an
// end within the deadline, and less memory than 128 MiB.

namespace usersyncd::hostile {
namespace {

using test::Peer;
using test::Script;
using test::ScriptedServer;

struct Siege {
  std::size_t cases = 0;
  std::chrono::duration<double> longest{0};
  long memory = peak_memory_of_children();  ///< the most so far
};

bool only_reads(const ScriptedServer& server) {
  for (const auto& request : server.requests()) {
    if (!request.starts_with("GET ")) return false;
  }
  return true;
}

test::Run run_against(ScriptedServer& server, const std::string& url, const std::string& ca_file,
                      Siege& siege) {
  Target target{url, ca_file};
  const auto started = std::chrono::steady_clock::now();
  auto run = target.apply();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  if (took > std::chrono::seconds{4} || peak_memory_of_children() > siege.memory + 8 * 1024)
    MESSAGE("took " << took.count() << " s; " << peak_memory_of_children() / 1024 << " MiB");
  siege.memory = peak_memory_of_children();
  siege.longest = std::max(siege.longest, took);
  ++siege.cases;
  CHECK(took < longest_run);
  CHECK(only_reads(server));
  if (memory_is_ours) CHECK(peak_memory_of_children() < most_memory_kib);
  // What the server says is shown to people: it must not be able to write on their terminal.
  CHECK(run.err.find('\x1b') == std::string::npos);
  CHECK(run.err.find("defect") == std::string::npos);
  return run;
}

void withstand(const std::vector<Case>& cases) {
  Siege siege;
  for (const auto& one : cases) {
    CAPTURE(one.name);
    ScriptedServer server{{besieged(one.attack)}};
    const auto run = run_against(server, server.url(), {}, siege);
    CHECK_MESSAGE(run.exit == (one.expected == Expected::taken ? 0 : 1), run.out << run.err);
    // An answer that is taken is asked for once; one that is not, a few times.
    CHECK(server.connections() <= 40);
  }
  MESSAGE(siege.cases << " cases, the longest " << siege.longest.count() << " s, most memory so far "
                      << peak_memory_of_children() / 1024 << " MiB"
                      << (memory_is_ours
                              ? ""
                              : "; built with a sanitizer, so the bound on memory was NOT checked"));
}

}  // namespace

TEST_CASE("hostile: no redirect leads to anybody else") {
  ScriptedServer elsewhere{{test::answer_with(ok(true_list))}};
  withstand(redirect_cases(elsewhere.url()));
  CHECK(elsewhere.connections() == 0);
}

TEST_CASE("hostile: lengths, chunks and codings that can be read in two ways") {
  withstand(framing_cases());
}

TEST_CASE("hostile: status lines and headers") {
  withstand(header_cases());
}

TEST_CASE("hostile: sizes") {
  withstand(size_cases());
}

TEST_CASE("hostile: depth, entities, encodings and errors in disguise") {
  withstand(content_cases());
}

TEST_CASE("hostile: slow, silent and gone") {
  withstand(slow_cases());
}

TEST_CASE("hostile: an answer that nobody has asked for yet is never taken for the next one") {
  const std::string roles = ok(R"({"Roles":[]})");
  const std::string empty_list = ok(R"({"Users":[]})");
  // With the answer to the roles comes one to the list, in which nobody is left.
  const std::vector<Case> cases{
      {"in the same packet",
       [&](Peer& peer) {
         while (true) {
           const auto request = peer.read_request();
           if (request.empty()) return;
           const bool for_roles = request.find("/roles") != std::string::npos;
           if (!peer.send(for_roles ? roles + empty_list : ok(true_list))) return;
         }
       },
       Expected::taken},
      {"before the request",
       [&](Peer& peer) {
         peer.send(roles);
         while (!peer.read_request().empty()) peer.send(ok(true_list));
       }},
  };
  for (const auto& one : cases) {
    CAPTURE(one.name);
    Siege siege;
    ScriptedServer server{{one.attack}};
    const auto run = run_against(server, server.url(), {}, siege);
    if (one.expected == Expected::taken) CHECK_MESSAGE(run.exit == 0, run.out << run.err);
    CHECK(run.out.find("+ create") == std::string::npos);
  }
}

TEST_CASE("hostile: a connection reset or closed after every byte of an answer") {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(true_list.size()) +
      "\r\nX-Request-Id: 0123456789abcdef0123456789abcdef\r\nCache-Control: no-store\r\nServer: a\r\n\r\n" +
      true_list;
  REQUIRE(answer.size() >= 250);
  for (const bool reset : {true, false}) {
    for (std::size_t cut = 0; cut < answer.size(); ++cut) {
      const auto attack = [&](Peer& peer) {
        peer.send(std::string_view{answer}.substr(0, cut));
        if (reset) peer.reset();
      };
      ScriptedServer server{{besieged(attack)}};
      test::HttpFixture client{server.url()};
      const auto came = client.get("/accounts/5500001/users");
      CAPTURE(cut);
      REQUIRE_FALSE(came.has_value());
      CHECK(came.error().may_have_arrived);
      CHECK(server.connections() == 1);
      // The whole program at some of them.
      if (cut % 40 != 0) continue;
      Siege siege;
      ScriptedServer again{{besieged(attack)}};
      const auto run = run_against(again, again.url(), {}, siege);
      CHECK(run.exit == 1);
    }
  }
  MESSAGE(answer.size() << " places, each reset and closed");
}

TEST_CASE("hostile: TLS") {
  test::TestAuthority authority, other;
  const test::CertificateWish good{{"DNS:localhost"}};
  auto expired = good, early = good;
  expired.valid_until = -60;
  early.valid_from = 600;
  auto own_key = other.ca_file();
  own_key.replace(own_key.rfind(".pem"), 4, ".key");
  struct Row {
    const char* name;
    test::ServerTls tls;
  };
  const std::vector<Row> rows{
      {"expired", {authority.issue(expired), false}},
      {"not valid yet", {authority.issue(early), false}},
      {"another host", {authority.issue({{"DNS:other.example"}}), false}},
      {"everybody", {authority.issue({{"DNS:*"}}), false}},
      {"no names", {authority.issue({}), false}},
      {"unknown authority", {other.issue(good), false}},
      {"self-signed", {{other.ca_file(), own_key}, false}},
      {"TLS 1.1 only", {authority.issue(good), true}},
  };
  Siege siege;
  for (const auto& row : rows) {
    CAPTURE(row.name);
    ScriptedServer server{{besieged([](Peer& peer) { peer.send(ok(true_list)); })}, row.tls};
    const auto run = run_against(server, server.url(), authority.ca_file(), siege);
    CHECK_MESSAGE(run.exit == 1, run.out << run.err);
    CHECK(server.requests().empty());
  }
  ScriptedServer honest{{besieged([](Peer& peer) { peer.send(ok(true_list)); })},
                        test::ServerTls{authority.issue(good)}};
  const auto run = run_against(honest, honest.url(), authority.ca_file(), siege);
  CHECK_MESSAGE(run.exit == 0, run.out << run.err);
  MESSAGE(siege.cases << " cases, the longest " << siege.longest.count() << " s");
}

TEST_CASE("hostile: a handshake that is none") {
  test::TestAuthority authority;
  const std::vector<std::pair<std::string, Script>> rows{
      {"closed at once", [](Peer& peer) { peer.close(); }},
      {"reset at once", [](Peer& peer) { peer.reset(); }},
      {"silence", [](Peer& peer) { peer.wait_until_closed(); }},
      {"plain HTTP", [](Peer& peer) { peer.send(ok(true_list)); }},
      {"an alert",
       [](Peer& peer) {
         peer.send(std::string_view{"\x15\x03\x03\0\2\2\x28", 7});
       }},
      {"half a greeting",
       [](Peer& peer) {
         peer.send(std::string_view{"\x16\x03\x03\0\x7a\2\0\0\x76\3\3", 11});
         peer.close();
       }},
      {"half a greeting, then silence",
       [](Peer& peer) {
         peer.send(std::string_view{"\x16\x03\x03\0\x7a\2\0\0\x76\3\3", 11});
         peer.wait_until_closed();
       }},
      {"a record of the wrong length", [](Peer& peer) { peer.send(std::string(70'000, '\x16')); }},
      {"dripped garbage", [](Peer& peer) { peer.drip(std::string(5000, '\x16')); }},
  };
  Siege siege;
  for (const auto& [name, script] : rows) {
    const std::string shown = name;
    CAPTURE(shown);
    ScriptedServer server{{script}};
    const auto run =
        run_against(server, "https://localhost:" + std::to_string(server.port()), authority.ca_file(), siege);
    CHECK_MESSAGE(run.exit == 1, run.out << run.err);
    CHECK(server.requests().empty());
  }
  MESSAGE(siege.cases << " cases, the longest " << siege.longest.count() << " s");
}

}  // namespace usersyncd::hostile
