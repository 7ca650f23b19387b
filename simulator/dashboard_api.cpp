#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "simulator/api.hpp"
#include "simulator/tree.hpp"

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

/// XML when the tenant speaks nothing else, and when JSON was not asked for: the API's historical default.
bool answers_xml(const Request& request, const Dialect& dialect) {
  return dialect.xml || lower(header(request.headers, "Accept")).find("json") == std::string::npos;
}

/// `root` is left out in JSON.
Response render(int status, std::string_view root, const json::object& tree, const Request& request,
                const Dialect& dialect) {
  const bool xml = answers_xml(request, dialect);
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", xml ? "application/xml" : "application/json");
  if (xml) {
    response.body = to_xml(root, tree);
  } else {
    response.body = json::serialize(dialect.collapse ? collapse_lists(tree) : json::value(tree));
  }
  return response;
}

Response render(int status, std::string_view root, const json::object& tree, const ApiCall& call) {
  return render(status, root, tree, call.request, call.dialect);
}

Response error(const Refusal& refusal, const ApiCall& call) {
  return dashboard_error(refusal, call.request, call.dialect);
}

json::value role_tree(const Role& role, RoleShape shape) {
  switch (shape) {
    case RoleShape::ids:
      return json::value(role.id);
    case RoleShape::objects:
      return json::object{{"RoleId", role.id}, {"RoleName", role.name}};
    case RoleShape::permissions:
      break;
  }
  json::array permissions;
  for (const std::string& name : role.permissions) {
    permissions.push_back(json::object{{"PermissionName", name}});
  }
  return json::object{{"RoleName", role.name}, {"Permissions", std::move(permissions)}};
}

json::value roles_tree(const User& user, const ApiCall& call) {
  const RoleShape shape = call.dialect.role_shape.value_or(RoleShape::objects);
  json::array roles;
  for (const std::string& id : intersection(user.roles, call.world.holdings().roles)) {
    if (const Role* role = call.world.find_role(id)) {
      roles.push_back(role_tree(*role, shape));
    }
  }
  // Roles with permissions are known only in the nested form that XML converters make; XML itself is always
  // flat.
  const bool flat_form = answers_xml(call.request, call.dialect) || call.dialect.collapse;
  const bool nested = shape == RoleShape::permissions && !flat_form;
  const json::object flat{{"Roles", roles}};
  return nested ? collapse_lists(flat).at("Roles") : json::value(roles);
}

json::value accounts_tree(const User& user, const ApiCall& call) {
  json::array accounts;
  for (const Account& account : call.world.accounts()) {
    if (user.accounts.contains(account.id) && call.world.holdings().accounts.contains(account.id)) {
      accounts.push_back(json::object{{"AccountId", account.id}, {"CompanyName", account.name}});
    }
  }
  if (answers_xml(call.request, call.dialect) || call.dialect.collapse) {
    return accounts;
  }
  return json::object{{"Account", std::move(accounts)}};
}

/// The first letter as the dashboard spells field names.
std::string with_first(std::string_view name, int (*change)(int)) {
  std::string result(name);
  if (!result.empty()) {
    result[0] = static_cast<char>(change(static_cast<unsigned char>(result[0])));
  }
  return result;
}

/// The account that a user read by name is said to belong to: the first of ours that the user may use.
std::string home_account(const User& user, const World& world) {
  for (const Account& account : world.accounts()) {
    if (user.accounts.contains(account.id) && world.holdings().accounts.contains(account.id)) {
      return account.id;
    }
  }
  return {};
}

enum class Detail { list, item };

json::object user_tree(const User& user, const std::string& account, Detail detail, const ApiCall& call) {
  const bool thin = detail == Detail::list && call.dialect.thin_list;
  json::object tree;
  if (!call.dialect.no_user_ids) {
    tree["UserId"] = user.id;
  }
  tree["Username"] = user.username;
  tree["FirstName"] = user.first_name;
  tree["LastName"] = user.last_name;
  tree[answers_xml(call.request, call.dialect) ? "EmailAddress" : "Email"] = user.email;
  tree["TelephoneNumber"] = user.phone;
  if (!thin) {
    tree["Roles"] = roles_tree(user, call);
    tree["AccountId"] = user.accounts.contains(account) ? account : *user.accounts.begin();
    tree["Enabled"] = user.enabled;
  }
  if (detail == Detail::item) {
    tree["Accounts"] = accounts_tree(user, call);
    for (const auto& [name, value] : user.extra) {
      tree.insert_or_assign(with_first(name, &std::toupper), value);
    }
  }
  return tree;
}

Response item(int status, const User& user, const std::string& account, const ApiCall& call) {
  json::object tree = user_tree(user, account, Detail::item, call);
  if (answers_xml(call.request, call.dialect) || call.dialect.item_wrapped.value_or(false)) {
    tree = json::object{{"User", std::move(tree)}};
  }
  return render(status, "UserResponse", tree, call);
}

Response list_users(const ApiCall& call, const std::string& account) {
  json::array users;
  for (const User* user : listed_users(call.world, account, call.list_fault)) {
    users.push_back(user_tree(*user, account, Detail::list, call));
  }
  return render(200, "UsersResponse", json::object{{"Users", std::move(users)}}, call);
}

Response list_roles(const ApiCall& call) {
  json::array roles;
  for (const Role& role : call.world.roles()) {
    if (call.world.holdings().roles.contains(role.id)) {
      roles.push_back(role_tree(role, RoleShape::objects));
    }
  }
  return render(200, "RolesResponse", json::object{{"Roles", std::move(roles)}}, call);
}

WriteRules write_rules(const Dialect& dialect, const std::string& account) {
  WriteRules rules;
  rules.needs_password = true;
  rules.ignore_enabled = dialect.ignore_enabled;
  rules.has_scope = false;
  rules.taken_status = dialect.taken_status;
  rules.not_found_status = dialect.not_found_status;
  rules.home = account;
  return rules;
}

/// The body as one tree, whichever of the two languages it is in; a wrapping `User` is taken off.
boost::system::result<json::object, Refusal> read_body(const Request& request) {
  const std::string type = lower(header(request.headers, "Content-Type"));
  const bool is_xml = type.find("xml") != std::string::npos;
  if (!is_xml && type.find("json") == std::string::npos) {
    return Refusal{415, "1019", "Content-Type must be application/json or application/xml"};
  }
  boost::system::error_code failure;
  const auto tree = is_xml ? from_xml(request.body) : std::optional(json::parse(request.body, failure));
  if (failure || !tree || !tree->is_object()) {
    return Refusal{400, "1019", "Bad request encountered. Please check your request and try again."};
  }
  const json::value* wrapped = tree->get_object().if_contains("User");
  return wrapped != nullptr && wrapped->is_object() ? wrapped->get_object() : tree->get_object();
}

/// Reads a user; `id` is the one in the path, empty for a new one.
boost::system::result<Draft, Refusal> read_draft(const ApiCall& call, const std::string& account,
                                                 const User* target) {
  auto body = read_body(call.request);
  if (!body) {
    return body.error();
  }
  BodyFields fields(std::move(*body));
  Draft draft;
  draft.username = fields.text("Username");
  draft.first_name = fields.text("FirstName");
  draft.last_name = fields.text("LastName");
  draft.email = fields.text(fields.has("Email") ? "Email" : "EmailAddress");
  draft.phone = fields.text("TelephoneNumber");
  draft.password = fields.text("Password");
  draft.enabled = fields.flag("Enabled");
  draft.roles = fields.ids("Roles", "Role", {"RoleId", "RoleName"});
  draft.accounts = fields.ids("Accounts", "Account", {"AccountId"});
  const auto user_id = fields.text("UserId");
  const auto account_id = fields.text("AccountId");
  for (const auto& [name, value] : fields.rest()) {
    draft.extra.insert_or_assign(with_first(name, &std::tolower), value);
  }
  if (fields.refusal()) {
    return *fields.refusal();
  }
  if (user_id && target != nullptr && *user_id != target->id) {
    return Refusal{400, "12688", "User ID in request body must match with user ID in URL"};
  }
  if (account_id && !account_id->empty() && *account_id != account) {
    return Refusal{400, "12520", "Account id in request body must match account id in URL or be left empty"};
  }
  return draft;
}

Response create_user(const ApiCall& call, const std::string& account) {
  const auto draft = read_draft(call, account, nullptr);
  if (!draft) {
    return error(draft.error(), call);
  }
  const Changed created = call.world.create(*draft, write_rules(call.dialect, account));
  if (!created) {
    return error(created.error(), call);
  }
  Response response;
  if (!call.dialect.location_only) {
    response = item(201, **created, account, call);
  }
  response.status = 201;
  const std::string key = call.dialect.no_user_ids ? (*created)->username : (*created)->id;
  response.headers.emplace_back("Location", "/api/accounts/" + account + "/users/" + encode_segment(key));
  return response;
}

Response update_user(const ApiCall& call, const std::string& account, const User& user) {
  const auto draft = read_draft(call, account, &user);
  if (!draft) {
    return error(draft.error(), call);
  }
  const std::string username = user.username;
  const Changed updated = call.world.update(username, *draft, write_rules(call.dialect, account));
  return updated ? item(200, **updated, account, call) : error(updated.error(), call);
}

Response method_not_allowed(const ApiCall& call, const char* allowed) {
  Response response = error({405, "1005", "Method is not allowed"}, call);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

Response remove_user(const ApiCall& call, const std::string& account, const User& user) {
  if (call.dialect.no_delete) {
    return method_not_allowed(call, "GET, PUT");
  }
  const std::string username = user.username;
  if (const auto refusal = call.world.remove(username, write_rules(call.dialect, account))) {
    return error(*refusal, call);
  }
  return render(200, "UserResponse", json::object{}, call);
}

Response answer_user(const ApiCall& call, const std::string& account, const std::string& key) {
  const User* user = call.dialect.no_user_ids ? call.world.find(key) : call.world.find_by_id(key);
  if (user == nullptr || !user->accounts.contains(account)) {
    return error(user_not_found(key, write_rules(call.dialect, account)), call);
  }
  if (call.request.method == "GET") {
    return item(200, *user, account, call);
  }
  if (call.request.method == "PUT") {
    return update_user(call, account, *user);
  }
  return call.request.method == "DELETE" ? remove_user(call, account, *user)
                                         : method_not_allowed(call, "GET, PUT, DELETE");
}

Response answer_in_account(const ApiCall& call, const std::vector<std::string>& path) {
  const std::string& account = path[1];
  const std::string& method = call.request.method;
  if (!call.world.holdings().accounts.contains(account)) {
    return error({403, "5051", "Not authorized to perform operation on the account '" + account + "'"}, call);
  }
  if (path[2] == "users" && path.size() == 3) {
    if (method == "POST") {
      return create_user(call, account);
    }
    return method == "GET" ? list_users(call, account) : method_not_allowed(call, "GET, POST");
  }
  if (path[2] == "users" && path.size() == 4) {
    return answer_user(call, account, path[3]);
  }
  if (path[2] == "roles" && path.size() == 3) {
    return method == "GET" ? list_roles(call) : method_not_allowed(call, "GET");
  }
  return error({404, "1019", "There is no such resource"}, call);
}

Response answer_by_username(const ApiCall& call, const std::string& username) {
  if (call.request.method != "GET") {
    return method_not_allowed(call, "GET");
  }
  const User* user = call.world.find(username);
  if (user == nullptr || !call.world.visible(*user)) {
    return error(user_not_found(username, write_rules(call.dialect, "")), call);
  }
  return item(200, *user, home_account(*user, call.world), call);
}

}  // namespace

Response dashboard_error(const Refusal& refusal, const Request& request, const Dialect& dialect) {
  const json::object status{{"ErrorCode", refusal.code}, {"Description", refusal.description}};
  return render(refusal.status, "UserResponse", json::object{{"ResponseStatus", status}}, request, dialect);
}

Response answer_dashboard(const ApiCall& call) {
  if (!accepts(call.request, {"application/json", "application/xml", "text/xml"})) {
    return error({406, "1019", "Only application/json and application/xml can be produced"}, call);
  }
  std::vector<std::string> path = call.target.segments;
  if (path.front() == "api") {
    path.erase(path.begin());
  }
  if (path[0] == "accounts" && path.size() >= 3) {
    return answer_in_account(call, path);
  }
  if (path[0] == "users" && path.size() == 2) {
    return answer_by_username(call, path[1]);
  }
  return error({404, "1019", "There is no such resource"}, call);
}

}  // namespace usersyncd::sim
