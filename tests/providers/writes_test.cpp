#include "tests/providers/support.hpp"

namespace usersyncd::test {
namespace {

using namespace std::chrono_literals;
using Kind = WriteOutcome::Kind;

Action new_user() {
  return action_on(Operation::create, "jdoe",
                   {to(Field::first_name, text("John")), to(Field::last_name, text("Doe")),
                    to(Field::email, text("j@x.y")), to(Field::roles, items({"r1"}))});
}

WriteOutcome create(Bench& bench, Action action = new_user()) {
  const JudgedPlan plan = judged(std::move(action));
  const auto permit = plan.permit(0);
  return run(bench.provider.create(*permit, bench.context));
}

WriteOutcome update(Bench& bench, Action action, RemoteUser base) {
  const JudgedPlan plan = judged(std::move(action));
  const auto permit = plan.permit(0);
  return run(bench.provider.update(*permit, std::move(base), bench.context));
}

WriteOutcome remove(Bench& bench, const std::string& user_id) {
  Action action = action_on(Operation::remove, "jdoe");
  action.user_id = user_id;
  const JudgedPlan plan = judged(std::move(action));
  const auto permit = plan.permit(0);
  return run(bench.provider.remove(*permit, bench.context));
}

RemoteUser read_before(const std::string& document, const std::string& user_id = "u1") {
  RemoteUser base;
  base.user.username = "jdoe";
  base.user.user_id = user_id;
  base.document = document;
  return base;
}

TEST_CASE("a create is accepted in every form of answer, and carries the user where the answer does") {
  struct Row {
    std::string profile;
    Came came;
    std::optional<std::string> user_id;
  };
  for (const Row& row : std::vector<Row>{
           {"bandwidth-v1", answer(201, R"({"data":{"username":"jdoe"}})"), ""},
           {"bandwidth-v1", answer(201, R"({"username":"jdoe"})"), ""},
           {"bandwidth-v1", answer(201, "", {{"Location", "/api/v1/users/jdoe"}}), std::nullopt},
           {"bandwidth-v1", answer(204), std::nullopt},
           {"bandwidth-dashboard", answer(200, R"({"UserId":"u2","Username":"jdoe"})"), "u2"},
           {"bandwidth-dashboard", answer(201, R"({"User":{"UserId":"u2","Username":"jdoe"}})"), "u2"},
           {"bandwidth-dashboard",
            answer(201,
                   "<UserResponse><User><UserId>u2</UserId><Username>jdoe</Username></User></UserResponse>"),
            "u2"},
           {"bandwidth-dashboard", answer(201, "", {{"Location", "https://x/accounts/5500001/users/u2"}}),
            "u2"},
           {"bandwidth-dashboard", answer(200, "{}"), std::nullopt},
       }) {
    Bench bench(built_in(row.profile));
    bench.http.answers = {row.came};
    const WriteOutcome outcome = create(bench);
    CHECK(outcome.kind == Kind::accepted);
    CHECK(outcome.user.has_value() == row.user_id.has_value());
    if (outcome.user && row.user_id) CHECK(outcome.user->user.user_id == *row.user_id);
    CHECK(bench.http.lines().size() == 1);
  }
}

TEST_CASE("A29, A33: a write is one request, and only what is certain counts as done or not done") {
  struct Row {
    Came came;
    Kind kind;
  };
  for (const Row& row : std::vector<Row>{
           {answer(500), Kind::unknown},
           {answer(502, "<html/>"), Kind::unknown},
           {answer(201, "<html/>"), Kind::unknown},
           {answer(201, "{\"username\":"), Kind::unknown},
           {answer(303, "", {{"Location", "/x"}}), Kind::unknown},
           {failure(HttpFailure::Kind::timeout), Kind::unknown},
           {failure(HttpFailure::Kind::reset), Kind::unknown},
           {failure(HttpFailure::Kind::truncated), Kind::unknown},
           {failure(HttpFailure::Kind::connect, false), Kind::not_sent},
           {answer(409), Kind::exists},
           {answer(400, R"({"errors":[{"code":"12001"}]})"), Kind::exists},
           {answer(400, R"({"errors":[{"code":"12508"}]})"), Kind::refused},
           {answer(200, R"({"ResponseStatus":{"ErrorCode":"12508"}})"), Kind::refused},
           {answer(403, R"({"errors":[{"code":"12093"}]})"), Kind::credential},
           {answer(405), Kind::unsupported},
           {answer(429), Kind::try_later},
           {answer(400, "too many requests"), Kind::try_later},
       }) {
    Bench bench(built_in("bandwidth-v1"));
    bench.http.answers = {row.came};
    const WriteOutcome outcome = create(bench);
    CHECK(outcome.kind == row.kind);
    CHECK(bench.http.lines().size() == 1);
    CHECK(bench.log.records.size() == 2);
  }
}

TEST_CASE("A33: a refused write says how long to wait, and nothing is sent before") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(429, "", {{"Retry-After", "30"}})};
  CHECK(create(bench).wait == 30s);
  const WriteOutcome again = create(bench);
  CHECK(again.kind == Kind::try_later);
  CHECK(again.wait == 30s);
  CHECK(bench.http.lines().size() == 1);
}

TEST_CASE("the first 401 of a write wants a fresh token, the second is about the credential") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(401), answer(401)};
  CHECK(create(bench).kind == Kind::try_later);
  CHECK(create(bench).kind == Kind::credential);
  CHECK(bench.http.tokens == 2);
  Bench basic(built_in("bandwidth-dashboard"), AuthKind::basic);
  basic.http.answers = {answer(401)};
  CHECK(create(basic).kind == Kind::credential);
}

TEST_CASE("tokens that run out on the way, one after the other, are no verdict on the credential") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.by_request = [&](const HttpRequest&) {
    bench.clock.elapsed += std::chrono::hours{1};
    return answer(401);
  };
  for (int tries = 0; tries < 3; ++tries) CHECK(create(bench).kind == Kind::try_later);
  CHECK(bench.http.tokens == 3);
}

TEST_CASE("A58, A60: a password goes to the provider and to delivery, and nowhere else") {
  std::string delivered;
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic,
              [&](const std::string& name, const Secret& password) {
                CHECK(name == "jdoe");
                delivered = std::string(password.reveal());
                return Result<bool>(true);
              });
  bench.http.by_request = [](const HttpRequest& request) { return answer(200, request.body); };
  const WriteOutcome outcome = create(bench);
  CHECK(outcome.kind == Kind::accepted);
  REQUIRE(delivered.size() >= 16);
  CHECK(bench.http.last_body().at("Password").as_string() == delivered);
  CHECK(bench.http.last_body().at("Roles") == json::parse(R"([{"RoleId":"r1"}])"));
  REQUIRE(outcome.user);
  CHECK(outcome.user->document.find("Password") == std::string::npos);
  for (const ExchangeRecord& record : bench.log.records) {
    CHECK(record.request_body.find(delivered) == std::string::npos);
    CHECK(record.response_body.find(delivered) == std::string::npos);
  }
}

TEST_CASE("a password that cannot be delivered is not used: nothing is sent") {
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic, [](const std::string&, const Secret&) {
    return Result<bool>(Error{ErrorKind::config, "disk full", {}});
  });
  const WriteOutcome outcome = create(bench);
  CHECK(outcome.kind == Kind::not_sent);
  CHECK(outcome.message.find("disk full") != std::string::npos);
  CHECK(bench.http.requests.empty());
}

TEST_CASE("A23, A40, A41: an update is one PUT of what was read, changed where the action says") {
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
  bench.http.answers = {answer(200, R"({"UserId":"u1","Username":"jdoe","Email":"n@x.y"})")};
  const WriteOutcome outcome = update(
      bench, action_on(Operation::update, "jdoe", {to(Field::email, text("n@x.y"))}),
      read_before(R"({"UserId":"u1","Username":"jdoe","Email":"o@x.y","Password":"x","Unknown":{"a":[]}})"));
  CHECK(outcome.kind == Kind::accepted);
  CHECK(bench.http.lines() == std::vector<std::string>{"PUT /accounts/5500001/users/u1"});
  CHECK(bench.http.requests.back().body ==
        R"({"UserId":"u1","Username":"jdoe","Email":"n@x.y","Unknown":{"a":[]}})");
  CHECK(*find_header(bench.http.requests.back().headers, "Content-Type") == "application/json");
}

TEST_CASE("disabling is an update of the flag, or a call of its own where the profile has one") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(204)};
  update(bench, action_on(Operation::disable, "jdoe"),
         read_before(R"({"username":"jdoe","active":true})", ""));
  CHECK(bench.http.requests.back().body == R"({"username":"jdoe","active":false})");
  Profile own_call = built_in("bandwidth-v1");
  own_call.endpoints.disable = Endpoint{"POST", "/users/{username}/disable"};
  Bench other(own_call);
  other.http.answers = {answer(204)};
  update(other, action_on(Operation::disable, "jdoe"), read_before("{}", ""));
  CHECK(other.http.lines() == std::vector<std::string>{"POST /users/jdoe/disable"});
  CHECK(other.http.requests.back().body.empty());
}

TEST_CASE(
    "A8, A42: nothing is sent without the document, for another user, or without an id where one is needed") {
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
  const Action action = action_on(Operation::update, "jdoe", {to(Field::email, text("n@x.y"))});
  CHECK(update(bench, action, read_before("")).kind == Kind::refused);
  CHECK(update(bench, action, read_before(R"({"Username":"jdoe"})", "")).kind == Kind::unsupported);
  RemoteUser other = read_before(R"({"Username":"other"})");
  other.user.username = "other";
  CHECK(update(bench, action, other).kind == Kind::not_sent);
  CHECK(bench.http.requests.empty());
}

TEST_CASE("what the profile says cannot be done is left to a person") {
  Profile limited = built_in("bandwidth-v1");
  limited.capabilities.immutable = {Field::email};
  limited.capabilities.create = false;
  limited.capabilities.disable = false;
  Bench bench(limited);
  CHECK(remove(bench, "").kind == Kind::unsupported);
  CHECK(create(bench).kind == Kind::unsupported);
  CHECK(update(bench, action_on(Operation::disable, "jdoe"), read_before("{}")).kind == Kind::unsupported);
  CHECK(update(bench, action_on(Operation::update, "jdoe", {to(Field::email, text("n@x.y"))}),
               read_before(R"({"username":"jdoe"})"))
            .kind == Kind::unsupported);
  CHECK(bench.http.requests.empty());
}

TEST_CASE("A27: already gone is done") {
  for (const Came& came : {answer(404), answer(400, R"({"ErrorCode":"12006","Description":"x"})")}) {
    Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
    bench.http.answers = {came};
    CHECK(remove(bench, "u1").kind == Kind::already_so);
    CHECK(bench.http.lines() == std::vector<std::string>{"DELETE /accounts/5500001/users/u1"});
  }
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
  bench.http.answers = {answer(405)};
  CHECK(remove(bench, "u1").kind == Kind::unsupported);
}

TEST_CASE("a delete without a known id looks the user up first") {
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
  bench.http.answers = {answer(200, R"({"UserId":"u9","Username":"jdoe"})"), answer(200, "{}")};
  CHECK(remove(bench, "").kind == Kind::accepted);
  CHECK(bench.http.lines() ==
        std::vector<std::string>{"GET /users/jdoe", "DELETE /accounts/5500001/users/u9"});
  bench.http.answers = {answer(404)};
  CHECK(remove(bench, "").kind == Kind::already_so);
  bench.http.answers = {answer(403)};
  CHECK(remove(bench, "").kind == Kind::not_sent);
}

TEST_CASE("stopping: nothing is sent") {
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
  bench.clock.stopped = true;
  CHECK(create(bench).kind == Kind::not_sent);
  CHECK(bench.http.requests.empty());
}

}  // namespace
}  // namespace usersyncd::test
