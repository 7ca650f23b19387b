#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/program/support.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/temp_store.hpp"

// Bad input, each with its own clear error, its exit code and not one write.

namespace usersyncd::test {
namespace {

constexpr Api both_apis[] = {Api::v1, Api::dashboard};

Setup setup_for(Api api) {
  Setup setup;
  setup.api = api;
  setup.retry_for = "1s";
  return setup;
}

// apply is refused with this code and this message, and the simulator is asked for no change.
void check_refused(Bench& bench, int exit, const std::vector<std::string>& message) {
  const auto run = bench.run({"apply", "--yes"});
  CHECK_MESSAGE(run.exit == exit, run.out << run.err);
  CHECK_MESSAGE(missing_from(run.err, message) == "", run.err);
  CHECK(bench.simulator().writes().empty());
}

// A wish that would make a change, were it not for what is wrong.
void wish_for_a_change(Bench& bench) {
  add_people(bench.simulator());
  bench.wish(person("ann.lee", "    roles: []\n") + person("dan.new"));
}

struct BadYaml {
  std::string what;
  std::string text;
  std::vector<std::string> message;
};

const std::string head = "version: 1\naccount: \"5500001\"\n";

const std::vector<BadYaml>& bad_files() {
  static const std::vector<BadYaml> all{
      {"unknown key, nearest named",
       head + "users:\n  - username: ann.lee\n    rolse: []\n",
       {"bad.yaml:5:5: error:", "`rolse`", "`roles`", "    rolse: []"}},
      {"duplicate key",
       head + "users:\n  - username: ann.lee\n    phone: a\n    phone: b\n",
       {"bad.yaml:6:5: error:", "phone"}},
      {"user twice, whatever the case",
       head + "users:\n  - username: ann.lee\n  - username: ANN.lee\n",
       {"bad.yaml:5:", "bad.yaml:4:"}},
      {"tab", head + "users:\n\t- username: ann.lee\n", {"bad.yaml:4:1: error:", "tab"}},
      {"alias", head + "users:\n  - &a { username: ann.lee }\n  - *a\n", {"bad.yaml:4:", "error:"}},
      {"second document", head + "users: []\n---\nversion: 1\n", {"bad.yaml:", "document"}},
      {"not UTF-8", head + "users:\n  - username: \"ann\xff\"\n", {"bad.yaml:4:", "UTF-8"}},
      {"roles null", head + "users:\n  - username: ann.lee\n    roles: null\n", {"bad.yaml:5:", "roles"}},
      {"roles empty", head + "users:\n  - username: ann.lee\n    roles:\n", {"bad.yaml:5:", "roles"}},
      {"no username", head + "users:\n  - firstName: Ann\n", {"bad.yaml:4:", "username"}},
      {"an account that is not in the config",
       "version: 1\naccount: \"999\"\nusers: []\n",
       {"bad.yaml:2:", "999", "5500001"}},
      {"no version", "account: \"5500001\"\nusers: []\n", {"bad.yaml:", "version"}},
      {"another version", "version: 7\naccount: \"5500001\"\nusers: []\n", {"bad.yaml:1:", "version"}},
      {"cut off", head + "users:\n  - username: \"ann\n", {"bad.yaml:", "error:"}},
      {"not YAML at all", "<html><body>404</body></html>\n", {"bad.yaml:1:"}},
      {"empty file", "", {"bad.yaml:"}},
  };
  return all;
}

}  // namespace

TEST_CASE("A44: each kind of invalid YAML is an error with a place, exit 65, and nothing is asked") {
  Bench bench;
  wish_for_a_change(bench);
  for (const auto& bad : bad_files()) {
    CAPTURE(bad.what);
    bench.wish_file("bad.yaml", bad.text);
    check_refused(bench, 65, bad.message);
    CHECK(bench.run({"validate"}).exit == 65);
  }
  CHECK(bench.simulator().journal().empty());
}

TEST_CASE("A44: the same user in two files is an error that names both places") {
  Bench bench;
  bench.wish(person("ann.lee"));
  bench.wish_file("other.yaml", head + "users:\n  - username: Ann.Lee\n");
  check_refused(bench, 65, {"main.yaml:4:", "other.yaml:4:", "nn.", "ee"});
}

TEST_CASE("A5: an unreadable or empty place of the desired state is an error, never `nobody is wanted`") {
  Bench bench;
  std::filesystem::remove(bench.home().path("desired/main.yaml"));
  check_refused(bench, 65, {"desired", "error:"});
  std::filesystem::remove_all(bench.home().path("desired"));
  check_refused(bench, 65, {"desired", "error:"});
  std::filesystem::create_symlink("/proc/1/does-not-exist", bench.home().path("desired"));
  check_refused(bench, 65, {"desired", "error:"});
  CHECK(bench.simulator().journal().empty());
}

TEST_CASE("an unknown role and an account out of reach are named with their place") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    add_people(bench.simulator());
    bench.wish("  - username: ann.lee\n    roles: [basicAccess, Reportin]\n");
    check_refused(bench, 65, {"main.yaml:5:", "Reportin", "Reporting"});
    // The dashboard has no list of accounts to compare with: there the update itself is refused.
    if (api == Api::dashboard) continue;
    bench.wish("  - username: ann.lee\n    accounts: [\"5500001\", \"5509999\"]\n");
    check_refused(bench, 65, {"main.yaml:5:", "5509999"});
  }
}

TEST_CASE("wrong credentials say so, and nothing is written") {
  for (const Api api : both_apis) {
    auto setup = setup_for(api);
    setup.login.secret = "canary-wrong-secret";
    Bench bench{setup};
    wish_for_a_change(bench);
    check_refused(bench, 1, {"401", "5500001", "credential"});
    CHECK(bench.simulator().journal().size() <= 3);
  }
}

TEST_CASE("A58: a secret that every user of the machine may read is refused, with what to do") {
  Bench bench;
  const auto secret = bench.secrets().path("secret");
  namespace fs = std::filesystem;
  for (const auto open : {fs::perms::others_read, fs::perms::others_write}) {
    fs::permissions(secret, fs::perms::owner_read | fs::perms::owner_write | open);
    const auto refused = bench.run({"plan"});
    CHECK(refused.exit == 78);
    CHECK(missing_from(refused.err, {"usersyncd.yaml:", secret, "chmod o-rw"}) == "");
    CHECK(refused.err.find(bench.setup().login.secret) == std::string::npos);
  }
  CHECK(bench.simulator().journal().empty());
  fs::permissions(secret, fs::perms::owner_read | fs::perms::group_read);
  CHECK(bench.run({"plan"}).exit == 0);
}

TEST_CASE("A6: an account that the credential does not see is an error, not an empty account") {
  for (const Api api : both_apis) {
    auto setup = setup_for(api);
    setup.account = "5500009";
    Bench bench{setup};
    add_people(bench.simulator());
    bench.wish(person("ann.lee", "    roles: []\n"));
    check_refused(bench, 1, {"5500009"});
  }
}

TEST_CASE("a host that nobody answers on, and a name that does not exist") {
  for (const Api api : both_apis) {
    auto setup = setup_for(api);
    setup.base_url = "http://127.0.0.1:" + std::to_string(closed_port());
    Bench closed{setup};
    check_refused(closed, 1, {"127.0.0.1", "refused", "note: account 5500001: ", "tried again for at most"});
    setup.base_url = "https://no-such-host.invalid";
    Bench nowhere{setup};
    check_refused(nowhere, 1, {"no-such-host.invalid"});
  }
}

TEST_CASE("a wrong host, which answers but is not the API") {
  const ScriptedServer page{{[](Peer& peer) {
    while (!peer.read_request().empty()) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<html>Hi</html>");
    }
  }}};
  for (const Api api : both_apis) {
    auto setup = setup_for(api);
    setup.base_url = page.url();
    Bench bench{setup};
    check_refused(bench, 1, {"5500001"});
  }
  for (const auto& request : page.requests()) {
    CHECK((request.starts_with("GET ") || request.find("/oauth2/token") != std::string::npos));
  }
}

TEST_CASE("TLS: an unknown CA is refused, a known one accepted, another name refused") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api), {"--tls-self-signed"}};
    auto setup = bench.setup();
    bench.wish_file("main.yaml", bench.simulator().desired());
    const auto refused = bench.run({"apply", "--yes"});
    CHECK(refused.exit == 1);
    CHECK_MESSAGE(missing_from(refused.err, {"certificate"}) == "", refused.err);
    CHECK(bench.simulator().journal().empty());
    setup.account_lines = "    tls: { caFile: " + bench.simulator().tls_directory() + "/ca.pem }\n";
    bench.set_up(setup);
    const auto accepted = bench.run({"plan"});
    CHECK_MESSAGE(accepted.exit == 0, accepted.err);
  }
  TestAuthority authority;
  CertificateWish other;
  other.names = {"DNS:other.example"};
  const ScriptedServer server{{answer_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")},
                              ServerTls{authority.issue(other), false}};
  for (const Api api : both_apis) {
    auto setup = setup_for(api);
    setup.base_url = server.url();
    setup.account_lines = "    tls: { caFile: " + authority.ca_file() + " }\n";
    Bench bench{setup};
    check_refused(bench, 1, {"certificate", "localhost"});
  }
  CHECK(server.requests().empty());
}

TEST_CASE(
    "A58: a secret written into the config, or one that cannot be read, is refused without showing it") {
  Bench bench;
  const std::string good = read_text(bench.config());
  const auto secret_file = bench.secrets().path("secret");
  const auto with = [&](const std::string& value) {
    auto text = good;
    const std::string reference = "{ file: " + secret_file + " }";
    text.replace(text.find(reference), reference.size(), value);
    bench.home().write("usersyncd.yaml", text);
  };
  with("canary-plain-text");
  const auto plain = bench.run({"apply", "--yes"});
  CHECK(plain.exit == 78);
  CHECK_MESSAGE(missing_from(plain.err, {"usersyncd.yaml:11:", "{ file:"}) == "", plain.err);
  CHECK(plain.err.find("canary-plain-text") == std::string::npos);
  with("{ file: /nonexistent/secret }");
  check_refused(bench, 78, {"usersyncd.yaml:", "/nonexistent/secret"});
  with("{ env: USERSYNCD_TEST_UNSET }");
  check_refused(bench, 78, {"USERSYNCD_TEST_UNSET"});
  with("{ credential: bandwidth-secret }");
  check_refused(bench, 78, {"CREDENTIALS_DIRECTORY"});
  with("{ file: " + bench.secrets().write("empty", "\n") + " }");
  check_refused(bench, 78, {"empty"});
  with("{ env: USERSYNCD_TEST_SECRET }");
  CHECK(bench.run({"plan"}, {{"USERSYNCD_TEST_SECRET", bench.simulator().login().secret}}).exit == 0);
}

TEST_CASE("A44: an invalid config is exit 78 with a place, and nothing is asked") {
  struct Bad {
    const char* from;
    std::string to;
    std::vector<std::string> message;
  };
  const std::vector<Bad> all{
      {"mode: enforce", "mode: enforced", {"usersyncd.yaml:", "enforce"}},
      {"pollInterval", "polInterval", {"usersyncd.yaml:", "pollInterval"}},
      {"pollInterval: 1s", "pollInterval: soon", {"usersyncd.yaml:", "pollInterval"}},
      {"http://127.0.0.1", "http://api.example.com", {"usersyncd.yaml:", "unencrypted", "loopback"}},
      {"provider: bandwidth-v1", "provider: bandwith-v1", {"usersyncd.yaml:", "bandwidth-v1"}},
      {"version: 1", "version: 2", {"usersyncd.yaml:1:", "version"}},
      {"maxInFlight: 4", "maxInFlight: 0", {"usersyncd.yaml:", "maxInFlight"}},
  };
  Bench bench;
  const std::string good = read_text(bench.config());
  for (const auto& bad : all) {
    CAPTURE(bad.to);
    auto text = good;
    text.replace(text.find(bad.from), std::string_view{bad.from}.size(), bad.to);
    bench.home().write("usersyncd.yaml", text);
    check_refused(bench, 78, bad.message);
  }
  CHECK(bench.simulator().journal().empty());
}

TEST_CASE("a store from a newer version is refused, untouched") {
  Bench bench;
  wish_for_a_change(bench);
  REQUIRE(bench.run({"plan"}).exit == 2);
  const auto asked = bench.simulator().now();
  run_raw(bench.store(), "PRAGMA user_version = 9999");
  check_refused(bench, 1, {"usersyncd.db", "newer"});
  CHECK(bench.run({"status"}).exit == 1);
  CHECK(bench.simulator().now() == asked);
  CHECK(query_raw(bench.store(), "PRAGMA user_version") == "9999");
}

TEST_CASE("a file that is no store is refused, untouched") {
  Bench bench;
  wish_for_a_change(bench);
  bench.home().write("usersyncd.db", std::string(8192, 'x'));
  check_refused(bench, 1, {"usersyncd.db"});
  CHECK(read_text(bench.store()) == std::string(8192, 'x'));
}

TEST_CASE("a full disk stops before the first write that could not be recorded") {
  for (const Api api : both_apis) {
    Bench bench{setup_for(api)};
    wish_for_a_change(bench);
    REQUIRE(bench.run({"plan"}).exit == 2);
    bool worked = false;
    // From no room at all to enough; an intent that cannot be made durable must keep its request back.
    for (int blocks = 0; blocks < 4096 && !worked; blocks = blocks * 2 + 64) {
      CAPTURE(blocks);
      const std::string limited = "set -o pipefail; (trap '' XFSZ; ulimit -f " + std::to_string(blocks) +
                                  "; exec \"$0\" \"$@\") 2>&1 | cat";
      const auto run = run_program(
          {"/bin/bash", "-c", limited, usersyncd_binary(), "--config", bench.config(), "apply", "--yes"});
      worked = run.exit == 0;
      if (worked) continue;
      CHECK_MESSAGE(run.exit == 1, run.out << run.err);
      CHECK_MESSAGE(missing_from(run.out, {"error:"}) == "", run.out);
      const auto intents = query_raw(bench.store(), "SELECT count(*) FROM intents");
      CHECK(bench.simulator().writes().size() <= std::stoul(intents));
    }
    CHECK(worked);
    CHECK(bench.run({"plan"}).exit == 0);
    CHECK(bench.run({"audit", "verify"}).exit == 0);
  }
}

}  // namespace usersyncd::test
