#include "providers/next_page.hpp"

#include "tests/providers/support.hpp"

namespace usersyncd::test {
namespace {

std::string in_header(const std::vector<std::string>& links) {
  const auto next = next_in_header(links);
  if (!next) return "malformed";
  return next->last ? "last" : next->name.empty() ? "nothing" : next->name;
}

TEST_CASE("the next page in Link headers, however they are written") {
  CHECK(in_header({R"(</u?p=2>; rel="next")"}) == "/u?p=2");
  CHECK(in_header(
            {R"(</u?p=1>; rel="prev first", </u?a=1,2;3>; title="a, \"b>\"; rel=last"; REL="Last Next")"}) ==
        "/u?a=1,2;3");
  CHECK(in_header({R"(</u?p=1>;rel=prev)", R"( , <?p=3> ; rel = next ; x , <z>)"}) == "?p=3");
  CHECK(in_header({R"(</u?p=1>; rel="prev")"}) == "last");
  CHECK(in_header({R"(</u?p=2>; rel="nextish")"}) == "last");
  CHECK(in_header({R"(</u?p=2>; rel=prev; rel=next)"}) == "last");
  CHECK(in_header({R"(</u?p=2>; rel=next; anchor="/other")"}) == "last");
  CHECK(in_header({}) == "nothing");
  for (const char* bad : {"/u?p=2; rel=next", "</u?p=2; rel=next", R"(</u>; rel="next)", "<a> <b>"})
    CHECK(in_header({bad}) == "malformed");
}

std::string in_answer(const Paging& paging, const std::string& body,
                      const std::vector<std::string>& links = {}) {
  const auto next = next_page(paging, json::parse(body), links);
  if (!next) return "malformed";
  return next->last ? "last" : next->name.empty() ? "nothing" : next->name;
}

TEST_CASE("the next page in the body: a text names it, nothing at its place ends the list") {
  Paging paging;
  paging.kind = Paging::Kind::cursor;
  paging.next = {"meta.next", "next"};
  paging.more = {"meta.more"};
  CHECK(in_answer(paging, R"({"meta":{"next":"abc"}})") == "abc");
  CHECK(in_answer(paging, R"({"meta":{"next":null},"next":17})") == "17");
  for (const char* end : {R"({"meta":{"next":null}})", R"({"next":""})", R"({"next":false})",
                          R"({"next":"abc","meta":{"more":false}})", R"({"meta":{"more":"false"}})"}) {
    CHECK_MESSAGE(in_answer(paging, end) == "last", end);
  }
  CHECK(in_answer(paging, R"({"meta":{"nextt":"abc"}})") == "nothing");
  for (const char* bad : {R"({"next":{"href":"abc"}})", R"({"next":true})", R"({"meta":{"more":true}})",
                          R"({"next":"abc","meta":{"more":"perhaps"}})"}) {
    CHECK_MESSAGE(in_answer(paging, bad) == "malformed", bad);
  }
}

TEST_CASE("the Link header counts where the profile says so, and against a list that is to come at once") {
  const std::vector<std::string> links{"</u?p=2>; rel=next"};
  Paging paging;
  CHECK(in_answer(paging, "[]", links) == "/u?p=2");
  paging.kind = Paging::Kind::page;
  CHECK(in_answer(paging, "[]", links) == "nothing");
  paging.kind = Paging::Kind::link;
  paging.next = {"next"};
  CHECK(in_answer(paging, "{}", links) == "nothing");
  paging.link_header = true;
  CHECK(in_answer(paging, "{}", links) == "/u?p=2");
  CHECK(in_answer(paging, R"({"next":null})", links) == "/u?p=2");
  CHECK(in_answer(paging, R"({"next":"/u?p=3"})", links) == "/u?p=3");
  CHECK(in_answer(paging, "{}", {"</u>; rel=first"}) == "last");
}

/// A profile whose list comes in pages of two, read by this paging section.
Profile paged(const std::string& paging) {
  std::string text;
  for (const auto& [name, yaml] : built_in_profiles()) {
    if (name == "bandwidth-v1") text = yaml;
  }
  const auto from = text.find("paging:");
  const auto to = text.find("answers:");
  text.replace(from, to - from, "paging: " + paging + "\n\n");
  Problems problems;
  auto profile = parse_profile("mine.yaml", text, problems);
  REQUIRE_MESSAGE(profile, problems.text());
  return *profile;
}

TEST_CASE("a list that is named page by page is read to its end") {
  struct Row {
    std::string paging, second;
    Came first;
  };
  const std::string two = R"({"items":[{"username":"a"},{"username":"b"}])";
  for (const Row& row : std::vector<Row>{
           {"{ kind: link, linkHeader: true, size: 2, sizeParameter: limit }", "/api/v1/users?page=2",
            answer(200, two + "}", {{"Link", R"(</api/v1/users?page=2>; rel="next")"}})},
           {"{ kind: link, next: [meta.next] }", "/api/v1/users?page=2",
            answer(200, two + R"(,"meta":{"next":"?page=2"}})")},
           {"{ kind: cursor, next: [meta.cursor], positionParameter: after, size: 2, sizeParameter: limit }",
            "/api/v1/users?limit=2&after=a%2Fb", answer(200, two + R"(,"meta":{"cursor":"a/b"}})")},
       }) {
    CAPTURE(row.paging);
    Bench bench(paged(row.paging));
    bench.http.answers = {row.first, answer(200, R"({"items":[{"username":"c"}]})")};
    const auto listing = bench.list();
    REQUIRE(listing);
    CHECK(listing->users.size() == 3);
    CHECK(listing->faults.empty());
    CHECK(bench.http.lines().back() == "GET " + row.second);
    // A slip in the profile, or in the provider, must not make the first page the whole list.
    Bench cut(paged(row.paging));
    cut.http.answers = {answer(200, two + "}")};
    const auto first = cut.list();
    REQUIRE(first);
    CHECK(first->faults.size() == 1);
    CHECK(first->mark.empty());
  }
}

TEST_CASE("a page with the same users is not recognised when another page comes after it") {
  Bench bench(paged("{ kind: link, linkHeader: true, shortPageEnds: true, size: 9 }"));
  const std::string body = R"({"items":[{"username":"a"}]})";
  bench.http.answers = {answer(200, body)};
  const auto before = bench.list();
  REQUIRE(before);
  REQUIRE_FALSE(before->mark.empty());
  bench.http.answers = {answer(200, body, {{"Link", "<?page=2>; rel=next"}}),
                        answer(200, R"({"items":[{"username":"b"}]})")};
  const auto after = run(bench.provider.list_users(bench.context, before->mark));
  REQUIRE(after);
  CHECK_FALSE(after->recognised);
  CHECK(after->users.size() == 2);
}

TEST_CASE("a paging section that leaves open where the next page is, or what is short, is refused") {
  for (const char* bad :
       {"{ kind: link }", "{ kind: cursor, next: [a] }", "{ kind: cursor, positionParameter: a }",
        "{ kind: page, positionParameter: a, linkHeader: true }", "{ kind: none, more: [a] }",
        "{ kind: link, next: [a], shortPageEnds: true }"}) {
    std::string text;
    for (const auto& [name, yaml] : built_in_profiles()) {
      if (name == "bandwidth-v1") text = yaml;
    }
    const auto from = text.find("paging:");
    text.replace(from, text.find("answers:") - from, "paging: " + std::string(bad) + "\n\n");
    Problems problems;
    CHECK_FALSE_MESSAGE(parse_profile("mine.yaml", text, problems), bad);
  }
}

}  // namespace
}  // namespace usersyncd::test
