#include "providers/target.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url.hpp>

namespace usersyncd {
namespace {

namespace urls = boost::urls;

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string origin_of(const urls::url_view_base& url) {
  urls::url normal(url);
  normal.normalize();
  const std::string port = normal.has_port()            ? std::string(normal.port())
                           : normal.scheme() == "https" ? "443"
                                                        : "80";
  return std::string(normal.scheme()) + "://" + std::string(normal.encoded_host()) + ":" + port;
}

/// `https://host:port` of a URL, as it is written.
std::string written_origin(const std::string& url) {
  const auto path = url.find('/', url.find("://") + 3);
  return url.substr(0, path);
}

Error unknown_part(std::string_view name) {
  return Error{ErrorKind::config, "the path needs " + std::string(name) + ", which is not known", {}};
}

/// Puts `value` in place of `{name}`; false if the path needs it and it cannot stand in a path.
bool fill(std::string& path, const std::string& name, const std::string& value) {
  const bool usable = value.find_first_not_of('.') != std::string::npos;
  const std::string encoded = percent_encoded(value);
  for (auto at = path.find(name); at != std::string::npos; at = path.find(name, at + encoded.size())) {
    if (!usable) return false;
    path.replace(at, name.size(), encoded);
  }
  return true;
}

Error leads_away(const std::string& link) {
  return Error{ErrorKind::malformed, "the link " + link + " leads away from the provider's base URL", {}};
}

}  // namespace

TokenCall token_call(const Profile& profile, const std::string& account_base_url) {
  const std::string& url = profile.authentication.token_url;
  const std::string base = without_slash(account_base_url.empty() ? profile.base_url : account_base_url);
  if (url.starts_with('/')) return {base, url};
  const std::string path = url.substr(written_origin(url).size());
  const bool own_host = base != without_slash(profile.base_url);
  return {written_origin(own_host ? base : url), path};
}

Result<std::string> target_of(const Endpoint& call, const std::string& account, const UserKey& user) {
  std::string path = call.path;
  if (!fill(path, "{accountId}", account)) return unknown_part("{accountId}");
  if (!fill(path, "{userId}", user.user_id)) return unknown_part("{userId}");
  if (!fill(path, "{username}", user.username)) return unknown_part("{username}");
  return path;
}

std::string percent_encoded(const std::string& text) {
  return urls::encode(text, urls::unreserved_chars);
}

bool needs_user_id(const Endpoint& call) {
  return call.path.find("{userId}") != std::string::npos;
}

Result<std::string> follow(const std::string& base_url, const std::string& target, const std::string& link) {
  const std::string base = without_slash(base_url);
  const std::string here_text = base + target;
  const auto here = urls::parse_uri(here_text);
  const auto reference = urls::parse_uri_reference(link);
  if (!here || !reference) return leads_away(link);
  urls::url there;
  if (!urls::resolve(*here, *reference, there)) return leads_away(link);
  if (origin_of(there) != origin_of(*here) || there.has_userinfo()) return leads_away(link);
  const std::string prefix = base.substr(written_origin(base).size());
  std::string path(there.encoded_path());
  if (!path.starts_with(prefix + "/")) return leads_away(link);
  path.erase(0, prefix.size());
  if (there.has_query()) path += "?" + std::string(there.encoded_query());
  return path;
}

std::string last_segment(const std::string& link) {
  const auto reference = urls::parse_uri_reference(link);
  if (!reference || reference->segments().empty()) return {};
  return reference->segments().back();
}

}  // namespace usersyncd
