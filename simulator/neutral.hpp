#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "simulator/world.hpp"

// The world in the neutral field names of the control API and of world files, and as a desired-state file.

namespace usersyncd::sim {

/// `{"id","username","firstName",…,"roles":[…],"accounts":[…],"scope","enabled","extra":{…}}`.
boost::json::object neutral_user(const User& user);

/// `{"users":[…],"roles":[{"id","name","permissions"}],"accounts":[{"id","name"}],"credential":{…}}`.
boost::json::object neutral_world(const World& world);

/// Changes in `user` what `fields` carries; throws InputError for unknown names and wrong types.
void apply_neutral(const boost::json::value& fields, User& user);

/// Reads what neutral_world writes. Roles, accounts and credential that are left out are taken from `base`.
/// Throws InputError that names the entry.
World read_world(std::string_view text, const World& base);

/// A desired-state file that describes every user the credential sees, exactly as they are. An empty phone is
/// left unmanaged; `with_scope` is false for an API without scopes.
std::string desired_yaml(const World& world, const std::string& account, bool with_scope);

/// The file's text; throws InputError when it cannot be read.
std::string read_file(const std::string& path);

/// Parses JSON; throws InputError with `what` in the message.
boost::json::value parse_json(std::string_view text, std::string_view what);

}  // namespace usersyncd::sim
