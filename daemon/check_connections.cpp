#include "daemon/check_connections.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "daemon/base_url.hpp"
#include "daemon/tls.hpp"
#include "providers/target.hpp"

namespace usersyncd {
namespace {

void check_kind(const AccountSettings& account, Problems& problems) {
  const auto type = account.config.credentials.type;
  const auto kind = type == CredentialsConfig::Type::basic ? AuthKind::basic : AuthKind::oauth2;
  const auto& kinds = account.profile->authentication.kinds;
  if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return;
  problems.add(account.config.place, "the provider profile `" + account.config.provider +
                                         "` takes no credentials of type " +
                                         (kind == AuthKind::basic ? "basic" : "oauth2"));
}

void check_urls(const AccountSettings& account, Problems& problems) {
  const auto& config = account.config;
  const auto& own = account.profile->base_url;
  const auto& base = config.base_url.empty() ? own : config.base_url;
  const auto origin = parse_base_url(base);
  if (!origin) return problems.add(config.place, origin.error().message);
  if (config.credentials.type != CredentialsConfig::Type::oauth2) return;
  const auto token = parse_base_url(token_call(*account.profile, config.base_url).base_url);
  if (!token) problems.add(config.provider_place, "tokenUrl of the profile: " + token.error().message);
}

}  // namespace

void check_connections(const std::vector<AccountSettings>& accounts, Problems& problems) {
  std::map<std::string, std::string> authorities;  // what is wrong with each file; empty: nothing
  for (const auto& account : accounts) {
    check_kind(account, problems);
    check_urls(account, problems);
    const auto& file = account.config.ca_file;
    if (file.empty()) continue;
    const auto [fault, is_new] = authorities.emplace(file, "");
    if (is_new) {
      if (const auto tls = client_tls(file); !tls) fault->second = tls.error().message;
    }
    if (!fault->second.empty()) problems.add(account.config.ca_file_place, fault->second);
  }
}

}  // namespace usersyncd
