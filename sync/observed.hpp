#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sync/time.hpp"
#include "sync/user.hpp"

namespace usersyncd {

struct Role {
  std::string id;
  std::string name;
  friend bool operator==(const Role&, const Role&) = default;
};

/// What our own credential can see and give. Absent lists: the provider cannot tell, so nothing is checked.
struct Catalog {
  std::optional<std::vector<Role>> roles;
  std::optional<StringSet> accounts;

  /// The canonical id of a role written or read as id or name: exact id, then exact name, then either without
  /// regard to case. Empty: not in the catalogue.
  std::optional<std::string> role_id(std::string_view id_or_name) const;
  friend bool operator==(const Catalog&, const Catalog&) = default;
};

/// One page of a list as it came: where from, and a digest of its bytes. Enough to recognise it the next
/// time before it is decoded.
struct PageMark {
  std::string target;
  std::string digest;
  friend bool operator==(const PageMark&, const PageMark&) = default;
};
using ListMark = std::vector<PageMark>;

/// The answer of the list-users endpoint, all pages of it, before anybody believes it.
struct Listing {
  std::vector<User> users;           ///< in the order read
  std::optional<std::size_t> total;  ///< what the provider says that there are
  std::vector<std::string> faults;   ///< why it cannot be complete: "page 3 failed: …"
  std::vector<std::string>
      account_ids;  ///< accounts that entries say they belong to, where the profile knows
  ListMark mark;    ///< of the pages; empty if one of them was not a page of users
  /// Every page is byte for byte the one that was known; nothing was decoded, so everything else is empty.
  bool recognised = false;
};

/// An item as read, with the document it came in, so that a full update can send back what it does not know.
struct RemoteUser {
  User user;
  std::string document;  ///< JSON text of the item's tree; opaque to everyone but the provider
};

/// What is remembered of one user: memory and evidence, never the live side of a write decision (A46).
struct KnownUser {
  User user;                           ///< last known value of every field, from list or item
  std::optional<Time> item_read_at;    ///< when the item was last read; unset: never
  std::string desired_digest;          ///< of the desired entry when the item was last read
  int missed_lists = 0;                ///< complete lists in a row that lacked the user
  std::optional<Time> disabled_since;  ///< first seen disabled
};

/// The snapshot of one account, by key_of(username).
using Snapshot = std::map<std::string, KnownUser>;

/// What a plan is made from.
struct Observation {
  std::string account;
  Time observed_at{};
  bool complete = false;             ///< false: nothing may be planned from it
  std::vector<std::string> reasons;  ///< why it is not complete, for people
  std::vector<User> users;           ///< sorted by key; roles as canonical ids
  Catalog catalog;
  std::vector<Field> immutable;  ///< fields that the provider cannot change once a user exists
  std::vector<Field> lacking;    ///< fields that no user of the provider has
  bool tells_enabled = true;     ///< see Capabilities
};

}  // namespace usersyncd
