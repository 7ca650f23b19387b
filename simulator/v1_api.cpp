#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "simulator/api.hpp"
#include "simulator/tree.hpp"

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

constexpr std::size_t default_limit = 20;
constexpr std::size_t max_limit = 100;

Response json_response(int status, const json::value& body) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/json");
  response.body = json::serialize(body);
  return response;
}

/// The envelope of every success.
json::object enveloped(json::value data) {
  return json::object{{"links", json::array{}}, {"data", std::move(data)}, {"errors", json::array{}}};
}

json::array ids_or_objects(const std::vector<std::string>& ids, std::string_view key, bool objects) {
  json::array result;
  for (const std::string& id : ids) {
    result.push_back(objects ? json::value(json::object{{key, id}}) : json::value(id));
  }
  return result;
}

json::object user_json(const User& user, const ApiCall& call) {
  const Holdings& held = call.world.holdings();
  const bool foreign = call.world.find(user.username) != &user;
  const bool objects = call.dialect.role_shape.value_or(RoleShape::ids) != RoleShape::ids;
  const auto roles = intersection(user.roles, held.roles);
  const auto accounts = intersection(user.accounts, foreign ? user.accounts : held.accounts);
  json::object result{{"username", user.username},
                      {"firstName", user.first_name},
                      {"lastName", user.last_name},
                      {"email", user.email},
                      {"phone", user.phone},
                      {"accountScope", user.scope},
                      {"roles", ids_or_objects(roles, "roleId", objects)},
                      {"accounts", ids_or_objects(accounts, "accountId", objects)},
                      {"active", user.enabled}};
  for (const auto& [name, value] : user.extra) {
    result.insert_or_assign(name, value);
  }
  return result;
}

Response item(int status, const User& user, const ApiCall& call) {
  json::object body = user_json(user, call);
  return json_response(status, call.dialect.item_wrapped.value_or(true) ? enveloped(std::move(body)) : body);
}

/// A whole number from the query; the default when it is absent, nothing when it is no number.
std::optional<std::size_t> query_number(const Target& target, const std::string& name,
                                        std::size_t otherwise) {
  const auto found = target.query.find(name);
  if (found == target.query.end()) {
    return otherwise;
  }
  const std::string& text = found->second;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

json::array page_links(std::size_t limit, std::size_t offset, std::size_t count) {
  const auto link = [limit](const char* relation, std::size_t from) {
    const std::string where =
        "/api/v1/users?limit=" + std::to_string(limit) + "&offset=" + std::to_string(from);
    return json::object{{"rel", relation}, {"method", "GET"}, {"href", where}};
  };
  json::array links{link("self", offset)};
  if (offset + limit < count) {
    links.push_back(link("next", offset + limit));
  }
  return links;
}

Response list_users(const ApiCall& call) {
  const auto limit = query_number(call.target, "limit", default_limit);
  const auto offset = query_number(call.target, "offset", 0);
  if (!limit || !offset || *limit == 0) {
    return v1_error({400, "1019", "limit must be a number of at least 1, offset one of at least 0"});
  }
  const auto users = listed_users(call.world, "", call.list_fault);
  const std::size_t size =
      call.dialect.whole_list ? std::max<std::size_t>(users.size(), 1) : std::min(*limit, max_limit);
  const std::size_t first = call.dialect.whole_list ? 0 : std::min(*offset, users.size());
  const std::size_t last = std::min(first + size, users.size());
  json::array items;
  for (std::size_t i = first; i < last; ++i) {
    items.push_back(user_json(*users[i], call));
  }
  json::object body = enveloped(nullptr);
  body["links"] = page_links(size, first, users.size());
  const auto total = static_cast<std::int64_t>(users.size()) + call.list_fault.total_offset;
  if (call.dialect.list_bare) {
    body["data"] = std::move(items);
    if (!call.dialect.no_total) {
      body["totalCount"] = total;
    }
  } else {
    json::object data{{"items", std::move(items)}};
    if (!call.dialect.no_total) {
      data["totalCount"] = total;
    }
    body["data"] = std::move(data);
  }
  return json_response(200, body);
}

WriteRules write_rules(const Dialect& dialect) {
  WriteRules rules;
  rules.all_creator_accounts = true;
  rules.ignore_enabled = dialect.ignore_enabled;
  rules.taken_status = dialect.taken_status;
  rules.not_found_status = dialect.not_found_status;
  return rules;
}

boost::system::result<Draft, Refusal> read_draft(const Request& request) {
  if (lower(header(request.headers, "Content-Type")).find("application/json") != 0) {
    return Refusal{415, "1019", "Content-Type must be application/json"};
  }
  boost::system::error_code error;
  const json::value body = json::parse(request.body, error);
  if (error || !body.is_object()) {
    return Refusal{400, "1019", "Bad request encountered. The body must be a JSON object"};
  }
  BodyFields fields(body.get_object());
  Draft draft;
  draft.username = fields.text("username");
  draft.first_name = fields.text("firstName");
  draft.last_name = fields.text("lastName");
  draft.email = fields.text("email");
  draft.phone = fields.text("phone");
  draft.password = fields.text("password");
  draft.scope = fields.text("accountScope");
  draft.enabled = fields.flag("active");
  draft.roles = fields.ids("roles", "role", {"roleId"});
  draft.accounts = fields.ids("accounts", "account", {"accountId"});
  draft.extra = fields.rest();
  if (fields.refusal()) {
    return *fields.refusal();
  }
  return draft;
}

Response create_user(const ApiCall& call) {
  const auto draft = read_draft(call.request);
  if (!draft) {
    return v1_error(draft.error());
  }
  const std::pair<bool, const char*> required[] = {{draft->roles.has_value(), "roles"},
                                                   {draft->accounts.has_value(), "accounts"},
                                                   {draft->scope.has_value(), "accountScope"}};
  for (const auto& [present, name] : required) {
    if (!present) {
      return v1_error({400, "1003", std::string(name) + " is required"});
    }
  }
  const Changed created = call.world.create(*draft, write_rules(call.dialect));
  if (!created) {
    return v1_error(created.error());
  }
  Response response;
  if (!call.dialect.location_only) {
    response = item(201, **created, call);
  }
  response.status = 201;
  response.headers.emplace_back("Location", "/api/v1/users/" + encode_segment((*created)->username));
  return response;
}

Response update_user(const ApiCall& call, const std::string& username) {
  const auto draft = read_draft(call.request);
  if (!draft) {
    return v1_error(draft.error());
  }
  const Changed updated = call.world.update(username, *draft, write_rules(call.dialect));
  if (!updated) {
    return v1_error(updated.error());
  }
  if (call.dialect.location_only) {
    Response response;
    response.status = 204;
    return response;
  }
  return item(200, **updated, call);
}

Response method_not_allowed(const char* allowed) {
  Response response = v1_error({405, "1005", "Method is not allowed"});
  response.headers.emplace_back("Allow", allowed);
  return response;
}

Response answer_user(const ApiCall& call, const std::string& username) {
  if (call.request.method == "DELETE") {
    return method_not_allowed("GET, PUT");
  }
  const User* user = call.world.find(username);
  if (user == nullptr || !call.world.visible(*user)) {
    return v1_error(user_not_found(username, write_rules(call.dialect)));
  }
  if (call.request.method == "GET") {
    return item(200, *user, call);
  }
  return call.request.method == "PUT" ? update_user(call, username) : method_not_allowed("GET, PUT");
}

Response list_roles(const ApiCall& call) {
  json::array roles;
  for (const Role& role : call.world.roles()) {
    if (call.world.holdings().roles.contains(role.id)) {
      roles.push_back(json::object{{"roleId", role.id}, {"name", role.name}});
    }
  }
  return json_response(200, enveloped(std::move(roles)));
}

Response list_accounts(const ApiCall& call) {
  json::array accounts;
  for (const Account& account : call.world.accounts()) {
    if (call.world.holdings().accounts.contains(account.id)) {
      accounts.push_back(json::object{{"accountId", account.id}, {"name", account.name}});
    }
  }
  return json_response(200, enveloped(std::move(accounts)));
}

}  // namespace

Response v1_error(const Refusal& refusal) {
  // The gateway in front of the API answers in shape F, the API itself in shape G.
  if (refusal.status == 401) {
    return json_response(401, json::object{{"type", "unauthorized"}, {"description", refusal.description}});
  }
  json::object error{{"type", refusal.status == 403 ? "forbidden" : "validation"},
                     {"description", refusal.description},
                     {"code", refusal.code},
                     {"source", nullptr}};
  return json_response(
      refusal.status,
      json::object{{"links", json::array{}}, {"data", nullptr}, {"errors", json::array{std::move(error)}}});
}

Response answer_v1(const ApiCall& call) {
  if (!accepts(call.request, {"application/json"})) {
    return v1_error({406, "1019", "Only application/json can be produced"});
  }
  const auto& path = call.target.segments;
  const bool is_get = call.request.method == "GET";
  if (path[1] == "v2" && path[2] == "accounts" && path.size() == 3) {
    return is_get ? list_accounts(call) : method_not_allowed("GET");
  }
  if (path[1] == "v1" && path[2] == "roles" && path.size() == 3) {
    return is_get ? list_roles(call) : method_not_allowed("GET");
  }
  if (path[1] == "v1" && path[2] == "users" && path.size() == 3) {
    if (call.request.method == "POST") {
      return create_user(call);
    }
    return is_get ? list_users(call) : method_not_allowed("GET, POST");
  }
  if (path[1] == "v1" && path[2] == "users" && path.size() == 4) {
    return answer_user(call, path[3]);
  }
  return v1_error({404, "1019", "There is no such resource"});
}

}  // namespace usersyncd::sim
