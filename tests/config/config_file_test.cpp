#include "config/config_file.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/url.hpp"
#include "tests/config/scratch_directory.hpp"

namespace usersyncd {
namespace {

constexpr const char* head = "version: 1\ndesired: {path: d}\naccounts:\n";
constexpr const char* login = "credentials: {clientId: {file: id}, clientSecret: {env: SECRET}}";

/// A config with one account that has `more` besides what is needed. The account is in line 4.
std::string with_account(const std::string& more) {
  return std::string(head) + "  - {id: \"1\", provider: bandwidth-v1, " + login + (more.empty() ? "" : ", ") +
         more + "}\n";
}

/// A config whose only account has these credentials, in line 4.
std::string with_credentials(const std::string& credentials) {
  return std::string(head) + "  - {id: \"1\", provider: p, credentials: " + credentials + "}\n";
}

std::optional<Config> read(const std::string& text, Problems& problems) {
  const auto document = parse_yaml("/etc/u/c.yaml", text, problems);
  if (!document) return std::nullopt;
  return read_config(*document, problems);
}

Config good(const std::string& text) {
  Problems problems;
  auto config = read(text, problems);
  CHECK(problems.text() == "");
  REQUIRE(config);
  return std::move(*config);
}

TEST_CASE("the audit section names a key and a retention, and is checked") {
  const Config without = good(with_account(""));
  CHECK(!without.audit.key);
  CHECK(!without.audit.retention);
  const Config config = good(with_account("") + "audit: { key: { file: key }, retention: 400d }\n");
  CHECK(config.audit.key->name == "/etc/u/key");
  CHECK(config.audit.retention == std::chrono::hours{400 * 24});
  for (const char* bad : {"audit: { retention: 0s }\n", "audit: { retention: forever }\n",
                          "audit: { key: PRIVATE+KEY+x }\n", "audit: { keys: 1 }\n"}) {
    Problems problems;
    CHECK(!read(with_account("") + bad, problems));
    CHECK(problems.text().find("c.yaml:5:") != std::string::npos);
    CHECK(problems.text().find("PRIVATE") == std::string::npos);
  }
}

TEST_CASE("the contract's config is read") {
  Problems problems;
  const auto config = load_config(SOURCE_DIR "/tests/config/data/contract_config.yaml", problems);
  CHECK(problems.text() == "");
  REQUIRE(config);
  CHECK(config->store_path == "/var/lib/usersyncd/usersyncd.db");
  CHECK(config->desired_path == "/etc/usersyncd/desired");
  CHECK(config->policies_path == "/etc/usersyncd/policies");
  CHECK(config->admin_listen == "unix:/run/usersyncd/admin.sock");
  REQUIRE(config->accounts.size() == 1);
  const AccountConfig& account = config->accounts.front();
  CHECK(account.id == "5500001");
  CHECK(account.name == "production");
  CHECK(account.provider == "bandwidth-v1");
  CHECK(account.base_url == "https://api.bandwidth.com");
  CHECK(account.mode == Mode::observe);
  CHECK(account.poll_interval == Duration{60'000});
  CHECK(account.credentials.type == CredentialsConfig::Type::oauth2);
  CHECK(account.credentials.user.from == SecretRef::From::file);
  CHECK(account.credentials.user.name == "/run/secrets/id");
  CHECK(account.credentials.secret.from == SecretRef::From::credential);
  CHECK(account.credentials.secret.name == "bandwidth-secret");
  CHECK(account.ca_file == "/etc/ssl/my-ca.pem");
  CHECK(account.limits.max_in_flight == 8);
  CHECK(account.limits.max_response_bytes == (64ULL << 20U));
  CHECK(account.limits.retry_for == Duration{600'000});
  CHECK(account.passwords.deliver == PasswordsConfig::Deliver::none);
  CHECK(account.place.line == 8);
}

TEST_CASE("what a config does not write has the documented default") {
  const Config config = good(with_account(""));
  CHECK(config.store_path == "/var/lib/usersyncd/usersyncd.db");
  CHECK(config.policies_path == "");
  CHECK(config.admin_listen == "");
  CHECK(config.log_level == Config::LogLevel::info);
  CHECK(config.log_format == Config::LogFormat::automatic);
  const AccountConfig& account = config.accounts.front();
  CHECK(account.mode == Mode::observe);
  CHECK(account.base_url == "");
  CHECK(account.poll_interval == Duration{60'000});
  CHECK(account.limits.request_timeout == Duration{30'000});
}

TEST_CASE("an unquoted account id keeps its text") {
  CHECK(good(std::string(head) + "  - {id: 0055, provider: p, " + login + "}\n").accounts[0].id == "0055");
}

TEST_CASE("relative paths are relative to the directory of the config file") {
  const Config config = good(
      "version: 1\nstore: {path: s/u.db}\ndesired: {path: ./d}\npolicies: {path: ../p}\n"
      "admin: {listen: \"unix:a.sock\"}\naccounts:\n  - id: a\n    provider: my.yaml\n    " +
      std::string(login) + "\n    tls: {caFile: ca.pem}\n    passwords: {directory: out}\n");
  CHECK(config.store_path == "/etc/u/s/u.db");
  CHECK(config.desired_path == "/etc/u/d");
  CHECK(config.policies_path == "/etc/p");
  CHECK(config.admin_listen == "unix:/etc/u/a.sock");
  const AccountConfig& account = config.accounts[0];
  CHECK(account.provider == "/etc/u/my.yaml");
  CHECK(account.credentials.user.name == "/etc/u/id");
  CHECK(account.credentials.secret.name == "SECRET");
  CHECK(account.ca_file == "/etc/u/ca.pem");
  CHECK(account.passwords.directory == "/etc/u/out");
}

TEST_CASE("passwords are delivered in every form that the contract can be read to allow") {
  using Deliver = PasswordsConfig::Deliver;
  const std::vector<std::pair<std::string, Deliver>> cases{
      {"{deliver: none}", Deliver::none},
      {"{}", Deliver::none},
      {"{directory: /run/p}", Deliver::directory},
      {"{deliver: {directory: /run/p}}", Deliver::directory},
      {"{deliver: directory, directory: /run/p}", Deliver::directory},
      {"{command: [/usr/bin/put, x]}", Deliver::command},
      {"{deliver: {command: [/usr/bin/put, x]}}", Deliver::command},
      {"{deliver: command, command: [/usr/bin/put, x]}", Deliver::command},
  };
  for (const auto& [text, deliver] : cases) {
    const std::string shown = text;
    CAPTURE(shown);
    const PasswordsConfig passwords = good(with_account("passwords: " + text)).accounts[0].passwords;
    CHECK(passwords.deliver == deliver);
    CHECK(passwords.directory == (deliver == Deliver::directory ? "/run/p" : ""));
    CHECK(passwords.command.size() == (deliver == Deliver::command ? 2 : 0));
  }
}

TEST_CASE("basic credentials") {
  const auto credentials = good(with_credentials("{type: basic, username: {file: /u}, password: {env: P}}"))
                               .accounts[0]
                               .credentials;
  CHECK(credentials.type == CredentialsConfig::Type::basic);
  CHECK(credentials.user.name == "/u");
  CHECK(credentials.secret.from == SecretRef::From::environment);
}

// Property: each mistake is one problem, at its place, that says what to do.
TEST_CASE("A44: a config that is wrong is refused") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"version: 2\ndesired: {path: d}\naccounts: []", "1:10: error: this program reads version 1"},
      {"desired: {path: d}\naccounts: []", "1:1: error: the key `version` is missing"},
      {"version: 1\naccounts: []", "1:1: error: the key `desired` is missing"},
      {"version: 1\ndesired: {path: d}\naccounts: []", "3:11: error: at least one account"},
      {with_account("pollIntervall: 60s"), "unknown key `pollIntervall`; did you mean `pollInterval`?"},
      {with_account("pollInterval: 50ms"), "expected a duration of at least 100ms"},
      {with_account("pollInterval: 60"), "expected a duration such as"},
      {with_account("mode: enforced"), "found `enforced`; did you mean `enforce`?"},
      {with_account("limits: {maxInFlight: 0}"), "expected a whole number from 1 to 64"},
      {with_account("limits: {maxInFlight: 65}"), "expected a whole number from 1 to 64"},
      {with_account("limits: {maxResponseBytes: 1B}"), "expected a size from"},
      {with_account("limits: {retryFor: 2d}"), "expected a duration of at least"},
      {with_account("baseUrl: \"http://api.example.com\""), "http:// would send the credentials unencrypted"},
      {with_account("baseUrl: \"https://u:p@api.example.com\""), "a base URL holds no user or password"},
      {with_account("passwords: {deliver: directory}"), "it is not said where"},
      {with_account("passwords: {directory: a, command: [/b]}"), "in one way only"},
      {with_account("passwords: {command: []}"), "the program is missing"},
      {with_account("passwords: {deliver: {command: []}}"), "it is not said where"},
      {with_account("passwords: {command: [put]}"), "write the whole path of the program"},
      {with_account("passwords: {deliver: none, directory: a}"), "this contradicts"},
      {with_credentials("{}"), "type oauth2 needs `clientId` and `clientSecret`"},
      {with_credentials("{type: basic, clientId: {env: A}, clientSecret: {env: B}}"),
       "type basic needs `username` and `password`, and not"},
      {with_credentials("{clientId: {env: A}}"), "type oauth2 needs"},
      {with_credentials("{clientId: {env: A}, clientSecret: {}}"), "one of `file`, `credential` or `env`"},
      {with_credentials("{clientId: {env: A}, clientSecret: {file: a, env: B}}"), "`file` and `env` exclude"},
      {with_credentials("{clientId: {env: A}, clientSecret: {credential: ../x}}"), "without a slash"},
      {with_credentials("{type: oauth, clientId: {env: A}, clientSecret: {env: B}}"),
       "did you mean `oauth2`?"},
      {std::string("log: {level: verbose}\n") + with_account(""), "1:14: error: expected one of `debug`"},
      {std::string("admin: {listen: \"0.0.0.0:9470\"}\n") + with_account(""),
       "1:17: error: the admin interface"},
  };
  for (const auto& [text, message] : cases) {
    const std::string shown = text;
    CAPTURE(shown);
    Problems problems;
    CHECK_FALSE(read(text, problems));
    CHECK_MESSAGE(problems.text().find(message) != std::string::npos, problems.text());
    CHECK(problems.count() == 1);
  }
}

TEST_CASE("A58: a secret in plain text is refused, and not repeated in the error") {
  for (const std::string& credentials : std::vector<std::string>{
           "{clientId: {env: A}, clientSecret: hunter2}", "{clientId: hunter2, clientSecret: {env: A}}",
           "{clientId: {env: A}, clientSecret: {value: hunter2}}",
           "{clientId: {env: A}, clientSekret: hunter2}", "{clientId: {env: A}, clientSecret: [hunter2]}",
           "hunter2"}) {
    CAPTURE(credentials);
    Problems problems;
    CHECK_FALSE(read(with_credentials(credentials), problems));
    CHECK(problems.text().find("/etc/u/c.yaml:4:") == 0);
    CHECK(problems.text().find("hunter2") == std::string::npos);
  }
  Problems problems;
  CHECK_FALSE(read(with_credentials("{clientId: {env: A}, clientSecret: hunter2}"), problems));
  CHECK(problems.text().find("4:76: error: a secret is not written into the config: put it where") !=
        std::string::npos);
}

TEST_CASE("the same id, or the same login, twice names both places") {
  const auto account = [](const std::string& id, const std::string& url, const std::string& user) {
    return "  - {id: " + id + ", provider: p, baseUrl: \"" + url +
           "\", credentials: {clientId: {file: " + user + "}, clientSecret: {env: S}}}\n";
  };
  Problems problems;
  CHECK_FALSE(read(head + account("a", "https://x.com", "u") + account("a", "https://x.com", "v"), problems));
  CHECK(problems.text().starts_with(
      "/etc/u/c.yaml:5:5: error: the account id `a` is used twice; the first is at /etc/u/c.yaml:4:5\n"));

  Problems logins;
  CHECK_FALSE(
      read(head + account("a", "https://x.com", "u") + account("b", "https://X.com/", "/etc/u/u"), logins));
  CHECK(logins.text().starts_with("/etc/u/c.yaml:5:5: error: the same login"));
  CHECK(logins.text().find("the first is at /etc/u/c.yaml:4:5;") != std::string::npos);

  good(head + account("a", "https://x.com", "u") + account("b", "https://x.com", "v"));
  good(head + account("a", "https://x.com", "u") + account("b", "https://y.com", "u"));
}

TEST_CASE("base URLs") {
  for (const char* url :
       {"https://api.example.com", "https://api.example.com:8443/v1", "http://127.0.0.1:8080",
        "http://localhost", "http://[::1]:80/", "http://127.9.9.9"})
    CHECK_MESSAGE(!fault_of_base_url(url), url);
  for (const char* url : {"", "api.example.com", "ftp://x", "https://", "https://a b", "https://x?y",
                          "https://x#y", "http://127.0.0.1.example.com", "http://localhost.example.com",
                          "http://10.0.0.1", "http://user@localhost", "https://x:99999", "https://x:",
                          "https://[::1", "http://[::2]", "https://x\\@y", "HTTP://example.com"})
    CHECK_MESSAGE(fault_of_base_url(url), url);
}

TEST_CASE("listen addresses") {
  for (const char* address :
       {"unix:/run/a.sock", "127.0.0.1:9470", "localhost:1", "[::1]:9470", "127.0.0.1:0"})
    CHECK_MESSAGE(!fault_of_listen_address(address), address);
  for (const char* address : {"", "unix:", "9470", "127.0.0.1", "0.0.0.0:9470", "[::]:1", "example.com:80",
                              "127.0.0.1:x", "127.0.0.1:65536"})
    CHECK_MESSAGE(fault_of_listen_address(address), address);
  CHECK(fault_of_listen_address("unix:/" + std::string(200, 'a')));
}

TEST_CASE("a config that is not there is a problem") {
  const ScratchDirectory scratch;
  Problems problems;
  CHECK_FALSE(load_config(scratch.path("c.yaml"), problems));
  CHECK(problems.text().find("c.yaml: error: cannot open the file") != std::string::npos);
}

}  // namespace
}  // namespace usersyncd
