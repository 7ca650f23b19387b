#include "providers/tree.hpp"

#include "tests/providers/support.hpp"

namespace usersyncd {
namespace {

std::string tree_of(std::string_view body, std::string_view type = "") {
  const auto tree = parse_tree(type, body);
  return tree ? tree_text(*tree) : "error: " + tree.error().message;
}

TEST_CASE("A70: one element, many, an empty one and a missing one all read as a list") {
  struct Row {
    std::string_view body;
    std::size_t size;
  };
  for (const Row& row :
       {Row{"<R><Users><User><N>a</N></User></Users></R>", 1},
        Row{"<R><Users><User><N>a</N></User><User><N>b</N></User></Users></R>", 2},
        Row{"<R><Users><User/></Users></R>", 0}, Row{R"({"R":{"Users":{"User":{"N":"a"}}}})", 1},
        Row{R"({"R":{"Users":{"User":[{"N":"a"},{"N":"b"}]}}})", 2}, Row{R"({"R":{"Users":{"User":[]}}})", 0},
        Row{R"({"R":{"Users":{"User":null}}})", 0}, Row{R"({"R":{"Users":{"User":{}}}})", 0},
        Row{R"({"R":{"Users":{"User":""}}})", 0}}) {
    CAPTURE(row.body);
    const auto tree = parse_tree("", row.body);
    REQUIRE(tree);
    const auto* list = find_path(*tree, "R.Users.User");
    REQUIRE(list);
    CHECK(as_list(*list).size() == row.size);
  }
  CHECK(find_path(*parse_tree("", "<R><Users/></R>"), "R.Users.User") == nullptr);
}

TEST_CASE("A11: what an answer is decides how it is read, not what was asked for") {
  CHECK(tree_of("<a><b>1</b></a>", "application/json") == R"({"a":{"b":"1"}})");
  CHECK(tree_of(R"({"b":1})", "application/xml") == R"({"b":1})");
  CHECK(tree_of("\xEF\xBB\xBF  {\"b\":1}") == R"({"b":1})");
  CHECK(tree_of("\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<a/>") == R"({"a":""})");
}

TEST_CASE("strings stay strings and numbers keep their digits") {
  const auto tree =
      parse_tree("", R"({"id":5500001,"text":"007","big":18446744073709551615,"b":true,"f":1.5})");
  REQUIRE(tree);
  CHECK(scalar_text(*find_path(*tree, "id")) == "5500001");
  CHECK(scalar_text(*find_path(*tree, "text")) == "007");
  CHECK(scalar_text(*find_path(*tree, "big")) == "18446744073709551615");
  CHECK(scalar_text(*find_path(*tree, "b")) == "true");
  CHECK_FALSE(scalar_text(*find_path(*tree, "f")));
  CHECK(tree_of("<a><phone>0412</phone></a>") == R"({"a":{"phone":"0412"}})");
}

TEST_CASE("a tree is written with every number as it was read") {
  for (const char* body : {R"({"a":1.5,"b":[1.50,-0,-0.0,1e3,1E+3,0.1e-7],"c":{"d":[]},"e":{}})", "2.0",
                           R"(["1.5","a\"b",18446744073709551615,-9223372036854775808,true,null])"}) {
    CHECK(tree_of(body) == body);
    CHECK(tree_of(tree_of(body)) == body);
  }
  CHECK(tree_of("1e999").starts_with("error: "));
}

TEST_CASE("a member is put where its path leads, or nothing is changed") {
  auto tree = parse_tree("", R"({"a":{"b":1},"c.d":2,"e":"text","f":null})");
  REQUIRE(tree);
  auto& object = tree->as_object();
  CHECK(member_at(object, "a.b")->as_int64() == 1);
  CHECK(member_at(object, "c.d")->as_int64() == 2);
  for (const char* missing : {"a.c", "a.b.c", "c", "e.x", "f.x", "g", "g.h"})
    CHECK_FALSE(member_at(object, missing));
  CHECK(put_at(object, "a.x.y", 3));
  CHECK(put_at(object, "c.d", 4));
  CHECK(put_at(object, "f.g", 5));
  CHECK_FALSE(put_at(object, "e.x", 6));
  CHECK_FALSE(put_at(object, "a.b.x", 7));
  CHECK(tree_text(*tree) == R"({"a":{"b":1,"x":{"y":3}},"c.d":4,"e":"text","f":{"g":5}})");
}

TEST_CASE("XML: prefixes and attributes are dropped, nil is null, entities of XML itself are read") {
  CHECK(tree_of(R"(<n:a xmlns:n="x"><n:b c="d">1 &lt; 2 &amp; <![CDATA[<3>]]></n:b></n:a>)") ==
        R"({"a":{"b":"1 < 2 & <3>"}})");
  CHECK(tree_of(R"(<a xmlns:xsi="x"><b xsi:nil="true"/></a>)") == R"({"a":{"b":null}})");
}

TEST_CASE("whole_number takes digits and nothing else") {
  CHECK(whole_number(boost::json::value(12)) == 12);
  CHECK(whole_number(boost::json::value("12")) == 12);
  for (const boost::json::value& no :
       {boost::json::value("-1"), boost::json::value(-1), boost::json::value(""), boost::json::value("1x"),
        boost::json::value(true)}) {
    CHECK_FALSE(whole_number(no));
  }
}

TEST_CASE("A10: web pages, nothing, and what is broken are errors, never data") {
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  std::string deep_xml, deep_end;
  for (int i = 0; i < 40; ++i) deep_xml += "<a>", deep_end += "</a>";
  struct Row {
    std::string body, message;
  };
  for (const Row& row : std::vector<Row>{
           {"", "is empty"},
           {" \n ", "is empty"},
           {"<!DOCTYPE html><html><body>503</body></html>", "web page"},
           {"<HTML><body/></HTML>", "web page"},
           {"Service Unavailable", "not valid JSON"},
           {R"({"Users":[)", "not valid JSON"},
           {R"({"a":1} {"b":2})", "not valid JSON"},
           {R"({"a":1,"a":2})", "\"a\" is there twice"},
           {R"({"a":123456789012345678901234567890})", "too large to be kept exactly"},
           {"{\"a\":\"\xff\"}", "UTF-8"},
           {"<a>\xff</a>", "UTF-8"},
           {deep, "not valid JSON"},
           {deep_xml + deep_end, "nested deeper"},
           {"<a><b></a>", "not valid XML"},
           {"<a/><b/>", "exactly one root"},
           {"<Users><User>", "not valid XML"},
           {R"(<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>)", "document type"},
       }) {
    CAPTURE(row.body);
    const auto tree = parse_tree("application/json", row.body);
    REQUIRE_FALSE(tree);
    CHECK(tree.error().kind == ErrorKind::malformed);
    CHECK_MESSAGE(tree.error().message.find(row.message) != std::string::npos, tree.error().message);
  }
  CHECK_FALSE(parse_tree("text/html", "<p>hello</p>"));
}

}  // namespace
}  // namespace usersyncd
