#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "simulator/message.hpp"
#include "simulator/world.hpp"

namespace usersyncd::sim {

struct Credentials {
  std::string client_id = "sim-id";
  std::string client_secret = "sim-secret";
  std::string username = "sim-api-user";
  std::string password = "sim-password";
};

/// Decides who may call: bearer tokens that it issued itself, and HTTP Basic where the API still allows it.
class Gate {
 public:
  Gate(Credentials credentials, std::chrono::seconds token_ttl);

  /// The token endpoint: `grant_type=client_credentials` as a form, client id and secret by Basic.
  Response token(const Request& request, Instant now);

  /// Nothing when the call may go on; else 401, or 403 with 12093 when the Basic user is disabled.
  std::optional<Refusal> refuse(const Request& request, bool basic_allowed, const World& world,
                                Instant now) const;

  /// No token that was issued so far is good any more.
  void revoke_tokens() { expiry_by_token_.clear(); }

  const Credentials& credentials() const { return credentials_; }

 private:
  Credentials credentials_;
  std::chrono::seconds token_ttl_;
  std::map<std::string, Instant> expiry_by_token_;
  std::uint64_t issued_ = 0;
};

/// `Basic …` for a name and a secret.
std::string basic_header(const std::string& name, const std::string& secret);

}  // namespace usersyncd::sim
