#include "tests/simulator/support.hpp"

namespace usersyncd::sim {
namespace {

/// The numbers of those among `count` requests that go wrong.
std::vector<int> fired(FaultScript script, int count, const std::string& method = "POST",
                       const std::string& target = "/api/v1/users") {
  std::vector<int> result;
  for (int i = 1; i <= count; ++i) {
    if (script.match(method, target) != nullptr) {
      result.push_back(i);
    }
  }
  return result;
}

FaultScript script_of(const std::string& rule) {
  return FaultScript::parse(R"({"seed":7,"rules":[{"fault":{"status":503},)" + rule + "}]}");
}

}  // namespace

TEST_CASE("a rule fires by number among the requests that it matches") {
  CHECK(fired(script_of(R"("method":"POST")"), 3) == std::vector<int>{1, 2, 3});
  CHECK(fired(script_of(R"("nth":3)"), 6) == std::vector<int>{3});
  CHECK(fired(script_of(R"("count":2)"), 6) == std::vector<int>{1, 2});
  CHECK(fired(script_of(R"("nth":2,"count":3)"), 6) == std::vector<int>{2, 3, 4});
  CHECK(fired(script_of(R"("method":"GET")"), 3).empty());
  CHECK(fired(script_of(R"("path":"/users$")"), 1).size() == 1);
  CHECK(fired(script_of(R"("path":"/roles")"), 1).empty());

  FaultScript script = script_of(R"("path":"/users","nth":2)");
  CHECK(script.match("GET", "/api/v1/users") == nullptr);
  CHECK(script.match("GET", "/api/v1/roles") == nullptr);
  CHECK(script.match("GET", "/api/v1/users") != nullptr);
}

TEST_CASE("chance depends on the seed and on the number among the matching requests only") {
  const FaultScript script = script_of(R"("method":"POST","probability":0.3)");
  const std::vector<int> alone = fired(script, 1000);
  CHECK(alone.size() > 230);
  CHECK(alone.size() < 370);
  FaultScript mixed = script;
  std::vector<int> between;
  for (int i = 1; i <= 1000; ++i) {
    CHECK(mixed.match("GET", "/api/v1/users") == nullptr);
    if (mixed.match("POST", "/api/v1/users") != nullptr) {
      between.push_back(i);
    }
  }
  CHECK(between == alone);
  CHECK(fired(script_of(R"("probability":0)"), 100).empty());
}

TEST_CASE("the first rule that fires wins, and every matching rule counts") {
  FaultScript script = FaultScript::parse(
      R"({"rules":[{"nth":2,"fault":{"status":500}},{"nth":2,"count":2,"fault":{"status":502}}]})");
  CHECK(script.match("GET", "/x") == nullptr);
  CHECK(script.match("GET", "/x")->status == 500);
  CHECK(script.match("GET", "/x")->status == 502);
}

TEST_CASE("every fault is read") {
  FaultScript script =
      FaultScript::parse(R"({"rules":[{"fault":{"status":418,"body":"tea","headers":{"X-A":"b"},
    "after":true,"resetBefore":true,"resetAfter":true,"truncate":0.5,"html":true,"emptyList":true,
    "shrinkList":0.25,"foreignList":true,"slow":"5s","slowBytes":"50ms","ignoreWrite":true,
    "revokeTokens":true,"errorInside200":"12073","staleReads":3,
    "unframed":true,"wrongTotal":"+5"}}]})");
  const Fault* fault = script.match("GET", "/");
  REQUIRE(fault != nullptr);
  CHECK(fault->status == 418);
  CHECK(fault->body == "tea");
  CHECK(header(fault->headers, "x-a") == "b");
  CHECK(fault->truncate == 0.5);
  CHECK(fault->list.keep == 0.25);
  CHECK(fault->slow == std::chrono::seconds(5));
  CHECK(fault->per_byte == std::chrono::milliseconds(50));
  CHECK(fault->error_inside == "12073");
  CHECK(fault->stale_reads == 3);
  CHECK(fault->list.total_offset == 5);
  CHECK((fault->after && fault->reset_before && fault->reset_after && fault->html && fault->list.empty &&
         fault->list.foreign && fault->ignore_write && fault->revoke_tokens && fault->unframed));
}

TEST_CASE("a fault script with a mistake is refused and the rule named") {
  for (const std::string rule :
       {R"({})", R"({"fault":{}})", R"({"fault":{"statsu":503}})", R"({"fault":{"status":"503"}})",
        R"({"fault":{"status":503},"pth":"/"})", R"({"fault":{"status":503},"path":"("})",
        R"({"fault":{"truncate":2}})", R"({"fault":{"slow":5}})", R"({"fault":{"wrongTotal":"x"}})",
        R"({"fault":{"status":503},"nth":0})", "5"}) {
    CAPTURE(rule);
    const std::string text = R"({"rules":[)" + rule + "]}";
    CHECK_THROWS_WITH_AS(FaultScript::parse(text), doctest::Contains("rule 1"), InputError);
  }
  CHECK_THROWS_AS(FaultScript::parse("{"), InputError);
  CHECK_THROWS_AS(FaultScript::parse(R"({"rule":[]})"), InputError);
}

}  // namespace usersyncd::sim
