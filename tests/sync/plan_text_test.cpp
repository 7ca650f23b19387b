#include "sync/plan_text.hpp"

#include <doctest/doctest.h>

#include "judge.hpp"
#include "samples.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

JudgedAction step(Operation operation, std::vector<Change> changes, Verdict verdict = Verdict::apply) {
  JudgedAction judged;
  judged.action.operation = operation;
  judged.action.username = "jdoe";
  judged.action.id = "0a1b";
  judged.action.reason = "wanted";
  judged.action.changes = std::move(changes);
  judged.verdict = verdict;
  return judged;
}

JudgedPlan of(std::vector<JudgedAction> actions, bool complete = true) {
  Plan plan;
  plan.account = "5500001";
  plan.observed_at = noon;
  plan.complete = complete;
  plan.live_users = 301;
  plan.in_sync = 300;
  for (const auto& judged : actions) plan.actions.push_back(judged.action);
  return Judge::judged(std::move(plan), std::move(actions));
}

/// The text of a plan of one action, without its first and its last line.
std::string line_of(JudgedAction judged) {
  const auto plan = of({std::move(judged)});
  const auto text = plan_text({&plan});
  const auto begin = text.find('\n') + 1;
  return text.substr(begin, text.rfind("Plan: ") - begin);
}

std::size_t count_lines(const std::string& text, const std::string& with) {
  std::size_t found = 0;
  for (auto at = text.find(with); at != std::string::npos; at = text.find(with, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("plan text: one line of an action, with its sign, from what and to what") {
  CHECK(line_of(step(Operation::create, {{Field::phone, std::nullopt, text("1")},
                                         {Field::roles, std::nullopt, set({"a", "b"})}})) ==
        "  + create  jdoe  phone \"1\", roles [a, b]\n");
  CHECK(line_of(step(Operation::update, {{Field::phone, text("1"), text("2")}})) ==
        "  ~ update  jdoe  phone \"1\" -> \"2\"\n");
  CHECK(line_of(step(Operation::update, {{Field::roles, set({"a", "b", "c"}), set({"b", "c", "d", "e"})}})) ==
        "  ~ update  jdoe  roles +d +e -a\n");
  CHECK(line_of(step(Operation::update, {{Field::roles, set({"a"}), std::nullopt}})) ==
        "  ~ update  jdoe  roles\n");
  CHECK(line_of(step(Operation::enable, {{Field::enabled, Value{false}, Value{true}}})) ==
        "  ^ enable  jdoe  enabled false -> true\n");
  CHECK(line_of(step(Operation::disable, {{Field::enabled, Value{true}, Value{false}}})) ==
        "  - disable jdoe  enabled true -> false\n");
  CHECK(line_of(step(Operation::remove, {})) == "  x delete  jdoe  wanted\n");
}

TEST_CASE("plan text: what is held says by which rules, why, and the id to approve it with") {
  auto held = step(Operation::remove, {}, Verdict::approval);
  held.rules = {"ask", "wait"};
  held.reason = "a person has to say so";
  CHECK(line_of(held) ==
        "  ! delete  jdoe  wanted\n"
        "      approval by ask, wait: a person has to say so\n"
        "      id 0a1b\n");
  held.rules.clear();
  held.reason.clear();
  CHECK(line_of(held) == "  ! delete  jdoe  wanted\n      approval\n      id 0a1b\n");
}

TEST_CASE("plan text: a report says what differs, of an unmanaged user why it is one, and by which rules") {
  auto report = step(Operation::update, {{Field::phone, text("1"), text("2")}}, Verdict::report);
  CHECK(line_of(report) == "  . report  jdoe  phone \"1\" -> \"2\"\n");
  report.rules = {"drift", "phones"};
  CHECK(line_of(report) == "  . report  jdoe  phone \"1\" -> \"2\"  (drift, phones)\n");
  report.action.cause = Cause::unmanaged;
  CHECK(line_of(report) == "  . report  jdoe  wanted  (drift, phones)\n");
}

TEST_CASE("plan text: accounts one after the other, each under its head, and one last line for all") {
  const auto one = of({step(Operation::remove, {}, Verdict::report), step(Operation::remove, {})});
  const auto two = of({});
  CHECK(plan_text({&one, &two}) ==
        "Account 5500001, observed 2026-11-21T12:00:00Z, 301 users\n"
        "  x delete  jdoe  wanted\n"
        "  . report  jdoe  wanted\n"
        "Account 5500001, observed 2026-11-21T12:00:00Z, 301 users\n"
        "Plan: 0 to create, 0 to update, 0 to enable, 0 to disable, 1 to delete; 0 held, 600 in sync.\n");
}

TEST_CASE("plan text: an account that was not planned says why and nothing else") {
  Plan plan;
  plan.account = "5500001";
  plan.reasons = {"page 3 failed", "bad \x1b[2J"};
  const auto judged = Judge::judged(plan, {step(Operation::remove, {}, Verdict::denied)});
  CHECK(
      plan_text({&judged}).starts_with("Account 5500001: not planned\n"
                                       "  ! page 3 failed\n"
                                       "  ! bad \\x1b[2J\n"
                                       "Plan: "));
  CHECK(
      plan_markdown({&judged}).starts_with("### Account 5500001\n\n"
                                           "- not planned: page 3 failed\n"
                                           "- not planned: bad \\\\x1b\\[2J\n"
                                           "\n"
                                           "**"));
}

TEST_CASE("plan text: the last line counts the accounts that were not planned") {
  Plan plan;
  plan.account = "5500001";
  plan.reasons = {"GET /roles: status 500"};
  const auto one = Judge::judged(plan, {}), two = Judge::judged(plan, {}), good = of({});
  CHECK(plan_text({&one, &good}) ==
        "Account 5500001: not planned\n"
        "  ! GET /roles: status 500\n"
        "Account 5500001, observed 2026-11-21T12:00:00Z, 301 users\n"
        "Plan: 0 to create, 0 to update, 0 to enable, 0 to disable, 0 to delete; 0 held, 300 in sync; "
        "1 account not planned.\n");
  CHECK(plan_markdown({&one, &two}) ==
        "### Account 5500001\n\n- not planned: GET /roles: status 500\n\n"
        "### Account 5500001\n\n- not planned: GET /roles: status 500\n\n"
        "**0 to create, 0 to update, 0 to enable, 0 to disable, 0 to delete; 0 held, 0 in sync; "
        "2 accounts not planned**\n");
}

TEST_CASE("plan text: twenty reports are shown and the others counted") {
  const auto report = step(Operation::remove, {}, Verdict::report);
  const auto twenty = of(std::vector(20, report)), more = of(std::vector(23, report));
  CHECK(count_lines(plan_text({&twenty}), "  . report") == 20);
  CHECK(count_lines(plan_text({&twenty}), " more reports") == 0);
  CHECK(count_lines(plan_text({&more}), "  . report") == 20);
  CHECK(count_lines(plan_text({&more}), "  . and 3 more reports; --format json shows all\n") == 1);
}

TEST_CASE("plan text: nothing from outside reaches the terminal as a control character") {
  CHECK(terminal_safe(std::string_view{"a\0b", 3}) == "a\\x00b");
  CHECK(terminal_safe("\x1f \x7e\x7f\n") == "\\x1f ~\\x7f\\x0a");
  CHECK(terminal_safe("J\u00fcrgen") == "J\u00fcrgen");
  CHECK(terminal_safe("evil\u202egpj.exe") == "evil\\u202egpj.exe");
  CHECK(terminal_safe("a\u200bb\ufeffc\u00add\u0085e\U000e0041f\u2066") ==
        "a\\u200bb\\ufeffc\\u00add\\u0085e\\ue0041f\\u2066");
  CHECK(terminal_safe("\U0001f600\u20ac\u05d0") == "\U0001f600\u20ac\u05d0");
  CHECK(terminal_safe("\xff\xe2\x80") == "\xff\xe2\x80");
  auto hostile = step(Operation::remove, {}, Verdict::denied);
  hostile.action.username = "\x1b[1m";
  hostile.action.reason = "\r";
  hostile.reason = "\a";
  CHECK(line_of(hostile) == "  ! delete  \\x1b[1m  \\x0d\n      denied: \\x07\n      id 0a1b\n");
  hostile.verdict = Verdict::report;
  CHECK(line_of(hostile) == "  . report  \\x1b[1m  \\x0d\n");
}

TEST_CASE("plan markdown: a table for each account, in which no name writes a cell of its own") {
  auto held = step(Operation::update, {{Field::roles, set({"a"}), set({"b"})}}, Verdict::denied);
  held.action.username = "a|b*_`<c>\\|d";
  held.rules = {"d1", "d2"};
  const auto plan = of({step(Operation::remove, {}), held}), other = of({});
  CHECK(plan_markdown({&plan, &other}) ==
        "### Account 5500001\n\n"
        "| operation | user | change | verdict | rules |\n|---|---|---|---|---|\n"
        "| delete | jdoe | wanted | apply |  |\n"
        "| update | a\\|b\\*\\_\\`\\<c\\>\\\\\\|d | roles +b -a | denied | d1, d2 |\n\n"
        "### Account 5500001\n\n"
        "| operation | user | change | verdict | rules |\n|---|---|---|---|---|\n\n"
        "**0 to create, 0 to update, 0 to enable, 0 to disable, 1 to delete; 1 held, 600 in sync**\n");
}

TEST_CASE("summary line: every count in its place") {
  PlanSummary summary;
  summary.create = 1;
  summary.update = 2;
  summary.enable = 3;
  summary.disable = 4;
  summary.remove = 5;
  summary.held = 6;
  summary.in_sync = 7;
  CHECK(summary_line(summary) ==
        "1 to create, 2 to update, 3 to enable, 4 to disable, 5 to delete; 6 held, 7 in sync");
}
