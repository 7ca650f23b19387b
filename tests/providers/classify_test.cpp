#include "providers/classify.hpp"

#include "providers/outcome.hpp"
#include "providers/tree.hpp"
#include "tests/providers/support.hpp"

namespace usersyncd::test {
namespace {

Answer classified(int status, std::string body, const std::string& profile = "bandwidth-dashboard") {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return classify(built_in(profile), response);
}

std::string error_with(const std::string& code, const std::string& text = "words") {
  return "<UserResponse><ResponseStatus><ErrorCode>" + code + "</ErrorCode><Description>" + text +
         "</Description></ResponseStatus></UserResponse>";
}

TEST_CASE("the error shapes A to H all give their code and text") {
  for (std::string_view body : {
           "<XResponse><ResponseStatus><ErrorCode>12055</ErrorCode><Description>words</Description></"
           "ResponseStatus></XResponse>",
           "<SearchResult><Error><Code>12055</Code><Description>words</Description></Error></SearchResult>",
           "<R><Errors><Error><Code>12055</Code><Description>words</Description></Error></Errors></R>",
           "<R><Errors><Code>12055</Code><Description>words</Description></Errors></R>",
           "<R><X><resultCode>12055</resultCode><resultMessage>words</resultMessage></X></R>",
           "<R><ErrorList><Error><Code>12055</Code><Description>words</Description></Error></ErrorList></R>",
           R"({"type":"12055","description":"words"})",
           R"({"links":[],"data":null,"errors":[{"type":"t","description":"words","code":"12055","x":1}]})",
           R"({"errors":[{"id":"i","code":12055,"type":"rate-limiting","description":"words"}]})",
           R"({"requestError":{"serviceException":{"messageId":"12055","text":"words","x":null}}})",
       }) {
    CAPTURE(body);
    const Answer answer = classified(400, std::string(body));
    CHECK(answer.code == "12055");
    CHECK(answer.text == "words");
    CHECK(answer.meaning == Meaning::refused);
  }
}

TEST_CASE("statuses, codes and texts have the meanings of the table") {
  struct Row {
    int status;
    std::string body;
    Meaning meaning;
  };
  for (const Row& row : std::vector<Row>{
           {200, "{}", Meaning::success},
           {204, "", Meaning::success},
           {206, R"({"data":[]})", Meaning::unreadable},
           {207, "{}", Meaning::unreadable},
           {230, error_with("12000"), Meaning::empty},
           {230, "{}", Meaning::empty},
           {400, error_with("12500"), Meaning::refused},
           {400, "", Meaning::refused},
           {401, "<html/>", Meaning::unauthorized},
           {403, error_with("12000"), Meaning::not_found},
           {403, error_with("", "User id not found"), Meaning::not_found},
           {403, error_with("", "User 'x' does not exist"), Meaning::not_found},
           {403, error_with("", "Account id not found"), Meaning::refused},
           {403, error_with("", "Role 'x' does not exist"), Meaning::refused},
           {403, "", Meaning::refused},
           {404, "", Meaning::not_found},
           {404, "{}", Meaning::not_found},
           {405, "", Meaning::unsupported},
           {409, "", Meaning::exists},
           {400, error_with("12001"), Meaning::exists},
           {400, error_with("12071"), Meaning::exists},
           {400, error_with("12002"), Meaning::already_so},
           {409, error_with("12062"), Meaning::already_so},
           {400, error_with("12006"), Meaning::already_gone},
           {404, error_with("12083"), Meaning::already_gone},
           {403, error_with("12093"), Meaning::credential},
           {401, error_with("12093"), Meaning::credential},
           {400, error_with("13050"), Meaning::retry},
           {200, error_with("1000"), Meaning::retry},
           {500, "", Meaning::retry},
           {503, "Service Unavailable", Meaning::retry},
           {408, "", Meaning::retry},
           {429, "", Meaning::throttle},
           {429, "<html>slow down</html>", Meaning::throttle},
           {303, "", Meaning::redirect},
       }) {
    CAPTURE(row.status);
    CAPTURE(row.body);
    for (const char* profile : {"bandwidth-dashboard", "bandwidth-v1"}) {
      CHECK(name_of(classified(row.status, row.body, profile).meaning) == name_of(row.meaning));
    }
  }
}

TEST_CASE("an error inside a 2xx is a failure, a list of errors somewhere in it is not") {
  CHECK(classified(200, error_with("12500")).meaning == Meaning::refused);
  CHECK(classified(201, R"({"ResponseStatus":{"ErrorCode":12500,"Description":"x"}})").meaning ==
        Meaning::refused);
  CHECK(classified(200, "<R><resultCode>7</resultCode><resultMessage>x</resultMessage></R>").meaning ==
        Meaning::refused);
  CHECK(classified(200, "<R><resultCode>0</resultCode></R>").meaning == Meaning::success);
  CHECK(classified(200, R"({"User":{"Username":"a"},"ResponseStatus":{"Description":"fine"}})").meaning ==
        Meaning::success);
  CHECK(classified(200, "<R><Order><Errors><Error><Code>1</Code></Error></Errors></Order></R>").meaning ==
        Meaning::success);
}

TEST_CASE("A1: a server error says nothing about a user, whatever stands in it") {
  for (const char* code : {"12000", "12001", "12002", "12006"}) {
    CHECK(classified(503, error_with(code)).meaning == Meaning::retry);
  }
}

TEST_CASE("A10: a web page says nothing about a user either") {
  CHECK(classified(404, "<!DOCTYPE html><html><body>Not Found</body></html>").meaning == Meaning::refused);
  CHECK(classified(409, "<html></html>").meaning == Meaning::refused);
  CHECK(classified(200, "<html></html>").meaning == Meaning::unreadable);
  CHECK(classified(200, "{\"Users\":[").meaning == Meaning::unreadable);
}

TEST_CASE("A39: throttling as 400 is told by its text, and by what the profile adds") {
  CHECK(classified(400, R"({"message":"Too Many Requests, slow down"})").meaning == Meaning::throttle);
  CHECK(classified(400, "rate limit exceeded").meaning == Meaning::throttle);
  Profile mine = built_in("bandwidth-v1");
  mine.meanings.insert(mine.meanings.begin(), MeaningRule{403, {"77"}, "quota * used up", Meaning::throttle});
  HttpResponse response;
  response.status = 403;
  response.body = R"({"code":77,"message":"The Quota of today is used up."})";
  CHECK(classify(mine, response).meaning == Meaning::throttle);
}

TEST_CASE("several errors mean something only if all mean the same") {
  const auto both = [](const std::string& first, const std::string& second) {
    return classified(400, R"({"errors":[{"code":")" + first + R"("},{"code":")" + second + R"("}]})")
        .meaning;
  };
  CHECK(both("12002", "12005") == Meaning::already_so);
  CHECK(both("12002", "12008") == Meaning::refused);
  CHECK(both("12002", "13050") == Meaning::retry);
  CHECK(both("12002", "12093") == Meaning::credential);
}

TEST_CASE("A27, A33: what an answer means for a write") {
  using Kind = WriteOutcome::Kind;
  struct Row {
    Operation operation;
    Meaning meaning;
    Kind kind;
  };
  for (const Row& row : {
           Row{Operation::remove, Meaning::not_found, Kind::already_so},
           Row{Operation::remove, Meaning::already_gone, Kind::already_so},
           Row{Operation::update, Meaning::not_found, Kind::refused},
           Row{Operation::create, Meaning::not_found, Kind::refused},
           Row{Operation::create, Meaning::exists, Kind::exists},
           Row{Operation::create, Meaning::already_so, Kind::exists},
           Row{Operation::update, Meaning::exists, Kind::refused},
           Row{Operation::update, Meaning::already_so, Kind::already_so},
           Row{Operation::update, Meaning::success, Kind::accepted},
           Row{Operation::create, Meaning::throttle, Kind::try_later},
           Row{Operation::create, Meaning::retry, Kind::unknown},
           Row{Operation::create, Meaning::unreadable, Kind::unknown},
           Row{Operation::create, Meaning::redirect, Kind::unknown},
           Row{Operation::remove, Meaning::empty, Kind::unknown},
           Row{Operation::remove, Meaning::unsupported, Kind::unsupported},
           Row{Operation::update, Meaning::refused, Kind::refused},
           Row{Operation::update, Meaning::credential, Kind::credential},
       }) {
    CAPTURE(name_of(row.operation));
    CAPTURE(name_of(row.meaning));
    CHECK(outcome_of(row.operation, row.meaning) == row.kind);
  }
  CHECK(outcome_of(HttpFailure{HttpFailure::Kind::reset, "", true}) == Kind::unknown);
  CHECK(outcome_of(HttpFailure{HttpFailure::Kind::connect, "", false}) == Kind::not_sent);
}

TEST_CASE("text patterns find parts in order, without regard to case") {
  CHECK(text_matches("user * does not exist", "Sorry: User 'x' DOES NOT exist."));
  CHECK(text_matches("a*b*c", "xaxbxcx"));
  CHECK_FALSE(text_matches("a*b", "ba"));
  CHECK(text_matches("", "anything"));
}

}  // namespace
}  // namespace usersyncd::test
