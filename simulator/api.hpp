#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "simulator/message.hpp"
#include "simulator/world.hpp"

// From a request to a response, as functions of the world: no network, no clock, no faults but those of a
// list.

namespace usersyncd::sim {

enum class RoleShape { ids, objects, permissions };
enum class Apis { v1, dashboard, both };

/// The variants that a tenant may turn out to speak. The defaults are what wire.md names first.
struct Dialect {
  Apis apis = Apis::both;
  std::optional<RoleShape> role_shape;  ///< default: ids on v1, objects on the dashboard
  std::optional<bool> item_wrapped;     ///< default: `{"data":USER}` on v1, bare on the dashboard
  bool list_bare = false;               ///< v1: `data` is the list itself
  bool no_total = false;                ///< v1: no totalCount
  bool whole_list = false;              ///< v1: limit and offset are ignored
  bool location_only = false;           ///< create answers with Location and no body, update with 204
  bool xml = false;                     ///< dashboard: XML whatever was asked for
  bool collapse = false;        ///< dashboard JSON as an XML converter makes it: one entry is an object
  bool thin_list = false;       ///< dashboard list without roles, accounts and enabled
  bool no_user_ids = false;     ///< dashboard without UserId; the username takes its place in paths
  bool no_delete = false;       ///< dashboard answers DELETE with 405
  bool ignore_enabled = false;  ///< an update never changes whether a user is enabled
  int not_found_status = 404;   ///< 404, or 403 as in the vendor's table
  int taken_status = 409;       ///< 409 or 400
};

/// What a list is made to say instead of the truth.
struct ListFault {
  bool empty = false;
  std::optional<double> keep;  ///< this share of the entries, the first ones
  bool foreign = false;        ///< somebody else's users
  long total_offset = 0;       ///< added to totalCount
  std::uint64_t shuffle = 0;   ///< above 0: an order of its own for each value

  bool any() const { return empty || keep || foreign || total_offset != 0 || shuffle != 0; }
};

struct ApiCall {
  const Request& request;
  const Target& target;  ///< of the request
  World& world;
  const Dialect& dialect;
  const ListFault& list_fault;
};

bool is_v1(const Target& target);         ///< `/api/v1/…` or `/api/v2/…`
bool is_dashboard(const Target& target);  ///< `/accounts/…` or `/users/…`, also below `/api`

/// Answers a call whose credential was accepted.
Response answer_v1(const ApiCall& call);
Response answer_dashboard(const ApiCall& call);

/// A refusal in the body shape of the API that was called: G or F for v1, A for the dashboard.
Response v1_error(const Refusal& refusal);
Response dashboard_error(const Refusal& refusal, const Request& request, const Dialect& dialect);

/// The users that a list shows: those that the credential sees, in `account` if it is not empty, or what the
/// fault makes of them. Valid until the world changes.
std::vector<const User*> listed_users(const World& world, const std::string& account, const ListFault& fault);

/// Whether the `Accept` header allows one of the types; a missing header allows all.
bool accepts(const Request& request, const std::vector<std::string_view>& types);

/// Percent-encodes a path segment.
std::string encode_segment(std::string_view text);

/// What of a user's roles or accounts the credential is shown.
std::vector<std::string> intersection(const StringSet& items, const StringSet& held);

}  // namespace usersyncd::sim
