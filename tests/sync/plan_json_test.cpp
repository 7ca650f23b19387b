#include "sync/plan_json.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "judge.hpp"
#include "samples.hpp"

using namespace usersyncd;
using namespace usersyncd::test;
namespace json = boost::json;

namespace {

JudgedPlan judged_by(const Plan& plan, Verdict verdict) {
  std::vector<JudgedAction> actions;
  for (const auto& action : plan.actions) actions.push_back({action, verdict, {"drift"}, "because"});
  return Judge::judged(plan, std::move(actions));
}

Plan small_plan() {
  Case c{{entry("jdoe", {{Field::phone, text("0412")}}), entry("new")},
         {live("jdoe", {{Field::phone, text("1")}}, "007")}};
  return c.plan();
}

std::string id_in(const json::object& document) {
  return std::string{document.at("id").get_string()};
}

}  // namespace

TEST_CASE("json: strings stay strings, flags are booleans, sets are sorted arrays") {
  CHECK(json::serialize(to_json(text("007"))) == "\"007\"");
  CHECK(json::serialize(to_json(text("true"))) == "\"true\"");
  CHECK(json::serialize(to_json(Value{false})) == "false");
  CHECK(json::serialize(to_json(set({"b", "a"}))) == R"(["a","b"])");
  CHECK(json::serialize(to_json(set({}))) == "[]");
}

TEST_CASE("json: only the fields that are present, and everything reads back as it was") {
  const auto user = live("jdoe",
                         {{Field::first_name, text("An\"n\n\u00e9")},
                          {Field::enabled, Value{true}},
                          {Field::roles, set({})},
                          {Field::accounts, set({"1", "2"})}},
                         "007");
  const auto written = json::serialize(to_json(user));
  CHECK(written.find("email") == std::string::npos);
  CHECK(user_from_json(json::parse(written)) == user);
  CHECK(fields_from_json(to_json(Fields{})) == Fields{});
  for (Field field : all_fields) {
    const auto& value = user.fields.get(field);
    if (value) CHECK(value_from_json(field, to_json(*value)) == value);
  }
}

TEST_CASE("json: what to_json does not write is refused") {
  for (const auto* wrong :
       {R"(null)", R"([])", R"("x")", R"({"nickname":"x"})", R"({"email":1})", R"({"email":null})",
        R"({"enabled":"true"})", R"({"enabled":1})", R"({"roles":"r"})", R"({"roles":[1]})",
        R"({"roles":{}})", R"({"phone":["1"]})"}) {
    CAPTURE(wrong);
    CHECK(!fields_from_json(json::parse(wrong)));
  }
  for (const auto* wrong :
       {R"(null)", R"({})", R"({"username":"a","userId":"b"})", R"({"username":"a","fields":{}})",
        R"({"username":1,"userId":"b","fields":{}})", R"({"username":"a","userId":"b","fields":[]})",
        R"({"username":"a","userId":null,"fields":{}})"}) {
    CAPTURE(wrong);
    CHECK(!user_from_json(json::parse(wrong)));
  }
}

TEST_CASE("json: changes have a field, what it was and what it is to be; unknown is null") {
  const std::vector<Change> changes{{Field::phone, std::nullopt, text("1")},
                                    {Field::roles, set({"a"}), set({})}};
  CHECK(json::serialize(to_json(changes)) ==
        R"([{"field":"phone","from":null,"to":"1"},{"field":"roles","from":["a"],"to":[]}])");
}

TEST_CASE("json: the plan document has the contract's members") {
  const auto plan = judged_by(small_plan(), Verdict::apply);
  const auto document = plan_document({&plan}, noon);
  CHECK(document.at("version") == 1);
  CHECK(document.at("createdAt") == "2026-11-21T12:00:00Z");
  CHECK(document.at("desiredRevision") == "r1");
  CHECK(json::serialize(document.at("summary")) ==
        R"({"create":1,"update":1,"enable":0,"disable":0,"delete":0,"held":0,"inSync":0})");
  const auto& account = document.at("accounts").at(0).get_object();
  CHECK(account.at("account") == "5500001");
  CHECK(account.at("observedAt") == "2026-11-21T12:00:00Z");
  CHECK(account.at("complete") == true);
  const auto& action = account.at("actions").at(0).get_object();
  CHECK(action.at("id").get_string().size() == 32);
  CHECK(action.at("operation") == "update");
  CHECK(action.at("username") == "jdoe");
  CHECK(action.at("userId") == "007");
  CHECK(json::serialize(action.at("changes")) == R"([{"field":"phone","from":"1","to":"0412"}])");
  CHECK(action.at("verdict") == "apply");
  CHECK(json::serialize(action.at("rules")) == R"(["drift"])");
  CHECK(action.at("reason") == "because");
  CHECK(account.at("actions").at(1).at("userId").is_null());
}

TEST_CASE("json: an incomplete account says why") {
  Plan plan;
  plan.reasons = {"page 3 failed"};
  const auto judged = Judge::judged(plan, {});
  const auto document = plan_document({&judged}, noon);
  CHECK(document.at("accounts").at(0).at("complete") == false);
  CHECK(json::serialize(document.at("accounts").at(0).at("reasons")) == R"(["page 3 failed"])");
}

TEST_CASE("A13: the same inputs give the same id and the same bytes but for the times") {
  auto plan = small_plan();
  const auto first = judged_by(plan, Verdict::apply);
  plan.observed_at = noon + std::chrono::hours{1};
  const auto second = judged_by(plan, Verdict::apply);
  auto one = plan_document({&first}, noon);
  auto two = plan_document({&second}, noon + std::chrono::hours{2});
  CHECK(id_in(one) == id_in(two));
  CHECK(one != two);
  two["createdAt"] = one["createdAt"];
  two["accounts"].at(0).as_object()["observedAt"] = one["accounts"].at(0).at("observedAt");
  CHECK(pretty(one) == pretty(two));
}

TEST_CASE("A24: the id of a plan covers what is done to whom, and not the line that asks for it") {
  auto plan = small_plan();
  const auto first = judged_by(plan, Verdict::apply);
  plan.actions[0].reason = "wanted by users.yaml:8:5, not found at the provider";
  std::vector<JudgedAction> moved;
  for (const auto& action : plan.actions)
    moved.push_back(JudgedAction{action, Verdict::apply, first.actions()[moved.size()].rules, action.reason});
  const auto second = Judge::judged(plan, std::move(moved));
  const auto one = plan_document({&first}, noon), two = plan_document({&second}, noon);
  CHECK(one != two);
  CHECK(id_in(one) == id_in(two));
}

TEST_CASE("A13: another verdict, another change and another revision are another plan") {
  const auto base = small_plan();
  auto changed = base;
  changed.actions[0].id = "0";
  auto revised = base;
  revised.desired_revision = "r2";
  const auto a = judged_by(base, Verdict::apply), b = judged_by(base, Verdict::approval),
             c = judged_by(changed, Verdict::apply), d = judged_by(revised, Verdict::apply);
  StringSet ids;
  for (const auto* plan : {&a, &b, &c, &d}) ids.push_back(id_in(plan_document({plan}, noon)));
  ids.push_back(id_in(plan_document({&a, &b}, noon)));
  CHECK(make_set(ids).size() == 5);
}

TEST_CASE("json: pretty text is the same value, two spaces deep, with a newline at the end") {
  const auto value = json::parse(R"({"a":[],"b":{},"c":[1,{"d":"x\ny"}],"e":null})");
  const auto text = pretty(value);
  CHECK(text ==
        "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": \"x\\ny\"\n    }\n  ],\n  "
        "\"e\": null\n}\n");
  CHECK(json::parse(text) == value);
}
