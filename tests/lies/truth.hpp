#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "providers/profile.hpp"
#include "sync/desired.hpp"

namespace usersyncd::lies {

inline const std::string account_id = "5500001";
inline const std::string own_login = "sim-api-user";

enum class Api { v1, dashboard };

/// The world as it was when the bodies were captured: `world.json`.
class Truth {
 public:
  Truth();

  const std::vector<User>& users() const { return users_; }
  const User* find(const std::string& username) const;
  const User* find_id(const std::string& user_id) const;

  /// What the item endpoint says of a user, and what a list says that says everything.
  boost::json::object item(Api api, const User& user) const;
  /// A list of usernames, ids and names, so that everything else is read from items.
  std::string thin_list(Api api) const;
  std::string full_list(Api api) const;

  /// A desired state that wants exactly what there is: an honest cycle has nothing to do. With it somebody
  /// who has left and is disabled, and somebody who was deleted.
  Desired desired(Api api) const;

 private:
  std::string list(Api api, bool thin) const;
  std::vector<User> users_;
};

const Profile& profile_for(Api api);

/// A file of tests/lies.
std::string read_body(const std::string& name);

}  // namespace usersyncd::lies
