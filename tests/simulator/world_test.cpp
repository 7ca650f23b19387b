#include <functional>

#include "tests/simulator/support.hpp"

namespace usersyncd::sim {

TEST_CASE("every field rule is refused with its documented code and changes nothing") {
  struct Row {
    const char* code;
    int status;
    std::function<void(Draft&)> spoil;
  };
  const std::vector<Row> rows{
      {"12501", 400, [](Draft& draft) { draft.username.reset(); }},
      {"12500", 400, [](Draft& draft) { draft.username = std::string(101, 'a'); }},
      {"12502", 400, [](Draft& draft) { draft.username = "white space"; }},
      {"12001", 409, [](Draft& draft) { draft.username = "ANN"; }},
      {"12505", 400, [](Draft& draft) { draft.first_name = ""; }},
      {"12506", 400, [](Draft& draft) { draft.first_name = std::string(101, 'a'); }},
      {"12507", 400, [](Draft& draft) { draft.last_name.reset(); }},
      {"12508", 400, [](Draft& draft) { draft.last_name = std::string(101, 'a'); }},
      {"12509", 400, [](Draft& draft) { draft.email = ""; }},
      {"12510", 400, [](Draft& draft) { draft.email = "nobody"; }},
      {"12625", 400, [](Draft& draft) { draft.email = std::string(100, 'a') + "@example.com"; }},
      {"12071", 409, [](Draft& draft) { draft.email = "Bob@Example.com"; }},
      {"12073", 400, [](Draft& draft) { draft.roles = {"wizard"}; }},
      {"13046", 403, [](Draft& draft) { draft.roles = {"audit"}; }},
      {"5051", 403, [](Draft& draft) { draft.accounts = {"1"}; }},
      {"12689", 403, [](Draft& draft) { draft.accounts = {"5500002"}; }},
      {"12683", 400, [](Draft& draft) { draft.scope = "System"; }},
      {"13086", 400, [](Draft& draft) { draft.password = "Correct-Horse-7"; }}};
  for (const Row& row : rows) {
    CAPTURE(row.code);
    World world = small_world();
    const std::uint64_t before = world.revision();
    Draft draft = good_draft();
    row.spoil(draft);
    const Changed created = world.create(draft, WriteRules{});
    REQUIRE(created.has_error());
    CHECK(created.error().code == row.code);
    CHECK(created.error().status == row.status);
    CHECK(world.revision() == before);
  }
}

TEST_CASE("password rules are refused with their documented codes") {
  User user;
  user.username = "jdoe";
  user.first_name = "Jane";
  const std::vector<std::pair<const char*, const char*>> rows{{"", "12503"},
                                                              {"Ab1!", "12504"},
                                                              {"alllowercase", "12727"},
                                                              {"xJDOE-2026y", "12728"},
                                                              {"my-jane-PW-1", "12728"},
                                                              {"Paaaassword-1", "12729"}};
  for (const auto& [password, code] : rows) {
    const std::string shown = password;
    CAPTURE(shown);
    const auto refusal = check_password(std::string(password), user);
    REQUIRE(refusal.has_value());
    CHECK(refusal->code == code);
  }
  CHECK_FALSE(check_password("Correct-Horse-7", user).has_value());
}

TEST_CASE("A41: a full update resets what it does not carry, but never what the credential cannot see") {
  World world = small_world();
  Draft draft;
  draft.first_name = "Anna";
  draft.accounts = {"5500001"};
  const Changed updated = world.update("ann", draft, WriteRules{});
  REQUIRE(updated.has_value());
  const User& ann = **updated;
  CHECK(ann.username == "Ann");
  CHECK(ann.id == "u1");
  CHECK(ann.first_name == "Anna");
  CHECK(ann.last_name.empty());
  CHECK(ann.phone.empty());
  CHECK(ann.scope == "ACCOUNT");
  CHECK(ann.extra.empty());
  CHECK(ann.roles == StringSet{"audit"});
  CHECK(ann.accounts == StringSet{"5500001", "5500002"});
}

TEST_CASE("a user must keep an account, the path's account stays by itself") {
  World world = small_world();
  Draft draft = good_draft();
  draft.username.reset();
  draft.accounts.reset();
  CHECK(world.update("bob@x.example", draft, WriteRules{}).error().code == "12102");
  WriteRules rules;
  rules.home = "5500001";
  CHECK(world.update("bob@x.example", draft, rules).has_value());
}

TEST_CASE("create adds the credential's accounts, and is refused when it has none") {
  World world = small_world();
  Draft draft = good_draft();
  draft.accounts = std::vector<std::string>{};
  WriteRules rules;
  rules.all_creator_accounts = true;
  const Changed created = world.create(draft, rules);
  REQUIRE(created.has_value());
  CHECK((*created)->accounts == StringSet{"5500001"});

  World poor(world.roles(), world.accounts(), Holdings{"nobody", {"basicAccess"}, {}});
  CHECK(poor.create(draft, rules).error().code == "12698");
}

TEST_CASE("a username cannot be changed, an update keeps its own e-mail") {
  World world = small_world();
  Draft draft = good_draft();
  draft.username = "other";
  CHECK(world.update("ann", draft, WriteRules{}).error().code == "12688");
  draft.username = "ANN";
  draft.email = "Ann@Example.com";
  REQUIRE(world.update("ann", draft, WriteRules{}).has_value());
  CHECK(world.find("ann")->username == "Ann");
}

TEST_CASE("removing, and changing behind the API's back, keep the indexes right") {
  World world = small_world();
  CHECK_FALSE(world.remove("ANN", WriteRules{}).has_value());
  CHECK(world.remove("ann", WriteRules{})->code == "12000");
  CHECK(world.find_by_id("u1") == nullptr);
  Draft draft = good_draft();
  draft.email = "ann@example.com";
  REQUIRE(world.create(draft, WriteRules{}).has_value());
  CHECK(world.find_by_id(world.find("new.user")->id) == world.find("new.user"));
  User renamed = *world.find("bob@x.example");
  renamed.email = "robert@example.com";
  world.put(renamed);
  draft.username = "bob2";
  draft.email = "bob@example.com";
  CHECK(world.create(draft, WriteRules{}).has_value());
  CHECK(world.tallies().at("ann").deleted == 1);
  CHECK(world.tallies().at("new.user").created == 1);
  CHECK_FALSE(world.tallies().contains("bob@x.example"));
}

TEST_CASE("the same seed makes the same world, with the credential's own user in it") {
  PopulationOptions options;
  options.users = 300;
  options.seed = 7;
  options.accounts = {"5500001", "5500002"};
  const World world = generate_world(options);
  CHECK(world.users() == generate_world(options).users());
  CHECK(world.users().size() == 301);
  CHECK(world.find("sim-api-user") != nullptr);
  options.seed = 8;
  CHECK(world.users() != generate_world(options).users());
  std::size_t disabled = 0;
  StringSet emails;
  for (const auto& [key, user] : world.users()) {
    disabled += user.enabled ? 0 : 1;
    emails.insert(lower(user.email));
    CHECK(user.accounts.contains("5500001"));
  }
  CHECK(disabled > 0);
  CHECK(emails.size() == world.users().size());
}

TEST_CASE("a world written as JSON reads back as the same world") {
  PopulationOptions options;
  options.users = 50;
  const World world = generate_world(options);
  const World again = read_world(json::serialize(neutral_world(world)), World());
  CHECK(again.users() == world.users());
  CHECK(again.holdings().accounts == world.holdings().accounts);
}

TEST_CASE("a world file that is not one is refused with a reason") {
  const World base = small_world();
  for (const char* text :
       {"{", "[]", "{}", R"({"users":[{"username":"a"},{"username":"A"}]})",
        R"({"users":[{"username":"a","colour":"red"}]})", R"({"users":[{}]})",
        R"({"users":[{"username":"a","roles":"x"}]})", R"({"users":[],"roles":[{"id":1}]})"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read_world(text, base), InputError);
  }
}

TEST_CASE("the desired-state file describes what the credential sees") {
  const std::string yaml = desired_yaml(small_world(), "5500001", true);
  CHECK(yaml.starts_with("version: 1\naccount: \"5500001\"\nusers:\n  - username: \"Ann\"\n"));
  CHECK(yaml.find("roles: [\"admin\"]") != std::string::npos);
  CHECK(yaml.find("scope: ACCOUNT_ADMIN") != std::string::npos);
  CHECK(yaml.find("hidden") == std::string::npos);
  CHECK(desired_yaml(small_world(), "5500001", false).find("scope:") == std::string::npos);
}

}  // namespace usersyncd::sim
