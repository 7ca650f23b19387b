#include "simulator/auth.hpp"

#include <openssl/evp.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

Response token_answer(int status, const json::object& body) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/json");
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = json::serialize(body);
  return response;
}

/// Exactly this field, wherever it stands in the form.
bool form_has(std::string_view form, std::string_view field) {
  while (!form.empty()) {
    const std::string_view part = form.substr(0, form.find('&'));
    if (part == field) {
      return true;
    }
    form.remove_prefix(std::min(form.size(), part.size() + 1));
  }
  return false;
}

}  // namespace

std::string basic_header(const std::string& name, const std::string& secret) {
  const std::string plain = name + ":" + secret;
  std::vector<unsigned char> encoded(4 * ((plain.size() + 2) / 3) + 1);
  const int length = EVP_EncodeBlock(encoded.data(), reinterpret_cast<const unsigned char*>(plain.data()),
                                     static_cast<int>(plain.size()));
  return "Basic " + std::string(encoded.begin(), encoded.begin() + length);
}

Gate::Gate(Credentials credentials, std::chrono::seconds token_ttl)
    : credentials_(std::move(credentials)), token_ttl_(token_ttl) {}

Response Gate::token(const Request& request, Instant now) {
  if (request.method != "POST") {
    Response response = token_answer(405, json::object{{"error", "invalid_request"}});
    response.headers.emplace_back("Allow", "POST");
    return response;
  }
  const std::string type = lower(header(request.headers, "Content-Type"));
  if (type.find("application/x-www-form-urlencoded") != 0) {
    return token_answer(415, json::object{{"error", "invalid_request"}});
  }
  const std::string expected = basic_header(credentials_.client_id, credentials_.client_secret);
  if (header(request.headers, "Authorization") != expected) {
    Response response = token_answer(401, json::object{{"error", "invalid_client"}});
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"simulator\"");
    return response;
  }
  if (!form_has(request.body, "grant_type=client_credentials")) {
    return token_answer(400, json::object{{"error", "unsupported_grant_type"}});
  }
  std::erase_if(expiry_by_token_, [now](const auto& entry) { return entry.second <= now; });
  const std::string token =
      "sim-token-" + std::to_string(++issued_) + "-" + std::to_string(now.time_since_epoch().count());
  expiry_by_token_[token] = now + token_ttl_;
  return token_answer(
      200,
      json::object{{"access_token", token}, {"token_type", "Bearer"}, {"expires_in", token_ttl_.count()}});
}

std::optional<Refusal> Gate::refuse(const Request& request, bool basic_allowed, const World& world,
                                    Instant now) const {
  const std::string_view given = header(request.headers, "Authorization");
  constexpr std::string_view bearer = "Bearer ";
  if (given.starts_with(bearer)) {
    const auto found = expiry_by_token_.find(std::string(given.substr(bearer.size())));
    const bool valid = found != expiry_by_token_.end() && now < found->second;
    return valid ? std::nullopt : std::optional(Refusal{401, "7003", "The token is unknown or has expired"});
  }
  if (!basic_allowed || given != basic_header(credentials_.username, credentials_.password)) {
    return Refusal{401, "7003", "Unauthorized user"};
  }
  const User* own = world.find(credentials_.username);
  if (own != nullptr && !own->enabled) {
    return Refusal{403, "12093", "We've locked you out. Please contact your administrator"};
  }
  return std::nullopt;
}

}  // namespace usersyncd::sim
