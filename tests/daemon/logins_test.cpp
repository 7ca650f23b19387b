#include "daemon/logins.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_store.hpp"

namespace usersyncd::test {
namespace {

namespace fs = std::filesystem;

/// A directory with secrets, and accounts that log in with them.
struct Logins {
  explicit Logins(std::string provider_url = "https://api.acme.example") {
    auto made = std::make_shared<Profile>();
    made->name = "acme";
    made->base_url = std::move(provider_url);
    profile = std::move(made);
  }
  SecretRef secret(const std::string& name, const std::string& value) const {
    const auto path = (directory / name).string();
    std::ofstream{path} << value << '\n';
    ::chmod(path.c_str(), 0600);
    return file(name);
  }
  SecretRef file(const std::string& name) const {
    return {SecretRef::From::file, (directory / name).string(), {}};
  }
  void add(const std::string& url, SecretRef user,
           CredentialsConfig::Type type = CredentialsConfig::Type::oauth2) {
    AccountSettings account;
    account.config.id = std::to_string(accounts.size());
    account.config.base_url = url;
    account.config.credentials.type = type;
    account.config.credentials.user = std::move(user);
    account.config.place = Place{"c.yaml", static_cast<int>(accounts.size()) + 1, 1};
    account.profile = profile;
    accounts.push_back(std::move(account));
  }
  std::string problems() const {
    Problems found;
    check_logins(accounts, found);
    return found.text();
  }

  TempStore temporary;  ///< for its directory
  fs::path directory = temporary.directory();
  std::shared_ptr<const Profile> profile;
  std::vector<AccountSettings> accounts;
};

TEST_CASE(
    "the same login in other words: the profile's base URL, its default port, a slash, the host's case") {
  for (const char* url :
       {"", "https://api.acme.example", "https://api.acme.example:443", "https://API.acme.example/"}) {
    CAPTURE(url);
    Logins logins;
    logins.add("https://api.acme.example", logins.secret("id", "abc"));
    logins.add(url, logins.file("id"));
    CHECK(logins.problems().starts_with("c.yaml:2:1: error: the same login"));
    CHECK(logins.problems().find("the first is at c.yaml:1:1;") != std::string::npos);
  }
  for (const char* other : {"https://api.acme.example:8443", "https://api.acme.example/v2"}) {
    Logins logins;
    logins.add("", logins.secret("id", "abc"));
    logins.add(other, logins.file("id"));
    CHECK_MESSAGE(logins.problems().empty(), other);
  }
}

TEST_CASE("the same login from another place: a second file, a link, the environment") {
  Logins logins;
  logins.add("", logins.secret("id", "abc"));
  logins.add("", logins.secret("copy", "abc"));
  fs::create_symlink("id", logins.directory / "link");
  logins.add("", logins.file("link"));
  ::setenv("USERSYNCD_TEST_ID", "abc", 1);
  logins.add("", {SecretRef::From::environment, "USERSYNCD_TEST_ID", {}});
  logins.add("", logins.secret("other", "ABC"));
  logins.add("", logins.file("id"), CredentialsConfig::Type::basic);  // a username of the same letters
  const std::string text = logins.problems();
  for (const char* place : {"c.yaml:2:", "c.yaml:3:", "c.yaml:4:"})
    CHECK(text.find(place) != std::string::npos);
  for (const char* place : {"c.yaml:5:", "c.yaml:6:"}) CHECK(text.find(place) == std::string::npos);
  CHECK(text.find("abc") == std::string::npos);
}

TEST_CASE("what cannot be read is compared by where it is, and a pipe is not emptied") {
  Logins logins;
  logins.add("", logins.file("missing"));
  logins.add("", logins.file("../" + logins.directory.filename().string() + "/missing"));
  const auto pipe = logins.file("pipe");
  REQUIRE(::mkfifo(pipe.name.c_str(), 0600) == 0);
  logins.add("", pipe);
  CHECK(logins.problems().find("c.yaml:2:") != std::string::npos);
  CHECK(logins.problems().find("c.yaml:3:") == std::string::npos);
}

}  // namespace
}  // namespace usersyncd::test
