#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>

#include <boost/json/serialize.hpp>

#include "tests/program/support.hpp"
#include "tests/support/temp_store.hpp"

// Commands that only read, and what the command line itself understands.

namespace usersyncd::test {
namespace {

namespace json = boost::json;

// After this the store knows one change that was made and one drift that is held.
void make_history(Bench& bench) {
  add_people(bench.simulator());
  bench.wish(person("ann.lee", "    roles: [basicAccess, Ordering]\n"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  bench.simulator().put_user("ann.lee", R"({"firstName":"Mallory"})");
  REQUIRE(bench.run({"pause", "--reason", "stocktaking"}).exit == 0);
  REQUIRE(bench.run({"apply", "--yes"}).exit == 3);
}

json::object drift_of(const Run& run, const char* username) {
  const auto document = parse_output(run.out);
  for (const auto& entry : document.at("drift").as_array()) {
    if (entry.at("username") == username) return entry.as_object();
  }
  FAIL("no drift of " << username << " in " << run.out);
  return {};
}

std::vector<json::object> records(const std::string& jsonl) {
  std::vector<json::object> all;
  for (std::size_t begin = 0, end = 0; (end = jsonl.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    all.push_back(parse_output(jsonl.substr(begin, end - begin)).as_object());
  }
  return all;
}

}  // namespace

TEST_CASE("drift says who, which field, wanted, found and since when, and exits 2") {
  Bench bench;
  CHECK(bench.run({"drift"}).exit != 2);
  make_history(bench);
  const auto text = bench.run({"drift"});
  CHECK(text.exit == 2);
  CHECK(missing_from(text.out, {"5500001", "ann.lee", "firstName", "ann", "Mallory", "since 20"}) == "");
  const auto run = bench.run({"drift", "--format", "json"});
  CHECK(run.exit == 2);
  const auto drift = drift_of(run, "ann.lee");
  CHECK(drift.at("field") == "firstName");
  CHECK(bench.run({"apply", "--yes"}).exit == 3);
  CHECK(drift_of(bench.run({"drift", "--format", "json"}), "ann.lee").at("since") == drift.at("since"));
}

TEST_CASE("explain tells one user's story from the store, offline") {
  Bench bench;
  make_history(bench);
  const auto asked = bench.simulator().now();
  const auto text = bench.run({"explain", "ANN.lee"});
  CHECK(text.exit == 0);
  CHECK(missing_from(text.out, {"ann.lee", "Mallory", "firstName", "main.yaml:", "paused", "done"}) == "");
  const auto run = bench.run({"explain", "ann.lee", "--format", "json"});
  CHECK(run.exit == 0);
  const auto account = parse_output(run.out).at("accounts").at(0);
  CHECK(account.at("writes").at(0).at("outcome") == "done");
  const auto unknown = bench.run({"explain", "no.body"});
  CHECK(unknown.exit == 1);
  CHECK(missing_from(unknown.err, {"no.body"}) == "");
  CHECK(bench.simulator().now() == asked);
}

TEST_CASE("status shows each account: polls, drift, held, paused") {
  Bench bench;
  make_history(bench);
  const auto text = bench.run({"status"});
  CHECK(text.exit == 0);
  CHECK(missing_from(text.out, {"5500001", "last poll", "stocktaking", "held 1", "breaker"}) == "");
  const auto status = parse_output(bench.run({"status", "--format", "json"}).out).at("accounts").at(0);
  CHECK(status.at("account") == "5500001");
  CHECK(status.at("mode") == "enforce");
  CHECK(status.at("held") == 1);
  CHECK(status.at("users").to_number<std::size_t>() == bench.simulator().usernames().size());
}

TEST_CASE("status after an apply tells what it left, not what it found") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("ann.lee") + person("eve.new") + person("fay.new"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  const auto counted = [&](const char* what) {
    const auto status = parse_output(bench.run({"status", "--format", "json"}).out);
    return status.at("accounts").at(0).at(what).to_number<std::size_t>();
  };
  const auto users = bench.simulator().usernames().size();
  // What remains is who is there and nobody wrote down, but for the daemon's own login.
  const auto unmanaged = users - 3 - 1;
  CHECK(counted("users") == users);
  CHECK(counted("drift") == unmanaged);
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  CHECK(counted("users") == users);
  CHECK(counted("drift") == unmanaged);
}

TEST_CASE("audit: every exchange is there, in the contract's form, and the chain is whole") {
  Bench bench;
  make_history(bench);
  const auto run = bench.run({"audit", "export"});
  CHECK(run.exit == 0);
  const auto all = records(run.out);
  std::size_t exchanges = 0, intents = 0;
  for (const auto& record : all) {
    for (const char* key : {"seq", "time", "run", "account", "kind", "actor", "username", "action", "attempt",
                            "request", "response", "error", "durationMs", "prev", "hash"}) {
      CHECK_MESSAGE(record.contains(key), key);
    }
    exchanges += record.at("kind") == "exchange" ? 1U : 0U;
    intents += record.at("kind") == "intent" ? 1U : 0U;
  }
  CHECK(exchanges == bench.simulator().journal().size());
  CHECK(intents == 1);
  const auto verified = bench.run({"audit", "verify"});
  CHECK(verified.exit == 0);
  CHECK(missing_from(verified.out, {std::to_string(all.size())}) == "");
}

TEST_CASE("audit list, show and export filter by user, run, account and time") {
  Bench bench;
  make_history(bench);
  CHECK(missing_from(bench.run({"audit", "list"}).out, {"intent", "exchange", "PUT"}) == "");
  const auto of_ann = records(bench.run({"audit", "export", "--username", "ann.lee"}).out);
  CHECK_FALSE(of_ann.empty());
  for (const auto& record : of_ann) CHECK(record.at("username") == "ann.lee");
  const auto run_id = std::string{of_ann.front().at("run").as_string()};
  CHECK_FALSE(records(bench.run({"audit", "export", "--run", run_id}).out).empty());
  CHECK(bench.run({"audit", "export", "--run", "no-such-run"}).out.empty());
  CHECK(bench.run({"audit", "export", "--account", "nobody"}).out.empty());
  CHECK(bench.run({"audit", "export", "--since", "2099-01-01"}).out.empty());
  CHECK(bench.run({"audit", "export", "--until", "2001-01-01"}).out.empty());
  CHECK(bench.run({"audit", "list", "--since", "yesterday"}).exit == 64);

  const auto csv = bench.run({"audit", "export", "--format", "csv"});
  CHECK(csv.exit == 0);
  CHECK(csv.out.starts_with("seq,time,run,account,kind,"));
  const auto shown = bench.run({"audit", "show", "1"});
  CHECK(shown.exit == 0);
  CHECK(parse_output(shown.out).at("seq") == 1);
  CHECK(bench.run({"audit", "show", "999999"}).exit == 1);
}

TEST_CASE("A64: audit list --run last tells the newest run, with what was planned and sent") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("ann.lee", "    roles: [basicAccess, Ordering]\n"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  const auto listed = bench.run({"audit", "list", "--run", "last"});
  CHECK(listed.exit == 0);
  CHECK(missing_from(listed.out, {"intent", "PUT", "ann.lee"}) == "");
}

TEST_CASE("audit verify exits 1 at the first record that was changed, and names it") {
  Bench bench;
  make_history(bench);
  run_raw(bench.store(), "DROP TRIGGER audit_is_never_changed");
  run_raw(bench.store(),
          "UPDATE audit SET record = replace(record, '5500001', '5500002') WHERE seq IN (3, 5)");
  const auto run = bench.run({"audit", "verify"});
  CHECK(run.exit == 1);
  CHECK(missing_from(run.out + run.err, {"3"}) == "");
}

TEST_CASE("schema prints a JSON Schema of each kind of file") {
  for (const char* kind : {"config", "desired", "policy", "profile"}) {
    const auto run = usersyncd({"schema", kind});
    CHECK(run.exit == 0);
    CHECK(parse_output(run.out).as_object().contains("$schema"));
  }
  CHECK(usersyncd({"schema", "recipe"}).exit == 64);
  CHECK(usersyncd({"schema"}).exit == 64);
}

TEST_CASE("validate checks files offline and names every problem with its place") {
  Bench bench;
  add_people(bench.simulator());
  CHECK(bench.run({"validate"}).exit == 0);
  bench.wish("  - username: ann.lee\n    frstName: Ann\n    roles: null\n");
  const auto run = bench.run({"validate"});
  CHECK(run.exit == 65);
  CHECK(missing_from(run.err, {"main.yaml:5:5: error:", "firstName", "main.yaml:6:", "frstName: Ann"}) == "");
  CHECK(bench.run({"validate", bench.home().path("desired/main.yaml")}).exit == 65);
  CHECK(bench.run({"validate", bench.home().path("nowhere.yaml")}).exit != 0);
  CHECK(bench.simulator().journal().empty());
}

TEST_CASE("a rule that does not fit the config is shown with its line") {
  Bench bench;
  bench.policy("  - { name: far, match: { accounts: [\"5500009\"] }, effect: deny }\n");
  const auto invalid = bench.run({"validate"});
  CHECK(invalid.exit == 65);
  CHECK(missing_from(invalid.err, {":3:5: error: rule far names the account 5500009",
                                   "    - { name: far, match: { accounts: [\"5500009\"] }, effect: deny }\n",
                                   "\n        ^\n"}) == "");
}

TEST_CASE("audit list of an account that is nowhere is a mistake, as with plan") {
  Bench bench;
  bench.wish(person("ann.lee"));
  bench.run({"plan"});
  const auto nowhere = bench.run({"audit", "list", "--account", "nope"});
  CHECK(nowhere.exit == 64);
  CHECK(missing_from(nowhere.err, {"no account \"nope\""}) == "");
  CHECK(bench.run({"audit", "export", "--account", "nope"}).exit == 64);
  CHECK(bench.run({"audit", "list", "--account", "5500001"}).exit == 0);
  // Whose records are in the log is known, whether the config has them still or not.
  auto setup = bench.setup();
  setup.account = "5500002";
  bench.set_up(setup);
  const auto former = bench.run({"audit", "list", "--account", "5500001"});
  CHECK(former.exit == 0);
  CHECK(!former.out.empty());
}

TEST_CASE("--config is understood before and after the command, --help and --version anywhere") {
  Bench bench;
  CHECK(usersyncd({"--config", bench.config(), "validate"}).exit == 0);
  CHECK(usersyncd({"validate", "--config", bench.config()}).exit == 0);
  CHECK(usersyncd({"audit", "list", "--config", bench.config()}).exit != 64);
  const auto version = usersyncd({"--version"});
  CHECK(version.exit == 0);
  CHECK(version.out.starts_with("usersyncd "));
  CHECK(usersyncd({"--help"}).exit == 0);
  for (const char* command : {"run", "plan", "apply", "validate", "import", "drift", "explain", "approvals",
                              "approve", "reject", "pause", "resume", "audit", "status", "schema"}) {
    const auto help = usersyncd({command, "--help"});
    CHECK_MESSAGE(help.exit == 0, command);
    CHECK_MESSAGE(help.out.size() > 50, command);
    CHECK_MESSAGE(help.err.empty(), command);
  }
}

TEST_CASE("what is not understood is usage, exit 64, and goes to stderr") {
  Bench bench;
  const std::vector<Arguments> wrong{
      {},          {"frobnicate"}, {"plan", "--frobnicate"}, {"plan", "--format", "yaml"}, {"import"},
      {"explain"}, {"audit"},      {"audit", "show"},        {"audit", "show", "one"},     {"approve"}};
  for (const auto& arguments : wrong) {
    const auto run = bench.run(arguments);
    CAPTURE(arguments.empty() ? "nothing" : arguments.back());
    CHECK(run.exit == 64);
    CHECK(run.out.empty());
    CHECK_FALSE(run.err.empty());
  }
}

// Property: only a file that was meant for sure can make a usage error worse.
TEST_CASE("a misspelt --config is usage, whatever stands in the usual config file") {
  Bench bench;
  for (const auto& arguments :
       {Arguments{"plan", "--confg", bench.config()}, Arguments{"plan", "--config"},
        Arguments{"--confg", bench.config(), "plan"}, Arguments{"paln"},
        Arguments{"plan", "--format", "xml", "--confg", bench.config()}, Arguments{"audit", "lsit"}}) {
    const auto run = usersyncd(arguments);
    CAPTURE(run.err);
    CHECK(run.exit == 64);
    CHECK(run.out.empty());
    CHECK(run.err.find(": error: ") == std::string::npos);
  }
}

// Where tests run there is no usual config file, which is 78. Elsewhere it may be there, and valid.
TEST_CASE("without --config the usual config file was meant, and it can be worse than a usage error") {
  const auto usual = usersyncd({"validate"});
  for (const auto& arguments :
       {Arguments{"plan", "--format", "xml"}, Arguments{"plan", "--out"}, Arguments{"undo"}}) {
    const auto run = usersyncd(arguments);
    CAPTURE(run.err);
    CHECK(run.exit == (usual.exit == 0 ? 64 : usual.exit));
    CHECK(run.out.empty());
    CHECK(missing_from(run.err, {"Run with --help"}) == "");
  }
}

TEST_CASE("several failures at once: 78 before 65 before 64") {
  Bench bench;
  bench.wish("  - username: ann.lee\n    roles: null\n");
  CHECK(bench.run({"plan", "--account", "nobody"}).exit == 65);
  auto setup = bench.setup();
  setup.lines = "colour: red\n";
  bench.set_up(setup);
  CHECK(bench.run({"plan", "--account", "nobody"}).exit == 78);
  CHECK(usersyncd({"plan", "--config", bench.home().path("absent.yaml")}).exit == 78);
}

TEST_CASE("output that is lost on a full disk is a failure") {
  Bench bench;
  make_history(bench);
  for (const std::string command : {"plan", "import --account 5500001", "status", "audit export",
                                    "schema config", "validate", "approvals"}) {
    CAPTURE(command);
    const auto run = run_program({"/bin/sh", "-c", "exec \"$0\" --config \"$1\" " + command + " > /dev/full",
                                  usersyncd_binary(), bench.config()});
    CHECK(run.exit == 1);
    CHECK(missing_from(run.err, {"error: the output could not be written"}) == "");
  }
}

TEST_CASE("the store and a plan file are for the owner alone") {
  Bench bench;
  CHECK(bench.run({"plan", "--out", bench.home().path("plan.json")}).exit == 0);
  for (const auto& path : {bench.store(), bench.home().path("plan.json")}) {
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
  }
}

}  // namespace usersyncd::test
