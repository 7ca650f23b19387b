#include "tests/providers/support.hpp"

namespace usersyncd::test {
namespace {

using namespace std::chrono_literals;

const std::string one_user = R"({"data":{"items":[{"username":"a","roles":["r1"]}],"totalCount":1}})";

TEST_CASE("a list is read with a token, and every exchange is on record without secrets") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(200, one_user)};
  const auto listing = bench.list();
  REQUIRE(listing);
  CHECK(listing->users.size() == 1);
  CHECK(listing->total == 1);
  CHECK(listing->faults.empty());
  CHECK(bench.http.lines() == std::vector<std::string>{"GET /api/v1/users?limit=100&offset=0"});
  CHECK(*find_header(bench.http.requests[0].headers, "Authorization") ==
        "Basic Y2xpZW50LWlkOnZlcnktc2VjcmV0LXZhbHVl");
  CHECK(bench.http.requests[0].body == "grant_type=client_credentials");
  CHECK(*find_header(bench.http.requests[1].headers, "Authorization") == "Bearer token-1");
  CHECK(*find_header(bench.http.requests[1].headers, "Accept") == "application/json");
  REQUIRE(bench.log.records.size() == 2);
  CHECK(bench.log.records[1].url == "http://127.0.0.1:9/api/v1/users?limit=100&offset=0");
  for (const ExchangeRecord& record : bench.log.records) {
    std::string all = record.request_body + record.response_body;
    for (const auto& [name, value] : record.request_headers) all += value;
    for (const char* secret : {"token-1", "very-secret", "Y2xpZW50"})
      CHECK(all.find(secret) == std::string::npos);
  }
}

TEST_CASE("pages are read to the end") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(200, R"({"data":{"items":[{"username":"a"}],"totalCount":2}})"),
                        answer(200, R"({"data":{"items":[{"username":"b"}],"totalCount":2}})")};
  const auto listing = bench.list();
  REQUIRE(listing);
  CHECK(listing->users.size() == 2);
  CHECK(bench.http.lines().back() == "GET /api/v1/users?limit=100&offset=1");
}

TEST_CASE("A3: a page that fails makes the list incomplete, the first one makes it fail") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(200, R"({"data":{"items":[{"username":"a"}],"totalCount":2}})"), answer(400)};
  const auto listing = bench.list();
  REQUIRE(listing);
  REQUIRE(listing->faults.size() == 1);
  CHECK(listing->faults[0].starts_with("page 2 failed: GET /api/v1/users: the provider answered 400"));
  Bench other(built_in("bandwidth-v1"));
  other.http.answers = {answer(400)};
  CHECK_FALSE(other.list());
}

TEST_CASE("A9, A70: entries that cannot be read and errors beside the list are faults") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {
      answer(200, R"({"data":{"items":[{"username":"a"},{"username":"b","roles":7.5},"c"],"totalCount":3},)"
                  R"("errors":[{"code":"E1"}]})")};
  const auto listing = bench.list();
  REQUIRE(listing);
  CHECK(listing->users.size() == 1);
  CHECK(listing->faults.size() == 3);
}

TEST_CASE("A10, A11: what is not a list is an error; XML is read like JSON; 230 is an empty list") {
  for (const Came& bad :
       {answer(200, "<html>maintenance</html>"), answer(200, ""), answer(200, "{}"), answer(204),
        answer(200, "{\"Users\":["), answer(404, "{}"), answer(405), answer(403)}) {
    Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
    bench.http.answers = {bad};
    CHECK_FALSE(bench.list());
  }
  Bench xml(built_in("bandwidth-dashboard"), AuthKind::basic);
  xml.http.answers = {
      answer(200,
             "<UsersResponse><Users><User><Username>a</Username><AccountId>77</AccountId></User>"
             "</Users></UsersResponse>")};
  const auto listing = xml.list();
  REQUIRE(listing);
  CHECK(listing->users.at(0).username == "a");
  CHECK(listing->account_ids == std::vector<std::string>{"77"});
  Bench none(built_in("bandwidth-dashboard"), AuthKind::basic);
  none.http.answers = {answer(230)};
  CHECK(none.list()->users.empty());
}

TEST_CASE("A1: reads are repeated after what may pass, and then fail; nothing is concluded from it") {
  for (const Came& passing : {answer(503), answer(500, "<html/>"), failure(HttpFailure::Kind::reset),
                              failure(HttpFailure::Kind::timeout), failure(HttpFailure::Kind::truncated),
                              answer(400, R"({"errors":[{"code":13050}]})"), answer(429)}) {
    Bench bench(built_in("bandwidth-v1"));
    bench.http.answers = {passing, passing, answer(200, one_user)};
    REQUIRE(bench.list());
    CHECK(bench.http.lines().size() == 3);
    CHECK(bench.log.records.size() == 4);
    CHECK(bench.log.records[3].context.attempt == 3);
    Bench never(built_in("bandwidth-v1"));
    never.http.answers.assign(20, passing);
    const auto item = never.read("a");
    REQUIRE_FALSE(item);
    CHECK(item.error().message.find("(after 8 attempts)") != std::string::npos);
    CHECK(never.http.lines().size() == 8);
  }
}

TEST_CASE("reads end when retryFor is over, and at once when the program stops") {
  Bench bench(built_in("bandwidth-v1"), AuthKind::oauth2, {}, 3s);
  bench.http.answers.assign(20, answer(503));
  CHECK_FALSE(bench.list());
  CHECK(bench.http.lines().size() == 3);
  Bench stopping(built_in("bandwidth-v1"));
  stopping.http.answers.assign(20, answer(503));
  stopping.clock.stop_after = 2;
  const auto listing = stopping.list();
  REQUIRE_FALSE(listing);
  CHECK(listing.error().kind == ErrorKind::stopped);
  CHECK(stopping.http.lines().size() <= 2);
}

TEST_CASE("A33, A36: 429 waits as told; a wait beyond retryFor parks the account and says until when") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(429, "", {{"Retry-After", "7"}}), answer(200, one_user)};
  const Duration start = bench.clock.elapsed;
  REQUIRE(bench.list());
  CHECK(bench.clock.elapsed - start >= 7s);
  Bench parked(built_in("bandwidth-v1"));
  parked.http.answers = {answer(429, "", {{"Retry-After", "3244"}})};
  for (int cycle = 0; cycle < 2; ++cycle) {
    const auto listing = parked.list();
    REQUIRE_FALSE(listing);
    CHECK(listing.error().kind == ErrorKind::rate_limited);
  }
  CHECK(parked.http.lines().size() == 1);
  CHECK(parked.provider.waiting()->until == parked.clock.now() + 3244s);
}

TEST_CASE("a 401 drops the token and is tried once more with a fresh one; Basic is not") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(401), answer(200, one_user)};
  REQUIRE(bench.list());
  CHECK(bench.http.tokens == 2);
  Bench refused(built_in("bandwidth-v1"));
  refused.http.answers = {answer(401), answer(401)};
  CHECK(refused.list().error().kind == ErrorKind::auth);
  Bench basic(built_in("bandwidth-dashboard"), AuthKind::basic);
  basic.http.answers = {answer(401)};
  CHECK(basic.list().error().kind == ErrorKind::auth);
  CHECK(*find_header(basic.http.requests[0].headers, "Authorization") ==
        "Basic Y2xpZW50LWlkOnZlcnktc2VjcmV0LXZhbHVl");
}

TEST_CASE("a token call that is refused is our credential's fault, one that fails is not") {
  for (const auto& [came, kind] :
       {std::pair{answer(401), ErrorKind::auth}, std::pair{answer(400), ErrorKind::auth},
        std::pair{answer(200, "{}"), ErrorKind::auth}}) {
    Bench bench(built_in("bandwidth-v1"));
    bench.http.answer_tokens = false;
    bench.http.answers = {came};
    CHECK(bench.list().error().kind == kind);
  }
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answer_tokens = false;
  bench.http.answers.assign(8, failure(HttpFailure::Kind::connect, false));
  CHECK(bench.list().error().kind == ErrorKind::network);
}

TEST_CASE("redirects are followed for reads, to the same origin, three times at most") {
  Bench bench(built_in("bandwidth-v1"));
  bench.http.answers = {answer(303, "", {{"Location", "/elsewhere?x=1"}}), answer(200, one_user)};
  REQUIRE(bench.list());
  CHECK(bench.http.lines().back() == "GET /elsewhere?x=1");
  Bench away(built_in("bandwidth-v1"));
  away.http.answers = {answer(302, "", {{"Location", "http://evil.example/"}})};
  CHECK_FALSE(away.list());
  Bench round(built_in("bandwidth-v1"));
  round.http.answers.assign(10, answer(307, "", {{"Location", "/round"}}));
  CHECK_FALSE(round.list());
  CHECK(round.http.lines().size() == 4);
}

TEST_CASE("A8: no such user is told only where the provider says so clearly") {
  const std::string xml =
      "<UserResponse><ResponseStatus><ErrorCode>12000</ErrorCode></ResponseStatus></UserResponse>";
  for (const Came& gone : {answer(404), answer(404, "{}"), answer(403, xml), answer(200, xml), answer(410)}) {
    Bench bench(built_in("bandwidth-v1"));
    bench.http.answers = {gone};
    const auto user = bench.read("a");
    REQUIRE(user);
    CHECK_FALSE(user->has_value());
  }
  for (const Came& unclear :
       {answer(404, "<html>nginx</html>"), answer(403), answer(405), answer(200, "{}"),
        answer(200, R"({"username":"somebody-else"})"), answer(200, "<html/>"), answer(204)}) {
    Bench bench(built_in("bandwidth-v1"));
    bench.http.answers = {unclear};
    CHECK_FALSE(bench.read("a"));
  }
}

TEST_CASE(
    "an item is read by its id, or by username where there is none, and keeps its document but no password") {
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
  bench.http.answers = {answer(200, R"({"UserId":"u1","Username":"A@x.y","Password":"p","Zip":"007"})"),
                        answer(200, R"({"User":{"UserId":"u1","Username":"a@x.y"}})")};
  const auto user = bench.read("a@x.y", "u1");
  REQUIRE(user);
  CHECK((*user)->document == R"({"UserId":"u1","Username":"A@x.y","Zip":"007"})");
  REQUIRE(bench.read("a@x.y"));
  CHECK(bench.http.lines() ==
        std::vector<std::string>{"GET /accounts/5500001/users/u1", "GET /users/a%40x.y"});
  bench.http.answers = {answer(200, R"({"UserId":"u1","Username":"a@x.y","AccountId":"77"})")};
  CHECK_FALSE(bench.read("a@x.y"));
}

TEST_CASE("A6: the credential must see the account") {
  const auto check = [](const Came& came) {
    Bench bench(built_in("bandwidth-v1"));
    bench.http.answers = {came, answer(200, R"({"data":[]})")};
    return run(bench.provider.read_catalog(bench.context));
  };
  CHECK(check(answer(200, R"({"data":[{"accountId":5500001}]})")));
  const auto wrong = check(answer(200, R"({"data":[{"accountId":"77"}]})"));
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().kind == ErrorKind::config);
  CHECK(wrong.error().message.find("77") != std::string::npos);
  CHECK(check(answer(403)).error().kind == ErrorKind::auth);
}

TEST_CASE("the catalogue: roles that are not there cannot be checked, and roles are then known by id") {
  Bench bench(built_in("bandwidth-dashboard"), AuthKind::basic);
  bench.http.answers = {answer(404)};
  CHECK_FALSE(run(bench.provider.read_catalog(bench.context))->roles);
  bench.http.answers = {answer(200, R"({"Roles":{"Role":{"RoleId":"r1","RoleName":"Admin"}}})"),
                        answer(200, R"({"Users":[{"Username":"a","Roles":["Admin"]}]})")};
  CHECK(run(bench.provider.read_catalog(bench.context))->roles->size() == 1);
  CHECK(*bench.list()->users.at(0).fields.set_of(Field::roles) == StringSet{"r1"});
  bench.http.answers = {answer(404, "<html/>")};
  CHECK_FALSE(run(bench.provider.read_catalog(bench.context)));
}

}  // namespace
}  // namespace usersyncd::test
