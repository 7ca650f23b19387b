#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <iterator>

#include "sync/plan.hpp"
#include "sync/plan_json.hpp"

namespace usersyncd {
namespace {

std::string known_roles(const std::vector<Role>& roles) {
  std::string known;
  for (const auto& role : roles) known += (known.empty() ? "" : ", ") + role.id + " (" + role.name + ")";
  return known.empty() ? "none" : known;
}

// The roles that a name could mean, where it means more than one. The order of the catalogue must not decide.
std::vector<Role> meanings(const std::string& written, const std::vector<Role>& roles) {
  const auto matching = [&](auto&& matches) {
    std::vector<Role> found;
    std::copy_if(roles.begin(), roles.end(), std::back_inserter(found), matches);
    return found;
  };
  if (!matching([&](const Role& role) { return role.id == written; }).empty()) return {};
  auto found = matching([&](const Role& role) { return role.name == written; });
  const auto folded = key_of(written);
  if (found.empty()) {
    found =
        matching([&](const Role& role) { return key_of(role.id) == folded || key_of(role.name) == folded; });
  }
  if (found.size() < 2) found.clear();
  return found;
}

std::string known_accounts(const StringSet& accounts) {
  std::string known;
  for (const auto& account : accounts) known += (known.empty() ? "" : ", ") + account;
  return known.empty() ? "none" : known;
}

// What of an entry the catalogue does not have.
void check_entry(const DesiredUser& user, const std::string& account, const Catalog& catalog,
                 std::vector<Error>& errors) {
  for (const auto& grant : user.roles.value_or(std::vector<RoleGrant>{})) {
    if (!catalog.roles) continue;
    const auto several = meanings(grant.role, *catalog.roles);
    if (catalog.role_id(grant.role) && several.empty()) continue;
    const std::string trouble =
        several.empty()
            ? "is not one that our credential can give in account " + account +
                  "; it can give: " + known_roles(*catalog.roles)
            : "could be any of " + known_roles(several) + "; write the id of the one that is meant";
    errors.push_back({ErrorKind::desired,
                      "error: role \"" + grant.role + "\" of user \"" + user.username + "\" " + trouble,
                      grant.place.text()});
  }
  for (const auto& grant : user.accounts.value_or(std::vector<AccountGrant>{})) {
    if (!catalog.accounts) continue;
    const auto& known = *catalog.accounts;
    if (std::binary_search(known.begin(), known.end(), grant.account)) continue;
    errors.push_back({ErrorKind::desired,
                      "error: account \"" + grant.account + "\" of user \"" + user.username +
                          "\" is not one that our credential can give; it can give: " + known_accounts(known),
                      grant.place.text()});
  }
}

}  // namespace

std::string Place::text() const {
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::vector<Error> check_against_catalog(const Desired& desired, const Catalog& catalog) {
  std::vector<Error> errors;
  for (const auto& user : desired.users) check_entry(user, desired.account, catalog, errors);
  return errors;
}

Desired freeze_unknown(Desired desired, const Catalog& catalog, std::vector<Error>& errors) {
  for (auto& user : desired.users) {
    const auto before = errors.size();
    check_entry(user, desired.account, catalog, errors);
    if (errors.size() > before) user.frozen = errors[before].text();
  }
  return desired;
}

std::vector<Note> announcements(const DesiredUser& user, Time now) {
  std::vector<Note> notes;
  if (!user.frozen.empty() || user.absent || user.fields.flag(Field::enabled) == false) return notes;
  const auto soon = [&](const std::optional<Time>& when) {
    return when && now < *when && *when <= now + announced_ahead;
  };
  const auto note = [&](const char* rule, const std::string& what, Time when, const Place& place) {
    notes.push_back({rule, user.username, what + " at " + format_time(when), place.text()});
  };
  if (soon(user.valid_from)) note("validFrom", "is to be enabled", *user.valid_from, user.place);
  if (soon(user.valid_until)) note("validUntil", "is to be disabled", *user.valid_until, user.place);
  for (const auto& grant : user.roles.value_or(std::vector<RoleGrant>{})) {
    if (soon(grant.until)) note("until", "is to lose the role " + grant.role, *grant.until, grant.place);
  }
  return notes;
}

Fields effective_fields(const DesiredUser& user, const Catalog& catalog, Time now) {
  Fields fields = user.fields;
  if (user.roles) {
    std::vector<std::string> roles;
    for (const auto& grant : *user.roles) {
      if (grant.until && *grant.until <= now) continue;
      roles.push_back(catalog.role_id(grant.role).value_or(grant.role));
    }
    fields.set(Field::roles, make_set(std::move(roles)));
  }
  if (user.accounts) {
    std::vector<std::string> accounts;
    for (const auto& grant : *user.accounts) accounts.push_back(grant.account);
    fields.set(Field::accounts, make_set(std::move(accounts)));
  }
  const bool ended = user.valid_until && *user.valid_until <= now;
  const bool not_begun = user.valid_from && now < *user.valid_from;
  if (ended || not_begun) fields.set(Field::enabled, false);
  // Somebody who was kept disabled until their first day has to be enabled on it, written or not.
  if (!ended && !not_begun && user.valid_from && !fields.has(Field::enabled))
    fields.set(Field::enabled, true);
  return fields;
}

StringSet names_of(const DesiredUser& wanted, bool own_name_is_live,
                   const std::function<bool(const std::string&)>& has_entry) {
  const bool to_rename = !wanted.absent && !own_name_is_live;
  StringSet names{key_of(wanted.username)};
  for (const auto& earlier : wanted.previously) {
    if (to_rename || !has_entry(key_of(earlier))) names.push_back(key_of(earlier));
  }
  return make_set(std::move(names));
}

bool is_so_anyway(Field field, const Value& wanted, const std::vector<Field>& lacking) {
  return wanted == Value{true} && std::find(lacking.begin(), lacking.end(), field) != lacking.end();
}

std::vector<Change> differences(const Fields& wanted, const User& live, const std::vector<Field>& lacking) {
  std::vector<Change> changes;
  for (Field field : all_fields) {
    const auto& value = wanted.get(field);
    const auto& found = live.fields.get(field);
    if (!value || is_so_anyway(field, *value, lacking)) continue;
    // What was not carried is unknown, not empty (A69).
    const bool lacks = std::find(lacking.begin(), lacking.end(), field) != lacking.end();
    if (found ? same_value(field, *value, *found) : !lacks) continue;
    changes.push_back({field, found, value});
  }
  return changes;
}

std::string digest_of(const DesiredUser& user) {
  namespace json = boost::json;
  json::object says;
  says["username"] = user.username;
  says["fields"] = to_json(user.fields);
  says["absent"] = user.absent;
  if (!user.frozen.empty()) says["frozen"] = user.frozen;
  if (user.valid_from) says["validFrom"] = millis_of(*user.valid_from);
  if (user.valid_until) says["validUntil"] = millis_of(*user.valid_until);
  if (user.roles) {
    std::vector<std::string> roles;
    for (const auto& grant : *user.roles) {
      roles.push_back(grant.role + '\n' + (grant.until ? format_time(*grant.until) : ""));
    }
    says["roles"] = to_json(Value{make_set(std::move(roles))});
  }
  if (user.accounts) {
    std::vector<std::string> accounts;
    for (const auto& grant : *user.accounts) accounts.push_back(grant.account);
    says["accounts"] = to_json(Value{make_set(std::move(accounts))});
  }
  json::array previously;
  for (const auto& name : make_set(user.previously)) previously.emplace_back(name);
  says["previously"] = std::move(previously);
  return sha256_hex(json::serialize(says)).substr(0, 32);
}

}  // namespace usersyncd
