#include "providers/profile.hpp"

#include "providers/target.hpp"
#include "tests/providers/support.hpp"
#include "tests/support/schema_check.hpp"

namespace usersyncd::test {
namespace {

std::string problems_of(const std::string& from, const std::string& to) {
  std::string text;
  for (const auto& [name, yaml] : built_in_profiles()) {
    if (name == "bandwidth-dashboard") text = yaml;
  }
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  Problems problems;
  const auto profile = parse_profile("mine.yaml", text, problems);
  CHECK(profile.has_value() == problems.empty());
  return problems.text();
}

TEST_CASE("both built-in profiles are valid, and say what the contract says") {
  const Profile v1 = built_in("bandwidth-v1");
  CHECK(v1.base_url == "https://api.bandwidth.com");
  CHECK_FALSE(v1.capabilities.remove);
  CHECK_FALSE(v1.endpoints.remove);
  CHECK(v1.creation.password.empty());
  CHECK(v1.account_check == AccountCheck::accounts);
  const Profile dashboard = built_in("bandwidth-dashboard");
  CHECK(dashboard.base_url == "https://dashboard.bandwidth.com/api");
  CHECK(dashboard.capabilities.remove);
  CHECK_FALSE(dashboard.capabilities.scopes);
  CHECK(dashboard.creation.password == "Password");
  CHECK(dashboard.authentication.kinds.size() == 2);
  CHECK(v1.capabilities.by_id.empty());
  CHECK(dashboard.capabilities.by_id ==
        std::vector{Operation::update, Operation::enable, Operation::disable, Operation::remove});
  CHECK(dashboard.capabilities.tells_enabled);
  CHECK(v1.capabilities.unique_usernames);
  CHECK(dashboard.capabilities.unique_usernames);
}

TEST_CASE("a profile that makes no sense is refused with its place") {
  struct Row {
    std::string from, to, message;
  };
  for (const Row& row : std::vector<Row>{
           {"kind: none", "kind: nine", "mine.yaml:"},
           {"kind: none", "kindd: none", "kind"},
           {"list: GET", "list: FETCH", "a method and a path"},
           {"list: GET", "list: POST", "must be a GET"},
           {"users/{userId}  ", "users  ", "must contain {userId} or {username}"},
           {"{username}", "{nickname}", "a method and a path"},
           {"baseUrl: https://dashboard.bandwidth.com/api", "baseUrl: ftp://x", "expected an https:// URL"},
           {"  scopes: false", "  scopes: true", "scopes needs fields.scope"},
           {"  enabled: [Enabled] ", "  # ", "disable needs fields.enabled"},
           {"accountCheck: users", "accountCheck: accounts", "accounts needs endpoints.accounts"},
           {"meaning: credential", "meaning: whatever", "whatever"},
           {"{ codes: [12000], meaning: notFound }", "{ meaning: notFound }",
            "one of status, codes and text"},
           {"  item: GET /accounts/{accountId}/users/{userId} "
            "         # [I] only a third party describes it\n"
            "  itemByUsername: GET /users/{username} ",
            "  # ", "item or itemByUsername is needed"},
           {"  username: [Username]", "  username: []", "at least one name"},
           {"  username: [Username]", "  username: [.name]", "is not a name, nor a path"},
           {"firstName: [FirstName]", "firstName: [name..given]", "is not a name, nor a path"},
           {"firstName: [FirstName]", "firstName: []", "at least one name"},
           {"version: 1", "version: 2", "mine.yaml:"},
       }) {
    CAPTURE(row.to);
    const std::string text = problems_of(row.from, row.to);
    CHECK_MESSAGE(text.find(row.message) != std::string::npos, text);
    CHECK(text.find("mine.yaml:") != std::string::npos);
  }
}

TEST_CASE("a file that is no map is refused for that alone, not for what it lacks") {
  for (const auto* text : {"a word", "[one, two]", "7"}) {
    CAPTURE(text);
    Problems problems;
    CHECK_FALSE(parse_profile("mine.yaml", text, problems));
    CHECK(problems.all().size() == 1);
    CHECK(problems.text().find("expected a map with keys such as") != std::string::npos);
  }
}

TEST_CASE("a name that is no profile is reported where it was written, with the nearest one") {
  Problems problems;
  CHECK_FALSE(load_profile("bandwidth-v2", problems, Place{"usersyncd.yaml", 7, 15}));
  CHECK(problems.text().find("usersyncd.yaml:7:15: error: unknown provider profile") != std::string::npos);
  CHECK(problems.text().find("bandwidth-v1") != std::string::npos);
  CHECK_FALSE(load_profile("/nowhere/profile.yaml", problems));
}

TEST_CASE("a copied built-in profile loads from a file, and the schema knows every section") {
  Problems problems;
  const auto copy = load_profile(std::string(SOURCE_DIR) + "/providers/profiles/bandwidth-v1.yaml", problems);
  REQUIRE_MESSAGE(copy, problems.text());
  CHECK(copy->name == "bandwidth-v1");
  const json::value schema = json::parse(profile_schema());
  for (const char* key :
       {"endpoints", "paging", "answers", "fields", "creation", "can", "meanings", "rate"}) {
    CHECK(schema.at("properties").as_object().contains(key));
  }
}

TEST_CASE("the schema accepts the built-in profiles, as the reader does") {
  const json::value schema = json::parse(profile_schema());
  for (const auto& profile : built_in_profiles()) {
    const auto& name = profile.first;
    CAPTURE(name);
    Problems problems;
    const auto document = parse_yaml(name, std::string(profile.second), problems);
    REQUIRE(document);
    for (const auto& trouble : violations(seen_by_editor(document->root), schema.as_object()))
      FAIL_CHECK(trouble);
  }
}

TEST_CASE("identifiers are percent-encoded, and one that would be another path is refused") {
  const Endpoint call{"GET", "/accounts/{accountId}/users/{username}"};
  const auto target = [&](const std::string& username) {
    return target_of(call, "1", UserKey{username, ""});
  };
  CHECK(target("a.b@x-y_z").value() == "/accounts/1/users/a.b%40x-y_z");
  CHECK(target("a/../b?c#d e%41").value() == "/accounts/1/users/a%2F..%2Fb%3Fc%23d%20e%2541");
  CHECK(target("\xC3\xA9").value() == "/accounts/1/users/%C3%A9");
  CHECK(target("{username}").value() == "/accounts/1/users/%7Busername%7D");
  for (const char* bad : {"", ".", "..", "..."}) CHECK_FALSE(target(bad));
  CHECK_FALSE(target_of(Endpoint{"GET", "/users/{userId}"}, "1", UserKey{"a", ""}));
}

TEST_CASE("links are followed below the base URL only") {
  const std::string base = "https://h.example/api/";
  const auto to = [&](const std::string& link) { return follow(base, "/users?limit=1", link); };
  CHECK(to("/api/users?c=2").value() == "/users?c=2");
  CHECK(to("https://h.example/api/x").value() == "/x");
  CHECK(to("https://H.example:443/api/x").value() == "/x");
  CHECK(to("?c=2").value() == "/users?c=2");
  for (const char* away :
       {"https://other.example/api/x", "http://h.example/api/x", "https://h.example:444/api/x",
        "//other.example/api/x", "https://u:p@h.example/api/x", "/other", "/api/../admin", "\x01",
        "https://h.example.evil/api/x"}) {
    CAPTURE(away);
    CHECK_FALSE(to(away));
  }
  CHECK(last_segment("https://h/users/u%402") == "u@2");
  CHECK(last_segment("/users/u2") == "u2");
  CHECK(last_segment("") == "");
}

TEST_CASE("the token is asked for where the person who configured the account sends the credential") {
  const Profile v1 = built_in("bandwidth-v1");
  CHECK(token_call(v1, "").base_url == "https://api.bandwidth.com");
  CHECK(token_call(v1, "http://127.0.0.1:9/").base_url == "http://127.0.0.1:9");
  CHECK(token_call(v1, "").target == "/api/v1/oauth2/token");
  const Profile dashboard = built_in("bandwidth-dashboard");
  CHECK(token_call(dashboard, "").base_url == "https://api.bandwidth.com");
  CHECK(token_call(dashboard, "https://dashboard.bandwidth.com/api").base_url == "https://api.bandwidth.com");
  CHECK(token_call(dashboard, "http://127.0.0.1:9/api").base_url == "http://127.0.0.1:9");
  CHECK(token_call(dashboard, "http://127.0.0.1:9/api").target == "/api/v1/oauth2/token");
}

}  // namespace
}  // namespace usersyncd::test
