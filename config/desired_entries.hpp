#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/describe.hpp"
#include "sync/desired.hpp"

// A desired-state file as it is written, before role sets are expanded and defaults merged in.

namespace usersyncd {

/// What an entry under `users` may say of roles, accounts and access.
struct AccessEntry {
  std::optional<std::vector<RoleGrant>> roles;
  std::optional<std::vector<AccountGrant>> accounts;
  std::optional<std::string> scope;
  std::optional<bool> enabled;
};

/// The same under `defaults`.
struct DefaultsEntry {
  std::optional<Written<std::vector<RoleGrant>>> roles;
  std::optional<Written<std::vector<AccountGrant>>> accounts;
  std::optional<Written<std::string>> scope;
  std::optional<Written<bool>> enabled;
};

/// An entry under `users`.
struct UserEntry {
  Written<std::string> username;
  std::optional<std::string> first_name, last_name, email, phone;
  AccessEntry access;
  std::vector<Written<std::string>> previously;
  bool absent = false;
  std::optional<Time> valid_from, valid_until;
  std::string frozen;  ///< what is wrong with it; see DesiredUser
  Place place;
};

/// Reads an entry. One with a wrong value, of which it is still clear whom it speaks of, is read as frozen:
/// the problem is reported, and everybody else can go on (A54). A wrong shape is nobody's alone.
struct UserEntryCodec {
  bool read(Reading& reading, const YamlNode& node, UserEntry& entry) const;
  boost::json::object schema() const { return Codec<UserEntry>{}.schema(); }
};

using RoleSet = Written<std::vector<Written<std::string>>>;

struct DesiredFile {
  Written<std::string> account;
  std::map<std::string, RoleSet> role_sets;
  DefaultsEntry defaults;
  Written<std::vector<UserEntry>> users;
};

/// An account of the provider is written as its id.
template <>
struct Codec<AccountGrant> {
  bool read(Reading& reading, const YamlNode& node, AccountGrant& grant) const;
  boost::json::object schema() const;
};

void describe(Shape& shape, RoleGrant& grant);
void describe(Shape& shape, DefaultsEntry& defaults);
void describe(Shape& shape, UserEntry& user);
void describe(Shape& shape, DesiredFile& file);

}  // namespace usersyncd
