#include "simulator/world.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "simulator/message.hpp"

namespace usersyncd::sim {
namespace {

constexpr std::size_t max_text = 100;
constexpr std::size_t min_password = 8;
constexpr std::size_t max_password = 64;

Refusal refuse(std::string code, std::string description, int status = 400) {
  return {status, std::move(code), std::move(description)};
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

bool is_username_letter(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
         std::string_view("@._-").find(letter) != std::string_view::npos;
}

bool is_email(const std::string& text) {
  const std::size_t at = text.find('@');
  return at != std::string::npos && at > 0 && at == text.rfind('@') &&
         text.find('.', at) != std::string::npos && text.back() != '.' &&
         text.find_first_of(" \t\r\n,;<>") == std::string::npos;
}

std::optional<Refusal> check_username(const std::string& username) {
  if (username.empty()) {
    return refuse("12501", "Username is required");
  }
  if (username.size() > max_text) {
    return refuse("12500", "Username " + quoted(username) + " is too long. Max length 100 characters");
  }
  if (!std::all_of(username.begin(), username.end(), is_username_letter)) {
    return refuse("12502",
                  "User name " + quoted(username) +
                      " is invalid. Usernames can only contain alphanumerics (a-z, A-Z, 0-9), '@' (At "
                      "signs), '.' (periods), '_' (underscores) and '-' (hyphens)");
  }
  return std::nullopt;
}

/// A field that was sent and is empty is refused; on create one that was not sent as well.
std::optional<Refusal> check_present(const Draft& draft, bool creating) {
  const auto missing = [creating](const std::optional<std::string>& value) {
    return value ? value->empty() : creating;
  };
  if (missing(draft.first_name)) {
    return refuse("12505", "FirstName is required");
  }
  if (missing(draft.last_name)) {
    return refuse("12507", "LastName is required");
  }
  if (missing(draft.email)) {
    return refuse("12509", "Email address is required");
  }
  return std::nullopt;
}

std::optional<Refusal> check_scope(const std::optional<std::string>& scope) {
  if (!scope || *scope == "ACCOUNT" || *scope == "ACCOUNT_ADMIN") {
    return std::nullopt;
  }
  return refuse("12683", "Scope " + quoted(*scope) +
                             " does not exist. Valid values: System, All, AccountAdmin, Account.");
}

bool repeats(const std::string& text, std::size_t longest) {
  std::size_t run = 1;
  for (std::size_t i = 1; i < text.size(); ++i) {
    run = text[i] == text[i - 1] ? run + 1 : 1;
    if (run > longest) {
      return true;
    }
  }
  return false;
}

int symbol_sets(const std::string& text) {
  std::array<bool, 4> seen{};
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    const std::size_t set = std::isupper(code) != 0   ? 0
                            : std::islower(code) != 0 ? 1
                            : std::isdigit(code) != 0 ? 2
                                                      : 3;
    seen.at(set) = true;
  }
  return static_cast<int>(std::count(seen.begin(), seen.end(), true));
}

}  // namespace

std::optional<Refusal> check_password(const std::optional<std::string>& password, const User& user) {
  if (!password || password->empty()) {
    return refuse("12503", "Password is required");
  }
  if (password->size() < min_password) {
    return refuse("12504", "Password must be at least 8 characters long");
  }
  if (password->size() > max_password) {
    return refuse("12619", "Password is too long. Max length 64 characters");
  }
  if (symbol_sets(*password) < 3) {
    return refuse("12727",
                  "Password must contain at least three of the following symbol sets: uppercase letters, "
                  "lowercase letters, numbers and symbols");
  }
  const std::string low = lower(*password);
  for (const std::string* part : {&user.username, &user.first_name, &user.last_name, &user.email}) {
    if (!part->empty() && low.find(lower(*part)) != std::string::npos) {
      return refuse("12728", "The password must not contain your login, first name, last name or email");
    }
  }
  if (repeats(*password, 3)) {
    return refuse("12729", "The password cannot contain repeating strings of more than 3 characters");
  }
  return std::nullopt;
}

Refusal user_not_found(const std::string& username, const WriteRules& rules) {
  return refuse("12000", "User " + quoted(username) + " does not exist", rules.not_found_status);
}

World::World(std::vector<Role> roles, std::vector<Account> accounts, Holdings holdings)
    : roles_(std::move(roles)), accounts_(std::move(accounts)), holdings_(std::move(holdings)) {}

const User* World::find(std::string_view username) const {
  const auto found = users_.find(lower(username));
  return found == users_.end() ? nullptr : &found->second;
}

const User* World::find_by_id(const std::string& id) const {
  const auto found = key_by_id_.find(id);
  return found == key_by_id_.end() ? nullptr : find(found->second);
}

const Role* World::find_role(std::string_view id_or_name) const {
  for (const auto field : {&Role::id, &Role::name}) {
    const auto found = std::find_if(roles_.begin(), roles_.end(),
                                    [&](const Role& role) { return role.*field == id_or_name; });
    if (found != roles_.end()) {
      return &*found;
    }
  }
  return nullptr;
}

bool World::has_account(std::string_view id) const {
  return std::any_of(accounts_.begin(), accounts_.end(),
                     [&](const Account& account) { return account.id == id; });
}

bool World::visible(const User& user) const {
  return std::any_of(user.accounts.begin(), user.accounts.end(),
                     [this](const std::string& id) { return holdings_.accounts.contains(id); });
}

std::optional<Refusal> World::check_names(const User& user) const {
  if (user.first_name.size() > max_text) {
    return refuse("12506",
                  "FirstName " + quoted(user.first_name) + " is too long. Max length 100 characters");
  }
  if (user.last_name.size() > max_text) {
    return refuse("12508", "LastName " + quoted(user.last_name) + " is too long. Max length 100 characters");
  }
  if (user.email.size() > max_text) {
    return refuse("12625", "Email address is too long. Max length 100 characters");
  }
  if (!user.email.empty() && !is_email(user.email)) {
    return refuse("12510", "Email address " + quoted(user.email) + " is not valid");
  }
  return std::nullopt;
}

std::optional<Refusal> World::check_identity(const User& user, const std::string& own_key,
                                             const WriteRules& rules) const {
  const std::string key = lower(user.username);
  if (key != own_key && users_.contains(key)) {
    return refuse("12001", "A user with username " + quoted(user.username) + " already exists",
                  rules.taken_status);
  }
  const auto same = keys_by_email_.find(lower(user.email));
  const bool taken = same != keys_by_email_.end() && !same->second.contains(own_key);
  if (!user.email.empty() && taken) {
    return refuse("12071", "A user with email " + quoted(user.email) + " already exists", rules.taken_status);
  }
  return std::nullopt;
}

boost::system::result<StringSet, Refusal> World::resolve_roles(const Draft& draft, const User& user) const {
  StringSet roles;
  for (const std::string& wanted : draft.roles.value_or(std::vector<std::string>{})) {
    const Role* role = find_role(wanted);
    if (role == nullptr) {
      return refuse("12073", "Role " + quoted(wanted) + " does not exist");
    }
    if (!holdings_.roles.contains(role->id) && !user.roles.contains(role->id)) {
      return refuse("13046",
                    "Some of role(s) " + quoted(wanted) + " cannot be associated to user " + user.username,
                    403);
    }
    roles.insert(role->id);
  }
  return roles;
}

boost::system::result<StringSet, Refusal> World::resolve_accounts(const Draft& draft) const {
  StringSet accounts;
  for (const std::string& wanted : draft.accounts.value_or(std::vector<std::string>{})) {
    if (!has_account(wanted)) {
      return refuse("5051", "Not authorized to perform operation on the account " + quoted(wanted), 403);
    }
    if (!holdings_.accounts.contains(wanted)) {
      return refuse("12689", "Account(s) assigned to this user must be managed by the assigning user", 403);
    }
    accounts.insert(wanted);
  }
  return accounts;
}

Changed World::create(const Draft& draft, const WriteRules& rules) {
  User user;
  user.username = draft.username.value_or("");
  user.first_name = draft.first_name.value_or("");
  user.last_name = draft.last_name.value_or("");
  user.email = draft.email.value_or("");
  user.phone = draft.phone.value_or("");
  user.scope = draft.scope.value_or("ACCOUNT");
  user.enabled = draft.enabled.value_or(true);
  user.extra = draft.extra;
  for (const auto& refusal : {check_username(user.username), check_present(draft, true), check_names(user),
                              check_scope(draft.scope), check_identity(user, "", rules)}) {
    if (refusal) {
      return *refusal;
    }
  }
  if (!rules.needs_password && draft.password) {
    return refuse("13086",
                  "Password element is not allowed for UI users. Current user has GUI allowed origin");
  }
  if (rules.needs_password) {
    if (auto refusal = check_password(draft.password, user)) {
      return *refusal;
    }
  }
  auto roles = resolve_roles(draft, user);
  auto accounts = resolve_accounts(draft);
  if (!roles || !accounts) {
    return roles ? accounts.error() : roles.error();
  }
  if (holdings_.accounts.empty()) {
    return refuse("12698",
                  "A user cannot be created unless the requesting user has accounts to automatically "
                  "assign to the user being created",
                  403);
  }
  user.roles = *roles;
  user.accounts = *accounts;
  if (rules.all_creator_accounts) {
    user.accounts.insert(holdings_.accounts.begin(), holdings_.accounts.end());
  }
  if (!rules.home.empty()) {
    user.accounts.insert(rules.home);
  }
  const std::string key = lower(user.username);
  put(std::move(user));
  ++tallies_[key].created;
  return &users_.at(key);
}

Changed World::update(const std::string& username, const Draft& draft, const WriteRules& rules) {
  const User* found = find(username);
  if (found == nullptr) {
    return user_not_found(username, rules);
  }
  const User old = *found;
  User user;
  user.id = old.id;
  user.username = old.username;
  user.first_name = draft.first_name.value_or("");
  user.last_name = draft.last_name.value_or("");
  user.email = draft.email.value_or("");
  user.phone = draft.phone.value_or("");
  user.scope = rules.has_scope ? draft.scope.value_or("ACCOUNT") : old.scope;
  user.enabled = rules.ignore_enabled ? old.enabled : draft.enabled.value_or(true);
  user.extra = draft.extra;
  if (draft.username && lower(*draft.username) != lower(old.username)) {
    return refuse("12688", "User ID in request body must match with user ID in URL");
  }
  if (draft.password) {
    return refuse("13086",
                  "Password element is not allowed for UI users. Current user has GUI allowed origin");
  }
  for (const auto& refusal : {check_present(draft, false), check_names(user), check_scope(draft.scope),
                              check_identity(user, lower(old.username), rules)}) {
    if (refusal) {
      return *refusal;
    }
  }
  auto roles = resolve_roles(draft, old);
  auto accounts = resolve_accounts(draft);
  if (!roles || !accounts) {
    return roles ? accounts.error() : roles.error();
  }
  user.roles = *roles;
  user.accounts = *accounts;
  if (!rules.home.empty()) {
    user.accounts.insert(rules.home);
  }
  if (user.accounts.empty()) {
    return refuse("12102",
                  "User " + quoted(old.username) + " should have at least one account assigned to it");
  }
  // What the credential does not hold it can neither take away nor see.
  std::set_difference(old.roles.begin(), old.roles.end(), holdings_.roles.begin(), holdings_.roles.end(),
                      std::inserter(user.roles, user.roles.end()));
  std::set_difference(old.accounts.begin(), old.accounts.end(), holdings_.accounts.begin(),
                      holdings_.accounts.end(), std::inserter(user.accounts, user.accounts.end()));
  const std::string key = lower(user.username);
  put(std::move(user));
  ++tallies_[key].updated;
  return &users_.at(key);
}

std::optional<Refusal> World::remove(const std::string& username, const WriteRules& rules) {
  if (!erase(username)) {
    return user_not_found(username, rules);
  }
  ++tallies_[lower(username)].deleted;
  return std::nullopt;
}

void World::index(const User& user) {
  const std::string key = lower(user.username);
  key_by_id_[user.id] = key;
  keys_by_email_[lower(user.email)].insert(key);
}

void World::put(User user) {
  erase(user.username);
  while (user.id.empty() || (key_by_id_.contains(user.id))) {
    user.id = "u" + std::to_string(next_id_++);
  }
  index(user);
  std::string key = lower(user.username);
  users_.insert_or_assign(std::move(key), std::move(user));
  ++revision_;
}

bool World::erase(const std::string& username) {
  const auto found = users_.find(lower(username));
  if (found == users_.end()) {
    return false;
  }
  key_by_id_.erase(found->second.id);
  const auto same_email = keys_by_email_.find(lower(found->second.email));
  same_email->second.erase(found->first);
  if (same_email->second.empty()) {
    keys_by_email_.erase(same_email);
  }
  users_.erase(found);
  ++revision_;
  return true;
}

}  // namespace usersyncd::sim
