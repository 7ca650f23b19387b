#include "store/desired_text.hpp"

#include <algorithm>
#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <vector>

#include "store/json_text.hpp"
#include "sync/error.hpp"
#include "sync/plan_json.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

// A place is three numbers: which of the document's files, line and column. Most users share one file.
class Files {
 public:
  json::array number(const Place& place) {
    const auto [found, is_new] = numbers_.emplace(place.file, names_.size());
    if (is_new) names_.emplace_back(place.file);
    return {found->second, place.line, place.column};
  }
  json::array names() const { return names_; }

 private:
  std::map<std::string, std::size_t> numbers_;
  json::array names_;
};

[[noreturn]] void fail(const char* what) {
  throw StoreError(std::string{"the store holds a desired state without "} + what + ": upgrade usersyncd");
}

const json::value& member(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  if (!value) fail(name);
  return *value;
}

json::value maybe_time(const std::optional<Time>& time) {
  if (!time) return nullptr;
  return millis_of(*time);
}

json::object object_of(const DesiredUser& user, Files& files) {
  json::object object;
  object["username"] = user.username;
  object["fields"] = to_json(user.fields);
  object["place"] = files.number(user.place);
  if (user.roles) {
    json::array& roles = object["roles"].emplace_array();
    for (const auto& grant : *user.roles)
      roles.push_back(json::array{grant.role, maybe_time(grant.until), files.number(grant.place)});
  }
  if (user.accounts) {
    json::array& accounts = object["accounts"].emplace_array();
    for (const auto& grant : *user.accounts)
      accounts.push_back(json::array{grant.account, files.number(grant.place)});
  }
  for (const auto& name : user.previously) {
    if (!object.contains("previously")) object["previously"].emplace_array();
    object["previously"].as_array().emplace_back(name);
  }
  if (user.absent) object["absent"] = true;
  if (user.valid_from) object["validFrom"] = millis_of(*user.valid_from);
  if (user.valid_until) object["validUntil"] = millis_of(*user.valid_until);
  if (!user.frozen.empty()) object["frozen"] = user.frozen;
  return object;
}

class Reader {
 public:
  explicit Reader(const json::array& files) {
    for (const auto& name : files) files_.emplace_back(name.as_string());
  }

  DesiredUser user(const json::object& object) const {
    DesiredUser user;
    user.username = member(object, "username").as_string();
    auto fields = fields_from_json(member(object, "fields"));
    if (!fields) fail("fields");
    user.fields = std::move(*fields);
    user.place = place(member(object, "place"));
    if (const auto* roles = object.if_contains("roles")) {
      user.roles.emplace().reserve(roles->as_array().size());
      for (const auto& grant : roles->as_array()) user.roles->push_back(role(grant.as_array()));
    }
    if (const auto* accounts = object.if_contains("accounts")) {
      user.accounts.emplace().reserve(accounts->as_array().size());
      for (const auto& grant : accounts->as_array())
        user.accounts->push_back({std::string(grant.at(0).as_string()), place(grant.at(1))});
    }
    if (const auto* names = object.if_contains("previously")) {
      for (const auto& name : names->as_array()) user.previously.emplace_back(name.as_string());
    }
    user.absent = object.contains("absent");
    user.valid_from = time(object.if_contains("validFrom"));
    user.valid_until = time(object.if_contains("validUntil"));
    if (const auto* frozen = object.if_contains("frozen")) user.frozen = frozen->as_string();
    return user;
  }

 private:
  RoleGrant role(const json::array& grant) const {
    return {std::string(grant.at(0).as_string()), time(&grant.at(1)), place(grant.at(2))};
  }

  Place place(const json::value& value) const {
    return {files_.at(value.at(0).to_number<std::size_t>()), value.at(1).to_number<int>(),
            value.at(2).to_number<int>()};
  }

  static std::optional<Time> time(const json::value* value) {
    if (!value || value->is_null()) return std::nullopt;
    return time_from_millis(value->to_number<std::int64_t>());
  }

  std::vector<std::string> files_;
};

}  // namespace

// A line for each user, and one at the end that speaks of all: as one tree a large account would be many
// times its text.
std::string desired_to_text(const Desired& desired) {
  Files files;
  std::string text;
  for (const auto& user : desired.users) text += json::serialize(object_of(user, files)) + '\n';
  json::object whole;
  whole["account"] = desired.account;
  whole["revision"] = desired.revision;
  whole["files"] = files.names();
  whole["users"] = desired.users.size();
  return valid_utf8(text + json::serialize(whole));
}

Desired desired_from_text(std::string_view text) {
  const auto last = text.rfind('\n') + 1;
  const auto whole = parse_stored(text.substr(last));
  text = text.substr(0, last);
  Desired desired;
  try {
    const auto& object = whole.as_object();
    desired.account = member(object, "account").as_string();
    desired.revision = member(object, "revision").as_string();
    const Reader reader{member(object, "files").as_array()};
    const auto users = member(object, "users").to_number<std::size_t>();
    desired.users.reserve(std::min(users, text.size()));
    std::array<unsigned char, 16'384> memory{};
    for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos;
         text.remove_prefix(end + 1)) {
      json::monotonic_resource storage{memory.data(), memory.size()};
      desired.users.push_back(reader.user(parse_stored(text.substr(0, end), &storage).as_object()));
    }
    if (desired.users.size() != users) fail("all its users");
  } catch (const StoreError&) {
    throw;
  } catch (const std::exception&) {
    fail("the form that this version writes");
  }
  return desired;
}

}  // namespace usersyncd
