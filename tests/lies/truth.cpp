#include "tests/lies/truth.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace usersyncd::lies {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view name) {
  return std::string{object.at(name).as_string()};
}

StringSet set_of(const json::object& object, std::string_view name) {
  std::vector<std::string> items;
  for (const auto& item : object.at(name).as_array()) items.emplace_back(item.as_string());
  return make_set(std::move(items));
}

User user_of(const json::object& object) {
  User user;
  user.username = text_of(object, "username");
  user.user_id = text_of(object, "id");
  user.fields.set(Field::first_name, text_of(object, "firstName"));
  user.fields.set(Field::last_name, text_of(object, "lastName"));
  user.fields.set(Field::email, text_of(object, "email"));
  user.fields.set(Field::phone, text_of(object, "phone"));
  user.fields.set(Field::scope, text_of(object, "scope"));
  user.fields.set(Field::enabled, object.at("enabled").as_bool());
  user.fields.set(Field::roles, set_of(object, "roles"));
  user.fields.set(Field::accounts, set_of(object, "accounts"));
  return user;
}

json::array array_of(const StringSet& set) {
  json::array array;
  for (const auto& item : set) array.emplace_back(item);
  return array;
}

DesiredUser entry_of(Api api, const User& user) {
  DesiredUser entry;
  entry.username = user.username;
  for (Field field : all_fields) {
    const bool set = field == Field::roles || field == Field::accounts;
    if (!set && (api == Api::v1 || field != Field::scope)) entry.fields.set(field, *user.fields.get(field));
  }
  entry.roles.emplace();
  for (const auto& role : *user.fields.set_of(Field::roles)) entry.roles->push_back(RoleGrant{role, {}, {}});
  entry.accounts.emplace();
  for (const auto& one : *user.fields.set_of(Field::accounts))
    entry.accounts->push_back(AccountGrant{one, {}});
  return entry;
}

DesiredUser leaver(const std::string& username) {
  DesiredUser entry;
  entry.username = username;
  entry.absent = true;
  return entry;
}

}  // namespace

std::string read_body(const std::string& name) {
  std::ifstream file{std::string{SOURCE_DIR} + "/tests/lies/" + name, std::ios::binary};
  if (!file) throw std::runtime_error("cannot read " + name);
  return {std::istreambuf_iterator<char>{file}, {}};
}

Truth::Truth() {
  const auto world = json::parse(read_body("world.json"));
  for (const auto& user : world.at("users").as_array()) users_.push_back(user_of(user.as_object()));
}

const User* Truth::find(const std::string& username) const {
  const auto found = std::find_if(users_.begin(), users_.end(), [&](const User& user) {
    return key_of(user.username) == key_of(username);
  });
  return found == users_.end() ? nullptr : &*found;
}

const User* Truth::find_id(const std::string& user_id) const {
  const auto found =
      std::find_if(users_.begin(), users_.end(), [&](const User& user) { return user.user_id == user_id; });
  return found == users_.end() ? nullptr : &*found;
}

json::object Truth::item(Api api, const User& user) const {
  const auto& fields = user.fields;
  json::object item;
  const auto put = [&](std::string_view v1, std::string_view dashboard, json::value value) {
    const auto name = api == Api::v1 ? v1 : dashboard;
    if (!name.empty()) item[name] = std::move(value);
  };
  put("", "UserId", json::value(user.user_id));
  put("username", "Username", json::value(user.username));
  put("firstName", "FirstName", json::value(*fields.text(Field::first_name)));
  put("lastName", "LastName", json::value(*fields.text(Field::last_name)));
  put("email", "Email", json::value(*fields.text(Field::email)));
  put("phone", "TelephoneNumber", json::value(*fields.text(Field::phone)));
  put("accountScope", "", json::value(*fields.text(Field::scope)));
  put("active", "Enabled", json::value(*fields.flag(Field::enabled)));
  put("roles", "Roles", array_of(*fields.set_of(Field::roles)));
  put("accounts", "Accounts", array_of(*fields.set_of(Field::accounts)));
  put("jobTitle", "JobTitle", json::value("a field that nobody knows"));
  return item;
}

std::string Truth::list(Api api, bool thin) const {
  json::array users;
  for (const auto& user : users_) {
    auto entry = item(api, user);
    if (thin) {
      for (const auto* name : {"roles", "Roles", "accounts", "Accounts", "active", "Enabled", "accountScope"})
        entry.erase(name);
    }
    users.push_back(std::move(entry));
  }
  json::object list;
  list[api == Api::v1 ? "data" : "Users"] = std::move(users);
  return json::serialize(list);
}

std::string Truth::thin_list(Api api) const {
  return list(api, true);
}

std::string Truth::full_list(Api api) const {
  return list(api, false);
}

Desired Truth::desired(Api api) const {
  Desired desired;
  desired.account = account_id;
  desired.revision = "what there is";
  for (const auto& user : users_) {
    const bool left = user.username == "jeanluc_mller";  // who is disabled
    desired.users.push_back(left ? leaver(user.username) : entry_of(api, user));
  }
  desired.users.push_back(leaver("former.user"));
  std::sort(desired.users.begin(), desired.users.end(), [](const DesiredUser& a, const DesiredUser& b) {
    return key_of(a.username) < key_of(b.username);
  });
  return desired;
}

const Profile& profile_for(Api api) {
  const auto load = [](const char* name) {
    Problems problems;
    return *load_profile(name, problems);
  };
  static const Profile v1 = load("bandwidth-v1");
  static const Profile dashboard = load("bandwidth-dashboard");
  return api == Api::v1 ? v1 : dashboard;
}

}  // namespace usersyncd::lies
