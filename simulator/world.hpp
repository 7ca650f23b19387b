#pragma once

#include <boost/json/object.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

// The remote side: who exists and which rules the vendor has for changing them. No HTTP, no clock.

namespace usersyncd::sim {

using StringSet = std::set<std::string>;

struct User {
  std::string id;
  std::string username;
  std::string first_name;
  std::string last_name;
  std::string email;
  std::string phone;
  std::string scope = "ACCOUNT";  ///< ACCOUNT | ACCOUNT_ADMIN
  bool enabled = true;
  StringSet roles;     ///< role ids
  StringSet accounts;  ///< account ids
  boost::json::object
      extra;  ///< fields that no client knows, in camelCase; a full update must send them back

  friend bool operator==(const User&, const User&) = default;
};

struct Role {
  std::string id;
  std::string name;
  std::vector<std::string> permissions{"UPDATE", "VIEW"};
};

struct Account {
  std::string id;
  std::string name;
};

/// What the caller's credential holds: it sees, gives and takes nothing else.
struct Holdings {
  std::string username;  ///< the credential's own user
  StringSet roles;
  StringSet accounts;
};

/// A user as a request body gives it. Absent means not sent.
struct Draft {
  std::optional<std::string> username, first_name, last_name, email, phone, scope, password;
  std::optional<bool> enabled;
  std::optional<std::vector<std::string>> roles;     ///< ids or names
  std::optional<std::vector<std::string>> accounts;  ///< ids
  boost::json::object extra;
};

/// The vendor's documented no: an HTTP status and one of its error codes.
struct Refusal {
  int status = 400;
  std::string code;
  std::string description;
};

/// Required by boost::system::result: `.value()` on a refusal is a bug of ours.
[[noreturn]] inline void throw_exception_from_error(const Refusal& refusal, const boost::source_location&) {
  throw std::logic_error("unchecked refusal: " + refusal.description);
}

/// A refusal, or the user as it is afterwards (owned by the world, valid until its next change).
using Changed = boost::system::result<const User*, Refusal>;

/// In what the two APIs differ when they write.
struct WriteRules {
  bool needs_password = false;  ///< create: Password is required (else it is refused, 13086)
  bool all_creator_accounts =
      false;                    ///< create: every account of the credential is assigned, not only `home`
  bool ignore_enabled = false;  ///< update: `enabled` stays as it was
  bool has_scope = true;        ///< the API knows scopes; where not, an update leaves them alone
  int taken_status = 409;       ///< status of 12001 and 12071
  int not_found_status = 404;   ///< status of 12000
  std::string home;             ///< account of the path; users always keep it. Empty: none
};

/// How often the API itself created, updated and deleted a user. Changes behind its back do not count.
struct Tally {
  std::uint64_t created = 0, updated = 0, deleted = 0;
};

/// All users, roles and accounts. Copyable, so that an older state can be kept and shown.
class World {
 public:
  World() = default;
  World(std::vector<Role> roles, std::vector<Account> accounts, Holdings holdings);

  const std::map<std::string, User>& users() const { return users_; }  ///< by lower-case username
  const std::vector<Role>& roles() const { return roles_; }
  const std::vector<Account>& accounts() const { return accounts_; }
  const Holdings& holdings() const { return holdings_; }
  const std::map<std::string, Tally>& tallies() const { return tallies_; }  ///< by lower-case username

  const User* find(std::string_view username) const;
  const User* find_by_id(const std::string& id) const;
  const Role* find_role(std::string_view id_or_name) const;
  bool has_account(std::string_view id) const;

  /// Whether the credential shares an account with the user.
  bool visible(const User& user) const;

  /// Grows with every change, so that answers can be kept until then.
  std::uint64_t revision() const { return revision_; }

  Changed create(const Draft& draft, const WriteRules& rules);
  /// Full replacement: what the draft does not carry is reset, except what the credential cannot see.
  Changed update(const std::string& username, const Draft& draft, const WriteRules& rules);
  /// The refusal, or nothing when the user is gone.
  std::optional<Refusal> remove(const std::string& username, const WriteRules& rules);

  /// Behind everybody's back: no rule is checked. An empty id is filled in.
  void put(User user);
  /// False when there was no such user.
  bool erase(const std::string& username);

 private:
  std::optional<Refusal> check_names(const User& user) const;
  std::optional<Refusal> check_identity(const User& user, const std::string& own_key,
                                        const WriteRules& rules) const;
  boost::system::result<StringSet, Refusal> resolve_roles(const Draft& draft, const User& user) const;
  boost::system::result<StringSet, Refusal> resolve_accounts(const Draft& draft) const;
  void index(const User& user);

  std::vector<Role> roles_;
  std::vector<Account> accounts_;
  Holdings holdings_;
  std::map<std::string, User> users_;
  std::map<std::string, std::string> key_by_id_;
  std::map<std::string, StringSet> keys_by_email_;
  std::map<std::string, Tally> tallies_;
  std::uint64_t revision_ = 0;
  std::uint64_t next_id_ = 1;
};

/// The password rules, 12503 to 12729; nothing when the password is good.
std::optional<Refusal> check_password(const std::optional<std::string>& password, const User& user);

/// 12000, the way this API says it.
Refusal user_not_found(const std::string& username, const WriteRules& rules);

}  // namespace usersyncd::sim
