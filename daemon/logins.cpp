#include "daemon/logins.hpp"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>

#include "daemon/base_url.hpp"
#include "daemon/secrets.hpp"
#include "sync/user.hpp"

namespace usersyncd {
namespace {

namespace fs = std::filesystem;

// What is no URL is reported elsewhere.
std::string comparable_url(const std::string& url) {
  const auto origin = parse_base_url(url);
  if (!origin) return url;
  return (origin->tls ? "https://" : "http://") + origin->authority() + origin->path_prefix;
}

std::string place_of(const SecretRef& reference) {
  if (reference.from == SecretRef::From::environment) return "env " + reference.name;
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  const bool credential = reference.from == SecretRef::From::credential;
  if (credential && !directory) return "credential " + reference.name;
  const fs::path path = credential ? fs::path{directory} / reference.name : fs::path{reference.name};
  std::error_code unknown;
  const auto real = fs::weakly_canonical(path, unknown);
  return "file " + (unknown ? path : real).string();
}

// A pipe gives its value once, to whoever logs in.
bool may_be_read_twice(const std::string& place) {
  if (!place.starts_with("file ")) return place.starts_with("env ");
  std::error_code unknown;
  return fs::is_regular_file(place.substr(5), unknown);
}

std::string user_of(const CredentialsConfig& credentials) {
  const auto place = place_of(credentials.user);
  if (!may_be_read_twice(place)) return place;
  const auto value = read_secret(credentials.user);
  if (!value) return place;
  const bool name = credentials.type == CredentialsConfig::Type::basic;
  return name ? "username " + key_of(value->reveal()) : "id " + std::string{value->reveal()};
}

}  // namespace

void check_logins(const std::vector<AccountSettings>& accounts, Problems& problems) {
  std::map<std::tuple<std::string, std::string>, std::vector<const AccountConfig*>> by_provider;
  for (const auto& account : accounts) {
    const auto& config = account.config;
    const auto& url = config.base_url.empty() ? account.profile->base_url : config.base_url;
    by_provider[{account.profile->name, comparable_url(url)}].push_back(&config);
  }
  for (const auto& [provider, configs] : by_provider) {
    if (configs.size() < 2) continue;
    std::map<std::string, const AccountConfig*> by_user;
    for (const auto* config : configs) {
      const auto [first, is_new] = by_user.emplace(user_of(config->credentials), config);
      if (is_new) continue;
      problems.add(
          config->place,
          "the same login (provider, base URL and client id or username) is used twice; the first is at " +
              first->second->place.text() + "; list it once, under the id of its main account");
    }
  }
}

}  // namespace usersyncd
