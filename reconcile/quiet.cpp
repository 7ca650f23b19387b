#include "reconcile/quiet.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "store/json_text.hpp"
#include "sync/plan.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string{};
}

std::int64_t number_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_int64() ? value->get_int64() : 0;
}

std::optional<bool> flag_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_bool() ? std::optional<bool>{value->get_bool()} : std::nullopt;
}

void consider(Time& first, Time now, const std::optional<Time>& moment) {
  if (!moment) return;
  for (const Time at : {*moment - announced_ahead, *moment}) {
    if (at > now) first = std::min(first, at);
  }
}

}  // namespace

std::string to_text(const Quiet& quiet) {
  json::array pages;
  for (const auto& page : quiet.list) pages.push_back(json::array{page.target, page.digest});
  json::object object;
  object["settings"] = quiet.settings;
  object["catalog"] = quiet.catalog;
  object["list"] = std::move(pages);
  object["desiredRevision"] = quiet.desired_revision;
  object["users"] = quiet.users;
  object["inSync"] = quiet.in_sync;
  object["saved"] = quiet.saved;
  object["reports"] = quiet.reports;
  object["until"] = millis_of(quiet.until);
  return json::serialize(object);
}

std::optional<Quiet> quiet_from_text(std::string_view text) {
  boost::system::error_code bad;
  const auto value = json::parse(text, bad);
  if (bad || !value.is_object()) return std::nullopt;
  const auto& object = value.get_object();
  Quiet quiet;
  quiet.settings = text_of(object, "settings");
  quiet.catalog = text_of(object, "catalog");
  quiet.desired_revision = text_of(object, "desiredRevision");
  quiet.users = static_cast<std::size_t>(number_of(object, "users"));
  quiet.in_sync = static_cast<std::size_t>(number_of(object, "inSync"));
  quiet.saved = flag_of(object, "saved").value_or(false);
  const auto reports = flag_of(object, "reports");
  if (!reports) return std::nullopt;
  quiet.reports = *reports;
  quiet.until = time_from_millis(number_of(object, "until"));
  const auto* pages = object.if_contains("list");
  if (!pages || !pages->is_array()) return std::nullopt;
  for (const auto& page : pages->get_array()) {
    const auto* pair = page.if_array();
    if (!pair || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string()) return std::nullopt;
    quiet.list.push_back(
        PageMark{std::string((*pair)[0].get_string()), std::string((*pair)[1].get_string())});
  }
  const bool whole = !quiet.settings.empty() && !quiet.catalog.empty() && !quiet.list.empty();
  return whole ? std::optional<Quiet>{std::move(quiet)} : std::nullopt;
}

std::string digest_of(const Catalog& catalog) {
  return sha256_hex(catalog_to_text(catalog));
}

Time quiet_until(const Desired& desired, Time now) {
  Time first = now + longest_quiet;
  for (const auto& user : desired.users) {
    consider(first, now, user.valid_from);
    consider(first, now, user.valid_until);
    if (!user.roles) continue;
    for (const auto& grant : *user.roles) consider(first, now, grant.until);
  }
  return first;
}

}  // namespace usersyncd
