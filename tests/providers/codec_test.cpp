#include "providers/codec.hpp"

#include "providers/tree.hpp"
#include "tests/providers/support.hpp"

namespace usersyncd::test {
namespace {

Catalog roles_of_account() {
  Catalog catalog;
  catalog.roles = std::vector<Role>{{"r1", "Admin"}, {"r2", "ReadOnly"}, {"r3", "Ordering"}};
  return catalog;
}

json::value tree(std::string_view body) {
  auto parsed = parse_tree("", body);
  REQUIRE_MESSAGE(parsed, parsed.error().message);
  return std::move(*parsed);
}

User decoded(const Profile& profile, std::string_view body, const Catalog& catalog = {}) {
  const json::value document = tree(body);
  const auto item = item_of(profile, document);
  REQUIRE_MESSAGE(item, item.error().message);
  auto user = decode_user(profile.fields, json::value(**item), catalog);
  REQUIRE_MESSAGE(user, user.error().message);
  return *user;
}

std::string updated(const Profile& profile, std::string_view document, std::vector<Change> changes,
                    const Catalog& catalog = {}) {
  auto body = body_of_update(profile, tree(document).as_object(), changes, catalog);
  return body ? tree_text(*body) : "error: " + body.error().message;
}

TEST_CASE("A57: a user who is only invited is taken neither for enabled nor for disabled, but reported") {
  Profile invites = built_in("bandwidth-v1");
  invites.fields.enabled->names = {"status"};
  invites.fields.enabled->when_true = "ACTIVE";
  invites.fields.enabled->when_false = "INACTIVE";
  for (const char* status : {"PENDING_INVITE", "EXPIRED", ""}) {
    const json::value item{{"username", "ann"}, {"status", status}};
    const auto user = decode_user(invites.fields, item, {});
    REQUIRE(user.has_error());
    CHECK(user.error().kind == ErrorKind::malformed);
    CHECK(user.error().message.find("`status` is neither ACTIVE nor INACTIVE") != std::string::npos);
  }
  const json::value active{{"username", "ann"}, {"status", "ACTIVE"}};
  CHECK(decode_user(invites.fields, active, {})->fields.flag(Field::enabled) == true);
}

TEST_CASE("A70: 0, 1 and 2 users read the same in every shape that a list has") {
  const Profile v1 = built_in("bandwidth-v1");
  const Profile dashboard = built_in("bandwidth-dashboard");
  struct Row {
    const Profile& profile;
    std::string_view body;
    std::size_t size;
  };
  for (const Row& row : {
           Row{v1, R"({"links":[],"data":{"items":[],"totalCount":0},"errors":[]})", 0},
           Row{v1, R"({"data":{"items":[{"username":"a"},{"username":"b"}]}})", 2},
           Row{v1, R"({"data":[{"username":"a"}]})", 1},
           Row{v1, R"({"data":[]})", 0},
           Row{dashboard, R"({"Users":[]})", 0},
           Row{dashboard, R"({"Users":[{"Username":"a"}]})", 1},
           Row{dashboard, R"({"Users":[{"Username":"a"},{"Username":"b"}]})", 2},
           Row{dashboard, R"({"Users":{"User":{"Username":"a"}}})", 1},
           Row{dashboard, R"({"Users":{"User":[{"Username":"a"},{"Username":"b"}]}})", 2},
           Row{dashboard, R"({"UsersResponse":{"Users":{"User":{"Username":"a"}}}})", 1},
           Row{dashboard, "<UsersResponse/>", 0},
           Row{dashboard, "<UsersResponse><Users/></UsersResponse>", 0},
           Row{dashboard, "<UsersResponse><Users><User><Username>a</Username></User></Users></UsersResponse>",
               1},
           Row{dashboard,
               "<UsersResponse><Users><User><Username>a</Username></User><User><Username>b</Username></"
               "User></Users>"
               "</UsersResponse>",
               2},
       }) {
    CAPTURE(row.body);
    const json::value document = tree(row.body);
    const auto entries = list_entries(row.profile.answers.users, document);
    REQUIRE(entries);
    REQUIRE(entries->size() == row.size);
    const std::string_view names[] = {"a", "b"};
    for (std::size_t i = 0; i < row.size; ++i) {
      const auto user = decode_user(row.profile.fields, *entries->at(i), {});
      REQUIRE(user);
      CHECK(user->username == names[i]);
    }
  }
}

TEST_CASE("A10: an answer without a list where the profile looks for it is refused, never empty") {
  const Profile v1 = built_in("bandwidth-v1");
  const Profile dashboard = built_in("bandwidth-dashboard");
  for (std::string_view body : {"{}", R"({"data":null,"errors":[{"code":"E1"}]})", R"({"Users":null})",
                                R"({"result":"ok"})", "<Error/>", "[]"}) {
    CAPTURE(body);
    CHECK_FALSE(list_entries(v1.answers.users, tree(body)));
    CHECK_FALSE(list_entries(dashboard.answers.users, tree(body)));
  }
  CHECK_FALSE(list_entries(v1.answers.users, tree("<UsersResponse/>")));
  // The right root with something else in it may be an error in a shape that nobody has seen yet.
  for (std::string_view body :
       {"<UsersResponse>busy</UsersResponse>", "<UsersResponse><Oops>try again</Oops></UsersResponse>",
        "<UsersResponse><User><Username>a</Username></User></UsersResponse>",
        "<UsersResponse><TotalCount>3</TotalCount></UsersResponse>", R"({"UsersResponse":7})"}) {
    CAPTURE(body);
    CHECK_FALSE(list_entries(dashboard.answers.users, tree(body)));
  }
  for (std::string_view body :
       {"<UsersResponse/>", "<UsersResponse><TotalCount>0</TotalCount></UsersResponse>",
        "<UsersResponse><links/></UsersResponse>"}) {
    CAPTURE(body);
    const auto entries = list_entries(dashboard.answers.users, tree(body));
    REQUIRE(entries);
    CHECK(entries->empty());
  }
}

TEST_CASE("one user is found in every wrapping") {
  const Profile v1 = built_in("bandwidth-v1");
  const Profile dashboard = built_in("bandwidth-dashboard");
  CHECK(decoded(v1, R"({"data":{"username":"a"}})").username == "a");
  CHECK(decoded(v1, R"({"username":"a","data":"x"})").username == "a");
  CHECK(decoded(dashboard, R"({"User":{"Username":"a"}})").username == "a");
  CHECK(decoded(dashboard, R"({"UserId":"u1","Username":"a"})").user_id == "u1");
  CHECK(decoded(dashboard, "<UserResponse><User><Username>a</Username></User></UserResponse>").username ==
        "a");
  for (std::string_view body : {"{}", R"({"data":[]})", R"({"data":{"firstName":"x"}})", R"({"username":""})",
                                "[]", R"({"data":[{"username":"a"},{"username":"b"}]})"}) {
    CAPTURE(body);
    const json::value document = tree(body);
    const auto item = item_of(v1, document);
    CHECK((!item || !decode_user(v1.fields, json::value(**item), {})));
  }
}

TEST_CASE("A69: what an entry does not carry, or carries as null, is unknown; what is empty is empty") {
  const Profile dashboard = built_in("bandwidth-dashboard");
  const User thin = decoded(dashboard, R"({"Username":"a","FirstName":null,"Roles":null})");
  for (Field field : all_fields) CHECK_FALSE(thin.fields.has(field));
  for (std::string_view empty :
       {R"({"Username":"a","Roles":[]})", R"({"Username":"a","Roles":""})", R"({"Username":"a","Roles":{}})",
        R"({"Username":"a","Roles":{"Role":""}})",
        "<UserResponse><User><Username>a</Username><Roles/></User></UserResponse>"}) {
    CAPTURE(empty);
    const User user = decoded(dashboard, empty);
    REQUIRE(user.fields.set_of(Field::roles));
    CHECK(user.fields.set_of(Field::roles)->empty());
  }
}

TEST_CASE("all fields of both profiles are read, strings as strings, and flags as text or bool") {
  const User v1 = decoded(built_in("bandwidth-v1"),
                          R"({"username":"007","firstName":"J","lastName":"D","email":"j@x.y","phone":"0412",
                              "accountScope":"ACCOUNT","roles":["r1"],
                              "accounts":["5500001",5500002],"active":false})");
  CHECK(v1.username == "007");
  CHECK(*v1.fields.text(Field::phone) == "0412");
  CHECK(*v1.fields.text(Field::scope) == "ACCOUNT");
  CHECK(v1.fields.flag(Field::enabled) == false);
  CHECK(*v1.fields.set_of(Field::accounts) == StringSet{"5500001", "5500002"});
  const User xml =
      decoded(built_in("bandwidth-dashboard"),
              "<User><UserId>9</UserId><Username>a</Username><EmailAddress>e@x.y</EmailAddress>"
              "<TelephoneNumber>9199999999</TelephoneNumber><Enabled>true</Enabled>"
              "<Accounts><Account><AccountId>12346095</AccountId><CompanyName>ABC</CompanyName></Account>"
              "</Accounts></User>");
  CHECK(*xml.fields.text(Field::email) == "e@x.y");
  CHECK(xml.fields.flag(Field::enabled) == true);
  CHECK(*xml.fields.set_of(Field::accounts) == StringSet{"12346095"});
}

TEST_CASE("A70: a field of the wrong type is an error, never a guess") {
  const Profile v1 = built_in("bandwidth-v1");
  for (std::string_view entry :
       {R"({"username":"a","email":{"x":1}})", R"({"username":"a","email":true})",
        R"({"username":"a","active":"maybe"})", R"({"username":"a","roles":[{"x":1}]})",
        R"({"username":"a","roles":[[]]})", R"({"username":"a","roles":[false]})", R"({"username":["a"]})",
        R"({})", R"("a")"}) {
    CAPTURE(entry);
    const auto user = decode_user(v1.fields, json::parse(entry), {});
    REQUIRE_FALSE(user);
    CHECK(user.error().kind == ErrorKind::malformed);
  }
}

TEST_CASE("roles in any shape, by id or name, become the catalogue's ids") {
  const Profile dashboard = built_in("bandwidth-dashboard");
  for (std::string_view roles :
       {R"([{"RoleId":"r1","RoleName":"Admin"},{"RoleId":"r2"}])", R"(["r1","r2"])",
        R"(["Admin","ReadOnly"])",
        R"({"Role":[{"RoleName":"Admin"},{"RoleName":"ReadOnly","Permissions":{"Permission":[]}}]})",
        R"([{"RoleName":"admin"},{"RoleId":"unknown-id","RoleName":"ReadOnly"}])"}) {
    CAPTURE(roles);
    const User user =
        decoded(dashboard, R"({"Username":"a","Roles":)" + std::string(roles) + "}", roles_of_account());
    CHECK(*user.fields.set_of(Field::roles) == StringSet{"r1", "r2"});
  }
  const User unknown = decoded(dashboard, R"({"Username":"a","Roles":{"Role":{"RoleName":"ROLE_BDR"}}})");
  CHECK(*unknown.fields.set_of(Field::roles) == StringSet{"ROLE_BDR"});
}

TEST_CASE("A41: an update sends what was read, changed only where it has to") {
  const Profile dashboard = built_in("bandwidth-dashboard");
  CHECK(updated(dashboard,
                R"({"UserId":"u1","Username":"a","EmailAddress":"o@x.y","Deep":{"n":[1,2.50,null,"0"]},
                               "Enabled":true,"Roles":[{"RoleId":"r1","Since":"2020"}]})",
                {to(Field::email, text("n@x.y")), to(Field::enabled, Value{false})}) ==
        R"({"UserId":"u1","Username":"a","EmailAddress":"n@x.y","Deep":{"n":[1,2.50,null,"0"]},)"
        R"("Enabled":false,"Roles":[{"RoleId":"r1","Since":"2020"}]})");
  CHECK(updated(dashboard, R"({"Username":"a","Enabled":"true"})", {to(Field::enabled, Value{false})}) ==
        R"({"Username":"a","Enabled":"false"})");
  CHECK(updated(dashboard, R"({"Username":"a"})", {to(Field::phone, text("1"))}) ==
        R"({"Username":"a","TelephoneNumber":"1"})");
}

/// A provider whose users are nested, with ids that are numbers.
Profile nested() {
  Profile profile = built_in("bandwidth-v1");
  profile.fields.username = {"login.name"};
  profile.fields.first_name->names = {"name.given"};
  profile.fields.last_name->names = {"name.family"};
  profile.fields.roles->id = "role.id";
  profile.fields.roles->name.clear();
  profile.fields.roles->write = SetShape::objects;
  profile.fields.never_sent = {"login.secret"};
  return profile;
}

TEST_CASE("a dotted name leads into an object, when it is read and when it is written") {
  const Profile profile = nested();
  const std::string ann =
      R"({"login":{"name":"ann","secret":"x"},"name":{"given":"Ann","x":1},"roles":[{"role":{"id":"r1"}}]})";
  const User user = decoded(profile, ann);
  CHECK(user.username == "ann");
  CHECK(*user.fields.text(Field::first_name) == "Ann");
  CHECK_FALSE(user.fields.has(Field::last_name));
  CHECK(*user.fields.set_of(Field::roles) == StringSet{"r1"});
  CHECK(updated(profile, ann,
                {to(Field::first_name, text("Anna")), to(Field::last_name, text("Lee")),
                 to(Field::roles, items({"r1", "r2"}))}) ==
        R"({"login":{"name":"ann"},"name":{"given":"Anna","x":1,"family":"Lee"},)"
        R"("roles":[{"role":{"id":"r1"}},{"role":{"id":"r2"}}]})");
  CHECK(updated(profile, R"({"login":{"name":"ann"},"name":null})", {to(Field::last_name, text("Lee"))}) ==
        R"({"login":{"name":"ann"},"name":{"family":"Lee"}})");
  CHECK(updated(profile, R"({"login":{"name":"ann"},"name":"Ann"})", {to(Field::last_name, text("Lee"))})
            .starts_with("error: there is no place for `lastName` at `name.family`"));
  // Whoever has a dot in a name means just that.
  CHECK(updated(profile, R"({"login":{"name":"ann"},"name.given":"A"})",
                {to(Field::first_name, text("B"))}) == R"({"login":{"name":"ann"},"name.given":"B"})");
  const auto body =
      body_of_new_user(profile,
                       action_on(Operation::create, "bob",
                                 {to(Field::first_name, text("Bob")), to(Field::last_name, text("Ray"))}),
                       "1");
  REQUIRE(body);
  CHECK(tree_text(*body).starts_with(R"({"login":{"name":"bob"},"name":{"given":"Bob","family":"Ray"},)"));
}

TEST_CASE("ids that are numbers are written as numbers") {
  Profile profile = built_in("bandwidth-v1");
  const auto write = [&](const std::string& roles, std::vector<std::string> wanted) {
    return updated(profile, R"({"username":"a","roles":)" + roles + "}",
                   {to(Field::roles, items(std::move(wanted)))});
  };
  CHECK(write("[7]", {"7", "8"}) == R"({"username":"a","roles":[7,8]})");
  CHECK(write(R"([{"roleId":7}])", {"8"}) == R"({"username":"a","roles":[{"roleId":8}]})");
  CHECK(write(R"(["7"])", {"7", "8"}) == R"({"username":"a","roles":["7","8"]})");
  CHECK(write("[7]", {"08", "x", "-0"}) == R"({"username":"a","roles":["-0","08","x"]})");
  CHECK(write("[]", {"8"}) == R"({"username":"a","roles":["8"]})");
  profile.fields.roles->numbers = true;
  CHECK(write("[]", {"8"}) == R"({"username":"a","roles":[8]})");
  CHECK(updated(profile, R"({"username":"a","phone":19195550000})",
                {to(Field::phone, text("19195550001"))}) == R"({"username":"a","phone":19195550001})");
  CHECK(updated(profile, R"({"username":"a","phone":19195550000})", {to(Field::phone, text("+1919"))}) ==
        R"({"username":"a","phone":"+1919"})");
}

TEST_CASE("A40: a password is never part of an update") {
  CHECK(updated(built_in("bandwidth-dashboard"),
                R"({"Username":"a","Password":"x","PASSWORD":"y","Enabled":true})",
                {}) == R"({"Username":"a","Enabled":true})");
}

TEST_CASE("A41: roles are written back in the shape in which they were read") {
  const Profile dashboard = built_in("bandwidth-dashboard");
  const auto write = [&](const std::string& roles, std::vector<std::string> wanted) {
    const std::string body = updated(dashboard, R"({"Username":"a","Roles":)" + roles + "}",
                                     {to(Field::roles, items(std::move(wanted)))}, roles_of_account());
    return body.substr(body.find("\"Roles\":") + 8, body.size() - body.find("\"Roles\":") - 9);
  };
  CHECK(write(R"(["r1"])", {"r1", "r2"}) == R"(["r1","r2"])");
  CHECK(write(R"(["Admin"])", {"r1", "r2"}) == R"(["Admin","ReadOnly"])");
  CHECK(write(R"([{"RoleId":"r1","X":1},{"RoleId":"r2"}])", {"r1", "r3"}) ==
        R"([{"RoleId":"r1","X":1},{"RoleId":"r3"}])");
  CHECK(write(R"([{"RoleId":"r1","RoleName":"Admin"}])", {"r2"}) ==
        R"([{"RoleId":"r2","RoleName":"ReadOnly"}])");
  CHECK(write(R"({"Role":{"RoleName":"Admin","Permissions":{"Permission":{"PermissionName":"VIEW"}}}})",
              {"r1", "r2"}) ==
        R"({"Role":[{"RoleName":"Admin","Permissions":{"Permission":{"PermissionName":"VIEW"}}},)"
        R"({"RoleName":"ReadOnly"}]})");
  CHECK(write(R"({"Role":["r1"]})", {"r2"}) == R"({"Role":["r2"]})");
  CHECK(write(R"([])", {"r2"}) == R"([{"RoleId":"r2"}])");
  CHECK(write(R"([{"RoleId":"r1"}])", {}) == "[]");
  CHECK(write("null", {"r1"}) == R"([{"RoleId":"r1"}])");
}

TEST_CASE("which shape is written is the profile's to say") {
  Profile v1 = built_in("bandwidth-v1");
  const Change change = to(Field::roles, items({"Porting"}));
  CHECK(updated(v1, R"({"username":"a","roles":[{"roleId":"x"}]})", {change}) ==
        R"({"username":"a","roles":[{"roleId":"Porting"}]})");
  v1.fields.roles->keep_shape = false;
  CHECK(updated(v1, R"({"username":"a","roles":[{"roleId":"x"}]})", {change}) ==
        R"({"username":"a","roles":["Porting"]})");
  v1.fields.roles->write = SetShape::objects;
  CHECK(updated(v1, R"({"username":"a","roles":["x"]})", {change}) ==
        R"({"username":"a","roles":[{"roleId":"Porting"}]})");
}

TEST_CASE("a new user is sent with the profile's first names and defaults") {
  const auto body = body_of_new_user(
      built_in("bandwidth-v1"),
      action_on(Operation::create, "jdoe",
                {to(Field::first_name, text("J")), to(Field::roles, items({"basicAccess"}))}),
      "5500001");
  REQUIRE(body);
  CHECK(tree_text(*body) == R"({"username":"jdoe","firstName":"J","accountScope":"ACCOUNT",)"
                            R"("roles":["basicAccess"],"accounts":["5500001"]})");
}

TEST_CASE("a create that the provider cannot take is refused before it is sent, and says what to do") {
  const Profile dashboard = built_in("bandwidth-dashboard");
  const auto no_names = body_of_new_user(dashboard, action_on(Operation::create, "jdoe"), "1");
  REQUIRE_FALSE(no_names);
  CHECK(no_names.error().message ==
        "this provider requires `firstName` for a new user: add it to the entry of \"jdoe\"");
  const auto scope =
      body_of_new_user(dashboard,
                       action_on(Operation::create, "jdoe",
                                 {to(Field::first_name, text("J")), to(Field::last_name, text("D")),
                                  to(Field::email, text("j@x.y")), to(Field::scope, text("ACCOUNT"))}),
                       "1");
  REQUIRE_FALSE(scope);
  CHECK(scope.error().message == "this provider has no `scope`: remove it from the entry");
}

TEST_CASE("other words for true and false, and a wrapped body, are the profile's to say") {
  Profile other = built_in("bandwidth-v1");
  other.fields.enabled->names = {"status"};
  other.fields.enabled->when_true = "ACTIVE";
  other.fields.enabled->when_false = "INACTIVE";
  other.body_root = "user";
  CHECK(decoded(other, R"({"username":"a","status":"inactive"})").fields.flag(Field::enabled) == false);
  auto body = body_of_update(other, tree(R"({"username":"a","status":"ACTIVE"})").as_object(),
                             {to(Field::enabled, Value{false})}, {});
  REQUIRE(body);
  CHECK(body_text(other, *body) == R"({"user":{"username":"a","status":"INACTIVE"}})");
  other.fields.enabled->names = {"suspended"};
  other.fields.enabled->when_true = "false";
  other.fields.enabled->when_false = "true";
  CHECK(updated(other, R"({"username":"a","suspended":false})", {to(Field::enabled, Value{false})}) ==
        R"({"username":"a","suspended":true})");
}

TEST_CASE("roles and accounts of the catalogue read in their variants") {
  const Profile v1 = built_in("bandwidth-v1");
  const Profile dashboard = built_in("bandwidth-dashboard");
  const std::vector<Role> one{{"basicAccess", "Basic Access"}};
  CHECK(decode_roles(v1.answers.roles, tree(R"({"data":[{"roleId":"basicAccess","name":"Basic Access"}]})"))
            .value() == one);
  const std::vector<Role> admin{{"r1", "Admin"}};
  CHECK(decode_roles(dashboard.answers.roles, tree(R"({"Roles":[{"RoleId":"r1","RoleName":"Admin"}]})"))
            .value() == admin);
  CHECK(decode_roles(
            dashboard.answers.roles,
            tree("<RolesResponse><Roles><Role><RoleId>r1</RoleId><RoleName>Admin</RoleName></Role></Roles>"
                 "</RolesResponse>"))
            .value() == admin);
  CHECK_FALSE(decode_roles(v1.answers.roles, tree(R"({"data":[{"name":"x"}]})")));
  CHECK(
      decode_accounts(v1.answers.accounts, tree(R"({"data":[{"accountId":5500001,"name":"x"}]})")).value() ==
      StringSet{"5500001"});
  CHECK_FALSE(decode_accounts(v1.answers.accounts, tree(R"({"data":null})")));
}

}  // namespace
}  // namespace usersyncd::test
