#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/program/support.hpp"

// The plan of several accounts, and what `apply --plan` does with a file of it.

namespace usersyncd::test {
namespace {

constexpr const char* no_roles = R"({"rules":[{"path":"/roles","fault":{"status":500,"body":"{}"}}]})";

Setup hasty() {
  Setup setup;
  setup.retry_for = "100ms";
  return setup;
}

/// dan.new is new in 5500001, eve.new in 5500002, which has a simulator of its own.
struct TwoAccounts {
  Simulator other{{"--api", "v1", "--account", "5500002"}};
  Bench bench{hasty()};
  std::string file = bench.home().path("plan.json");

  TwoAccounts() {
    const auto config = read_text(bench.config());
    const auto login = config.find("    credentials:");
    auto setup = bench.setup();
    setup.account_lines = "  - id: \"5500002\"\n    provider: bandwidth-v1\n    baseUrl: " + other.url() +
                          "\n    mode: enforce\n" + config.substr(login);
    bench.set_up(setup);
    bench.wish(person("dan.new"));
    bench.wish_file("other.yaml", "version: 1\naccount: \"5500002\"\nusers:\n" + person("eve.new"));
  }
};

}  // namespace

TEST_CASE("apply --plan --account writes to that account of the plan alone") {
  TwoAccounts two;
  auto& bench = two.bench;
  const auto planned = bench.run({"plan", "--out", two.file});
  REQUIRE_MESSAGE(planned.exit == 2, planned.out << planned.err);

  CHECK(bench.run({"apply", "--plan", two.file, "--yes", "--account", "5500009"}).exit == 64);
  const auto applied = bench.run({"apply", "--plan", two.file, "--yes", "--account", "5500002"});
  CHECK_MESSAGE(applied.exit == 0, applied.out << applied.err);
  CHECK(applied.out.find("dan.new") == std::string::npos);
  CHECK(bench.simulator().writes().empty());
  CHECK(two.other.has("eve.new"));
}

TEST_CASE("an account that could not be read is in every form of the plan, with the reason") {
  TwoAccounts two;
  auto& bench = two.bench;
  bench.simulator().faults(no_roles);
  const auto planned = bench.run({"plan", "--format", "json", "--out", two.file});
  CHECK(planned.exit == 1);
  CHECK(planned.out == read_text(two.file));
  const auto plan = parse_output(planned.out);
  REQUIRE(plan.at("accounts").as_array().size() == 2);
  const auto& failed = plan.at("accounts").at(0);
  CHECK(failed.at("account") == "5500001");
  CHECK(failed.at("complete") == false);
  CHECK(failed.at("actions").as_array().empty());
  CHECK(missing_from(boost::json::serialize(failed.at("reasons")), {"roles", "500"}) == "");
  CHECK(plan.at("accounts").at(1).at("complete") == true);
  CHECK(plan.at("summary").at("create") == 1);

  const auto markdown = bench.run({"plan", "--format", "markdown"});
  CHECK(markdown.exit == 1);
  CHECK(missing_from(markdown.out, {"### Account 5500001\n\n- not planned: ", "500", "### Account 5500002",
                                    "in sync; 1 account not planned**\n"}) == "");
  const auto text = bench.run({"plan"});
  CHECK(text.exit == 1);
  CHECK(missing_from(text.out, {"Account 5500001: not planned\n  ! ", "eve.new",
                                "in sync; 1 account not planned.\n"}) == "");
}

TEST_CASE("a plan of which every account failed is a document, too, and applying it is none") {
  Bench bench{hasty()};
  bench.wish(person("dan.new"));
  const auto file = bench.home().path("plan.json");
  bench.simulator().faults(no_roles);
  const auto planned = bench.run({"plan", "--format", "json", "--out", file});
  CHECK(planned.exit == 1);
  CHECK(planned.out == read_text(file));
  CHECK(parse_output(planned.out).at("accounts").at(0).at("complete") == false);

  bench.simulator().faults("{}");
  const auto since = bench.simulator().now();
  const auto applied = bench.run({"apply", "--plan", file, "--yes"});
  CHECK_MESSAGE(applied.exit == 1, applied.out << applied.err);
  CHECK(missing_from(applied.err, {"plan.json", "account 5500001", "not planned when this plan was made"}) ==
        "");
  CHECK(bench.simulator().journal(since).empty());
}

TEST_CASE("apply --plan leaves an account alone that was not planned, says so, and does the others") {
  TwoAccounts two;
  auto& bench = two.bench;
  bench.simulator().faults(no_roles);
  REQUIRE(bench.run({"plan", "--out", two.file}).exit == 1);
  bench.simulator().faults("{}");
  const auto since = bench.simulator().now();
  const auto applied = bench.run({"apply", "--plan", two.file, "--yes"});
  CHECK_MESSAGE(applied.exit == 1, applied.out << applied.err);
  CHECK(missing_from(applied.err, {"account 5500001", "not planned when this plan was made"}) == "");
  CHECK(missing_from(applied.out, {"Account 5500001: not planned", "done        5500002  create eve.new"}) ==
        "");
  CHECK(two.other.has("eve.new"));
  CHECK(bench.simulator().journal(since).empty());
}

}  // namespace usersyncd::test
