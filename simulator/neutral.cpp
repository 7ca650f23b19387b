#include "simulator/neutral.hpp"

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <sstream>

#include "simulator/message.hpp"

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

struct TextField {
  std::string_view name;
  std::string User::*member;
};

constexpr std::array<TextField, 7> text_fields{{{"id", &User::id},
                                                {"username", &User::username},
                                                {"firstName", &User::first_name},
                                                {"lastName", &User::last_name},
                                                {"email", &User::email},
                                                {"phone", &User::phone},
                                                {"scope", &User::scope}}};

json::array to_array(const StringSet& items) {
  json::array result;
  for (const std::string& item : items) {
    result.emplace_back(item);
  }
  return result;
}

std::string as_text(const json::value& value, std::string_view name) {
  if (!value.is_string()) {
    throw InputError(std::string(name) + " must be a string, not " + json::serialize(value));
  }
  return std::string(value.get_string());
}

StringSet as_set(const json::value& value, std::string_view name) {
  if (!value.is_array()) {
    throw InputError(std::string(name) + " must be a list of strings");
  }
  StringSet result;
  for (const json::value& item : value.get_array()) {
    result.insert(as_text(item, name));
  }
  return result;
}

bool set_text_field(std::string_view name, const json::value& value, User& user) {
  for (const TextField& field : text_fields) {
    if (field.name == name) {
      user.*field.member = as_text(value, name);
      return true;
    }
  }
  return false;
}

void set_other_field(std::string_view name, const json::value& value, User& user) {
  if (name == "enabled" && value.is_bool()) {
    user.enabled = value.get_bool();
  } else if (name == "roles") {
    user.roles = as_set(value, name);
  } else if (name == "accounts") {
    user.accounts = as_set(value, name);
  } else if (name == "extra" && value.is_object()) {
    user.extra = value.get_object();
  } else {
    throw InputError(
        "'" + std::string(name) +
        "' is unknown or of the wrong type; known: id username firstName lastName email phone scope "
        "enabled roles accounts extra");
  }
}

std::vector<Role> read_roles(const json::value& list) {
  std::vector<Role> roles;
  for (const json::value& entry : list.as_array()) {
    Role role;
    role.id = as_text(entry.at("id"), "roles[].id");
    role.name = as_text(entry.at("name"), "roles[].name");
    if (const json::value* permissions = entry.as_object().if_contains("permissions")) {
      const StringSet names = as_set(*permissions, "roles[].permissions");
      role.permissions.assign(names.begin(), names.end());
    }
    roles.push_back(std::move(role));
  }
  return roles;
}

std::vector<Account> read_accounts(const json::value& list) {
  std::vector<Account> accounts;
  for (const json::value& entry : list.as_array()) {
    accounts.push_back(
        Account{as_text(entry.at("id"), "accounts[].id"), as_text(entry.at("name"), "accounts[].name")});
  }
  return accounts;
}

/// What the credential holds is everything, unless the file says otherwise.
Holdings read_holdings(const json::object& file, const World& base, const std::vector<Role>& roles,
                       const std::vector<Account>& accounts) {
  Holdings holdings;
  holdings.username = base.holdings().username;
  for (const Role& role : roles) {
    holdings.roles.insert(role.id);
  }
  for (const Account& account : accounts) {
    holdings.accounts.insert(account.id);
  }
  if (const json::value* credential = file.if_contains("credential")) {
    const json::object& held = credential->as_object();
    if (held.contains("roles")) {
      holdings.roles = as_set(held.at("roles"), "credential.roles");
    }
    if (held.contains("accounts")) {
      holdings.accounts = as_set(held.at("accounts"), "credential.accounts");
    }
  }
  return holdings;
}

void read_users(const json::value& list, World& world) {
  for (const json::value& entry : list.as_array()) {
    User user;
    apply_neutral(entry, user);
    if (user.username.empty()) {
      throw InputError("a user without username: " + json::serialize(entry));
    }
    if (world.find(user.username) != nullptr) {
      throw InputError("user '" + user.username + "' is there twice");
    }
    world.put(std::move(user));
  }
}

/// A JSON string is a valid double-quoted YAML scalar.
std::string yaml_text(const std::string& text) {
  return json::serialize(json::value(text));
}

std::string yaml_set(const StringSet& items, const StringSet& held) {
  std::string result;
  for (const std::string& item : items) {
    if (held.contains(item)) {
      result += (result.empty() ? "" : ", ") + yaml_text(item);
    }
  }
  return "[" + result + "]";
}

}  // namespace

json::object neutral_user(const User& user) {
  json::object result;
  for (const TextField& field : text_fields) {
    result[field.name] = user.*field.member;
  }
  result["enabled"] = user.enabled;
  result["roles"] = to_array(user.roles);
  result["accounts"] = to_array(user.accounts);
  result["extra"] = user.extra;
  return result;
}

json::object neutral_world(const World& world) {
  json::array users;
  for (const auto& [key, user] : world.users()) {
    users.push_back(neutral_user(user));
  }
  json::array roles;
  for (const Role& role : world.roles()) {
    json::array permissions(role.permissions.begin(), role.permissions.end());
    roles.push_back(
        json::object{{"id", role.id}, {"name", role.name}, {"permissions", std::move(permissions)}});
  }
  json::array accounts;
  for (const Account& account : world.accounts()) {
    accounts.push_back(json::object{{"id", account.id}, {"name", account.name}});
  }
  json::object credential{{"username", world.holdings().username},
                          {"roles", to_array(world.holdings().roles)},
                          {"accounts", to_array(world.holdings().accounts)}};
  return json::object{{"users", std::move(users)},
                      {"roles", std::move(roles)},
                      {"accounts", std::move(accounts)},
                      {"credential", std::move(credential)}};
}

void apply_neutral(const json::value& fields, User& user) {
  if (!fields.is_object()) {
    throw InputError("a user must be a JSON object, not " + json::serialize(fields));
  }
  for (const auto& [name, value] : fields.get_object()) {
    if (!set_text_field(name, value, user)) {
      set_other_field(name, value, user);
    }
  }
}

World read_world(std::string_view text, const World& base) {
  const json::value parsed = parse_json(text, "world file");
  try {
    const json::object& file = parsed.as_object();
    const auto roles = file.contains("roles") ? read_roles(file.at("roles")) : base.roles();
    const auto accounts = file.contains("accounts") ? read_accounts(file.at("accounts")) : base.accounts();
    World world(roles, accounts, read_holdings(file, base, roles, accounts));
    read_users(file.at("users"), world);
    return world;
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    throw InputError(std::string("world file: an entry is missing or of the wrong type (") + error.what() +
                     ")");
  }
}

std::string desired_yaml(const World& world, const std::string& account, bool with_scope) {
  std::ostringstream out;
  out << "version: 1\naccount: " << yaml_text(account) << "\nusers:\n";
  for (const auto& [key, user] : world.users()) {
    if (!world.visible(user)) {
      continue;
    }
    out << "  - username: " << yaml_text(user.username) << "\n"
        << "    firstName: " << yaml_text(user.first_name) << "\n"
        << "    lastName: " << yaml_text(user.last_name) << "\n"
        << "    email: " << yaml_text(user.email) << "\n";
    if (!user.phone.empty()) {
      out << "    phone: " << yaml_text(user.phone) << "\n";
    }
    out << "    roles: " << yaml_set(user.roles, world.holdings().roles) << "\n"
        << "    accounts: " << yaml_set(user.accounts, world.holdings().accounts) << "\n";
    if (with_scope) {
      out << "    scope: " << user.scope << "\n";
    }
    out << "    enabled: " << (user.enabled ? "true" : "false") << "\n";
  }
  return out.str();
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    throw InputError("cannot read '" + path + "'");
  }
  return text.str();
}

json::value parse_json(std::string_view text, std::string_view what) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) {
    throw InputError(std::string(what) + " is not valid JSON: " + error.message());
  }
  return value;
}

}  // namespace usersyncd::sim
