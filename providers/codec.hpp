#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "providers/profile.hpp"
#include "sync/observed.hpp"
#include "sync/plan.hpp"

// Between trees and users. Pure. A field that a document does not carry, or carries as null, is unknown; one
// of the wrong type is an Error of kind malformed, never a guess (A69, A70).

namespace usersyncd {

/// The entries of a list answer; kind malformed if the answer is not recognised as one (A10).
Result<std::vector<const boost::json::value*>> list_entries(const ListAt& at, const boost::json::value& tree);

/// The one user in an answer: an object with a username.
Result<const boost::json::object*> item_of(const Profile& profile, const boost::json::value& tree);

/// Roles and accounts become sets; a role that the catalogue knows becomes its id.
Result<User> decode_user(const UserFields& fields, const boost::json::value& entry, const Catalog& catalog);

/// The account ids that an entry names as its own.
std::vector<std::string> account_marks(const UserFields& fields, const boost::json::value& entry);

Result<std::vector<Role>> decode_roles(const RolesAt& roles, const boost::json::value& tree);
Result<StringSet> decode_accounts(const AccountsAt& accounts, const boost::json::value& tree);

/// The body for a new user, without a password. Fields on which the action is silent come from the profile's
/// defaults; kind desired if one that the provider requires is still missing, or one that it does not have is
/// asked.
Result<boost::json::object> body_of_new_user(const Profile& profile, const Action& action,
                                             const std::string& account);

/// The body of a full update: the document as it was read, changed only in `changes`. What usersyncd does not
/// know survives unchanged, roles and accounts keep their shape and the rest of each element, passwords are
/// left out (A40, A41). Kind desired for a change that the provider cannot express.
Result<boost::json::object> body_of_update(const Profile& profile, const boost::json::object& document,
                                           const std::vector<Change>& changes, const Catalog& catalog);

/// Takes the members out that hold passwords, in whatever case they are written.
void erase_passwords(const Profile& profile, boost::json::object& user);

/// JSON text of a request body, wrapped where the profile says so.
std::string body_text(const Profile& profile, boost::json::object body);

}  // namespace usersyncd
