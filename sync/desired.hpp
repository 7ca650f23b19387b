#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/time.hpp"
#include "sync/user.hpp"

namespace usersyncd {

/// Where something was written: for every error and for `explain`.
struct Place {
  std::string file;
  int line = 0;    ///< one-based; 0 = the file as a whole
  int column = 0;  ///< one-based

  std::string text() const;  ///< `file:line:column`, or `file`
  friend bool operator==(const Place&, const Place&) = default;
};

/// A role that a person is to have: a role name or role id (role sets are expanded by the reader).
struct RoleGrant {
  std::string role;
  std::optional<Time> until;  ///< from then on as if it were not written
  Place place;
};

/// An account (of the provider) that a person may use.
struct AccountGrant {
  std::string account;
  Place place;
};

/// One entry under `users`. A field that is not written is not managed.
struct DesiredUser {
  std::string username;
  Fields fields;                                      ///< all but roles and accounts, as written
  std::optional<std::vector<RoleGrant>> roles;        ///< absent: not managed; empty: none
  std::optional<std::vector<AccountGrant>> accounts;  ///< absent: not managed
  std::vector<std::string> previously;                ///< earlier usernames of the same person
  bool absent = false;                                ///< `state: absent`
  std::optional<Time> valid_from;
  std::optional<Time> valid_until;
  /// What is wrong with the entry; empty: nothing. The user is there, and nothing is done to them (A54).
  std::string frozen;
  Place place;
};

/// All that is wanted of one account, from however many files, with `defaults` merged in.
struct Desired {
  std::string account;
  std::vector<DesiredUser> users;  ///< sorted by key_of(username), unique
  std::string revision;            ///< digest of what it says; the same whichever file says it
  std::string author;              ///< who last changed it; empty: not known
};

}  // namespace usersyncd
