#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "judge.hpp"
#include "samples.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

using namespace usersyncd;
using namespace usersyncd::test;
namespace json = boost::json;

// What a person should know besides the actions, in every form of a plan.

namespace {

JudgedPlan with_notes(std::vector<Note> notes, std::optional<Unaccepted> unaccepted = std::nullopt) {
  Plan plan;
  plan.account = "a1";
  plan.observed_at = noon;
  plan.complete = true;
  plan.notes = std::move(notes);
  plan.unaccepted = std::move(unaccepted);
  return Judge::judged(std::move(plan), {});
}

const Note about_ann{"validUntil", "ann", "is to be disabled", "a.yaml:3:1"};
const Note about_a_rule{"eyes", "", "nobody is known"};

}  // namespace

TEST_CASE("notes: planned for every entry, sorted by rule and user") {
  Case c{{entry("ann"), entry("bob"), entry("cat")}, {live("ann"), live("bob"), live("cat")}};
  c.desired.users[0].valid_until = noon + std::chrono::days{1};
  c.desired.users[1].frozen = "wrong";
  c.desired.users[2].valid_until = noon + std::chrono::days{2};
  c.now = noon;
  const auto plan = c.plan();
  REQUIRE(plan.notes.size() == 3);
  CHECK(plan.notes[0].username == "bob");
  CHECK(plan.notes[1].username == "ann");
  CHECK(plan.notes[2].username == "cat");
}

TEST_CASE("notes: one line each in the text, the first twenty of them") {
  const auto two = with_notes({about_ann, about_a_rule});
  const auto shown = plan_text({&two});
  CHECK(shown.find("  * note    ann  is to be disabled  (validUntil, a.yaml:3:1)\n"
                   "  * note    nobody is known  (eyes)\nPlan: ") != std::string::npos);
  const auto twenty = with_notes(std::vector<Note>(20, about_ann));
  CHECK(plan_text({&twenty}).find("more notes") == std::string::npos);
  const auto many = with_notes(std::vector<Note>(23, about_ann));
  const auto text_of_many = plan_text({&many});
  CHECK(text_of_many.find("  * and 3 more notes; --format json shows all\n") != std::string::npos);
  std::size_t lines = 0;
  for (auto at = text_of_many.find("* note "); at != std::string::npos;
       at = text_of_many.find("* note ", at + 1))
    ++lines;
  CHECK(lines == 20);
}

TEST_CASE("notes: in JSON by member, in Markdown as a list, and never part of the plan's id") {
  const auto plan = with_notes({about_ann, about_a_rule});
  const auto bare = with_notes({});
  const auto document = plan_document({&plan}, noon);
  CHECK(json::serialize(document.at("accounts").at(0).at("notes")) ==
        R"([{"rule":"validUntil","username":"ann","message":"is to be disabled","place":"a.yaml:3:1"},)"
        R"({"rule":"eyes","username":"","message":"nobody is known"}])");
  const auto without = plan_document({&bare}, noon);
  CHECK_FALSE(without.at("accounts").at(0).as_object().contains("notes"));
  CHECK(document.at("id") == without.at("id"));
  CHECK(plan_markdown({&plan}).find("- note: ann is to be disabled (validUntil)\n") != std::string::npos);
}

TEST_CASE("A55: what has to be accepted first stands above the actions, and makes another plan") {
  const Unaccepted loss{"id-1", "believable-list", "the desired state lost 7 of 10"};
  const auto plan = with_notes({}, loss);
  const auto bare = with_notes({});
  CHECK(plan_text({&plan}).find("\n  ! held as a whole: the desired state lost 7 of 10\n") !=
        std::string::npos);
  CHECK(plan_text({&bare}).find("held as a whole") == std::string::npos);
  CHECK(plan_markdown({&plan}).find("Held as a whole: the desired state lost 7 of 10\n") !=
        std::string::npos);
  CHECK(plan_markdown({&bare}).find("Held as a whole") == std::string::npos);
  const auto document = plan_document({&plan}, noon);
  CHECK(json::serialize(document.at("accounts").at(0).at("unaccepted")) ==
        R"({"id":"id-1","rule":"believable-list","message":"the desired state lost 7 of 10"})");
  CHECK_FALSE(plan_document({&bare}, noon).at("accounts").at(0).as_object().contains("unaccepted"));
  CHECK(document.at("id") != plan_document({&bare}, noon).at("id"));
}

TEST_CASE("A54: a frozen entry has another digest than the same one that is not") {
  auto user = entry("ann");
  const auto whole = digest_of(user);
  CHECK(whole == digest_of(entry("ann")));
  user.frozen = "wrong";
  const auto frozen = digest_of(user);
  CHECK(frozen != whole);
  user.frozen = "otherwise wrong";
  CHECK(digest_of(user) != frozen);
}
