#include "providers/codec.hpp"

#include <algorithm>

#include "providers/tree.hpp"
#include "providers/wire_set.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

Error malformed(std::string message) {
  return Error{ErrorKind::malformed, std::move(message), {}};
}
Error undesirable(std::string message) {
  return Error{ErrorKind::desired, std::move(message), {}};
}

/// Whether a root without a list has nothing else to say either, but a total of zero. An error in a shape
/// that nobody has seen yet must not read as an account without users.
bool says_nothing(const json::value& root) {
  const auto empty = [](const json::value& value) {
    return as_list(value).empty() || whole_number(value) == 0U;
  };
  const json::object* object = root.if_object();
  if (!object) return empty(root);
  return std::all_of(object->begin(), object->end(),
                     [&](const auto& member) { return empty(member.value()); });
}

/// A member that an object carries, and the name by which it was found, which may be a path.
struct Member {
  const std::string& name;
  const json::value& value;
};

/// The first of `names` that the object carries; null is as good as absent.
std::optional<Member> carried(const json::object& object, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const json::value* found = member_at(object, name);
    if (found && !found->is_null()) return Member{name, *found};
  }
  return std::nullopt;
}

std::string scalar_member(const json::object& object, const std::vector<std::string>& names) {
  const auto member = carried(object, names);
  return member ? scalar_text(member->value).value_or("") : std::string{};
}

Result<Value> decode_text(const Member& member) {
  const json::value& value = member.value;
  auto text = value.is_bool() ? std::nullopt : scalar_text(value);
  if (!text) return malformed("`" + member.name + "` is not a text");
  return Value{std::move(*text)};
}

Result<Value> decode_flag(const WireFlag& flag, const Member& member) {
  const auto text = scalar_text(member.value);
  if (text && key_of(*text) == key_of(flag.when_true)) return Value{true};
  if (text && key_of(*text) == key_of(flag.when_false)) return Value{false};
  return malformed("`" + member.name + "` is neither " + flag.when_true + " nor " + flag.when_false);
}

Result<Value> decode_set(const WireSet& set, const Member& member, const Catalog* roles) {
  auto items = read_set(set, member.value, roles);
  if (!items) return malformed("`" + member.name + "`: " + items.error().message);
  return Value{std::move(*items)};
}

const WireSet* wire_set(const UserFields& fields, Field field) {
  if (field == Field::roles && fields.roles) return &*fields.roles;
  if (field == Field::accounts && fields.accounts) return &*fields.accounts;
  return nullptr;
}

Result<Value> decode_field(const UserFields& fields, Field field, const Member& member,
                           const Catalog& catalog) {
  if (const WireSet* set = wire_set(fields, field)) {
    return decode_set(*set, member, field == Field::roles ? &catalog : nullptr);
  }
  return field == Field::enabled ? decode_flag(*fields.enabled, member) : decode_text(member);
}

/// A flag in the type in which it was read, else as JSON has it.
json::value encode_flag(const WireFlag& flag, bool value, const json::value* current) {
  const bool plain = flag.when_true == "true" && flag.when_false == "false";
  const bool inverted = flag.when_true == "false" && flag.when_false == "true";
  const bool as_text = current && current->is_string();
  if ((plain || inverted) && !as_text) return json::value(inverted ? !value : value);
  return json::value(value ? flag.when_true : flag.when_false);
}

json::value encode_field(const UserFields& fields, Field field, const Value& value,
                         const json::value* current, const Catalog& catalog) {
  if (const auto* text = std::get_if<std::string>(&value))
    return current && current->is_number() ? as_number(*text) : json::value(*text);
  if (const auto* flag = std::get_if<bool>(&value)) return encode_flag(*fields.enabled, *flag, current);
  const Catalog* roles = field == Field::roles ? &catalog : nullptr;
  return write_set(*wire_set(fields, field), std::get<StringSet>(value), current, roles);
}

/// Whether the value has the type that the field has.
bool fits(Field field, const Value& value) {
  if (field == Field::enabled) return std::holds_alternative<bool>(value);
  if (field == Field::roles || field == Field::accounts) return std::holds_alternative<StringSet>(value);
  return std::holds_alternative<std::string>(value);
}

std::string quoted(Field field) {
  return "`" + std::string(name_of(field)) + "`";
}

/// Writes one field; nothing to do is not an error.
std::optional<Error> put_field(const UserFields& fields, Field field, const Value& value,
                               const Catalog& catalog, json::object& body) {
  const auto* names = wire_names(fields, field);
  if (!names) return undesirable("this provider has no " + quoted(field) + ": remove it from the entry");
  if (!fits(field, value)) return undesirable(quoted(field) + " has a value of the wrong type");
  const auto member = carried(body, *names);
  const std::string& name = member ? member->name : names->front();
  json::value encoded = encode_field(fields, field, value, member ? &member->value : nullptr, catalog);
  if (put_at(body, name, std::move(encoded))) return std::nullopt;
  return undesirable("there is no place for " + quoted(field) + " at `" + name +
                     "`: what stands there is not an object");
}

/// What the profile sends for a field on which the entry is silent.
std::optional<Value> default_value(const Creation& creation, Field field, const std::string& account) {
  const auto set = [&](const std::optional<std::vector<std::string>>& items) -> std::optional<Value> {
    if (!items) return std::nullopt;
    std::vector<std::string> result = *items;
    std::replace(result.begin(), result.end(), std::string("{accountId}"), account);
    return make_set(std::move(result));
  };
  if (field == Field::scope && creation.default_scope) return *creation.default_scope;
  if (field == Field::enabled && creation.default_enabled) return *creation.default_enabled;
  if (field == Field::roles) return set(creation.default_roles);
  if (field == Field::accounts) return set(creation.default_accounts);
  return std::nullopt;
}

/// Takes the members out that stand at the path, in whatever case they are written.
void erase_named(json::object& object, std::string_view path) {
  for (auto member = object.begin(); member != object.end();) {
    const std::string key = key_of(std::string_view(member->key()));
    json::object* inner = member->value().if_object();
    if (inner && path.starts_with(key + ".")) erase_named(*inner, path.substr(key.size() + 1));
    member = path == key ? object.erase(member) : member + 1;
  }
}

std::optional<Value> wanted_value(const Action& action, Field field) {
  for (const Change& change : action.changes) {
    if (change.field == field) return change.to;
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<const json::value*>> list_entries(const ListAt& at, const json::value& tree) {
  for (const std::string& path : at.paths) {
    const json::value* list = find_path(tree, path);
    // The answer itself is a list only as an array; a null list is a failed one rather than an empty one.
    if (list && !list->is_null() && (!path.empty() || list->is_array())) return as_list(*list);
  }
  for (const std::string& root : at.roots) {
    const json::value* answer = find_path(tree, root);
    if (answer && says_nothing(*answer)) return std::vector<const json::value*>{};
  }
  return malformed("the answer holds no list where the profile looks for one");
}

Result<const json::object*> item_of(const Profile& profile, const json::value& tree) {
  for (const std::string& path : profile.answers.item) {
    const json::value* place = find_path(tree, path);
    if (!place) continue;
    const auto candidates = as_list(*place);
    if (candidates.size() != 1 || !candidates.front()->is_object()) continue;
    const json::object& object = candidates.front()->get_object();
    if (carried(object, profile.fields.username)) return &object;
  }
  return malformed("the answer holds no user where the profile looks for one");
}

Result<User> decode_user(const UserFields& fields, const json::value& entry, const Catalog& catalog) {
  const json::object* object = entry.if_object();
  if (!object) return malformed("an entry is not a user but something else");
  User user;
  user.username = scalar_member(*object, fields.username);
  user.user_id = scalar_member(*object, fields.user_id);
  if (user.username.empty()) return malformed("an entry has no username");
  for (Field field : all_fields) {
    const auto* names = wire_names(fields, field);
    const auto member = names ? carried(*object, *names) : std::nullopt;
    if (!member) continue;
    auto value = decode_field(fields, field, *member, catalog);
    if (!value) return malformed("user \"" + user.username + "\": " + value.error().message);
    user.fields.set(field, std::move(*value));
  }
  return user;
}

std::vector<std::string> account_marks(const UserFields& fields, const json::value& entry) {
  const json::object* object = entry.if_object();
  const std::string mark = object ? scalar_member(*object, fields.account_mark) : std::string{};
  return mark.empty() ? std::vector<std::string>{} : std::vector<std::string>{mark};
}

Result<std::vector<Role>> decode_roles(const RolesAt& roles, const json::value& tree) {
  const auto entries = list_entries(roles.at, tree);
  if (!entries) return entries.error();
  std::vector<Role> result;
  for (const json::value* entry : *entries) {
    const json::object* object = entry->if_object();
    Role role;
    role.id = object ? scalar_member(*object, roles.id) : scalar_text(*entry).value_or("");
    role.name = object ? scalar_member(*object, roles.name) : role.id;
    if (role.id.empty()) return malformed("a role in the answer has no id");
    if (role.name.empty()) role.name = role.id;
    result.push_back(std::move(role));
  }
  return result;
}

Result<StringSet> decode_accounts(const AccountsAt& accounts, const json::value& tree) {
  const auto entries = list_entries(accounts.at, tree);
  if (!entries) return entries.error();
  std::vector<std::string> ids;
  for (const json::value* entry : *entries) {
    const json::object* object = entry->if_object();
    ids.push_back(object ? scalar_member(*object, accounts.id) : scalar_text(*entry).value_or(""));
    if (ids.back().empty()) return malformed("an account in the answer has no id");
  }
  return make_set(std::move(ids));
}

Result<json::object> body_of_new_user(const Profile& profile, const Action& action,
                                      const std::string& account) {
  json::object body;
  put_at(body, profile.fields.username.front(), json::value(action.username));
  for (Field field : all_fields) {
    std::optional<Value> value = wanted_value(action, field);
    if (!value) value = default_value(profile.creation, field, account);
    if (value) {
      if (auto error = put_field(profile.fields, field, *value, Catalog{}, body)) return *error;
      continue;
    }
    const auto& required = profile.creation.required;
    if (std::find(required.begin(), required.end(), field) != required.end()) {
      return undesirable("this provider requires " + quoted(field) +
                         " for a new user: add it to the entry of \"" + action.username + "\"");
    }
  }
  return body;
}

Result<json::object> body_of_update(const Profile& profile, const json::object& document,
                                    const std::vector<Change>& changes, const Catalog& catalog) {
  json::object body = document;
  erase_passwords(profile, body);
  for (const Change& change : changes) {
    if (!change.to) return undesirable("there is no value to write for " + quoted(change.field));
    if (auto error = put_field(profile.fields, change.field, *change.to, catalog, body)) return *error;
  }
  return body;
}

void erase_passwords(const Profile& profile, json::object& user) {
  std::vector<std::string> names = profile.fields.never_sent;
  if (!profile.creation.password.empty()) names.push_back(profile.creation.password);
  for (const std::string& name : names) erase_named(user, key_of(name));
}

std::string body_text(const Profile& profile, json::object body) {
  if (profile.body_root.empty()) return tree_text(body);
  json::object wrapped;
  wrapped.emplace(profile.body_root, std::move(body));
  return tree_text(wrapped);
}

}  // namespace usersyncd
