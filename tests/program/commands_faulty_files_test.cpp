#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/program/support.hpp"
#include "tests/support/temp_store.hpp"

// What commands make of files that are not valid: which of them go on, what is said of all files, and in
// which order exit codes win.

namespace usersyncd::test {
namespace {

// The config with `from` replaced.
void change_config(const Bench& bench, const std::string& from, const std::string& to) {
  auto text = read_text(bench.config());
  REQUIRE(text.find(from) != std::string::npos);
  text.replace(text.find(from), from.size(), to);
  bench.home().write("usersyncd.yaml", text);
}

void check_validate(Bench& bench, const std::string& file, const std::string& text, int exit,
                    const std::vector<std::string>& said) {
  CAPTURE(file);
  const auto run = bench.run({"validate", bench.home().write(file, text)});
  CHECK_MESSAGE(run.exit == exit, run.err);
  CHECK_MESSAGE(missing_from(run.err, said) == "", run.err);
}

}  // namespace

TEST_CASE("a faulty config stops nobody from pausing, and commands that need only the store go on") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("ann.lee", "    roles: [basicAccess, Ordering]\n"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  const auto good = read_text(bench.config());
  for (const std::string fault : {"colour: red\n", "colour:\t red\n"}) {
    bench.home().write("usersyncd.yaml", good + fault);
    const auto paused = bench.run({"pause", "--account", "5500001", "--reason", "stocktaking"});
    CHECK(paused.exit == 78);
    CHECK(missing_from(paused.out, {"paused: 5500001"}) == "");
    CHECK(missing_from(paused.err, {"usersyncd.yaml:", "error:", bench.store()}) == "");
    for (const Arguments& command : {Arguments{"status"},
                                     {"drift"},
                                     {"approvals"},
                                     {"audit", "list"},
                                     {"audit", "export", "--actions"},
                                     {"explain", "ann.lee"}}) {
      const auto run = bench.run(command);
      CAPTURE(command.back());
      CHECK(run.exit == 78);
      CHECK_FALSE(run.out.empty());
    }
    CHECK(missing_from(bench.run({"status"}).out, {"5500001, enforce", "stocktaking"}) == "");
    const auto verified = bench.run({"audit", "verify"});
    CHECK(verified.exit == 78);
    CHECK(missing_from(verified.out, {"the chain is whole"}) == "");
    CHECK(missing_from(bench.run({"resume", "--account", "5500001"}).out, {"resumed"}) == "");
  }
  bench.home().write("usersyncd.yaml", "colour: red\n");
  CHECK(bench.run({"pause"}).exit == 78);
}

TEST_CASE("a faulty config wins over the lack of a store, and none is made on its word") {
  Bench bench;
  change_config(bench, "version: 1", "version: 1\ncolour: red");
  for (const char* command : {"status", "drift", "pause", "approvals"}) {
    CAPTURE(command);
    CHECK(bench.run({command}).exit == 78);
    CHECK_FALSE(std::filesystem::exists(bench.store()));
  }
  CHECK(bench.run({"audit", "verify"}).exit == 78);
  CHECK(bench.run({"explain", "ann.lee"}).exit == 78);
}

TEST_CASE("pause says plainly when no daemon can hear of it") {
  Bench bench;
  const auto fresh = bench.run({"pause"});
  CHECK(fresh.exit == 0);
  CHECK_MESSAGE(missing_from(fresh.err, {"warning", "there was no store", bench.store()}) == "", fresh.err);
  const auto idle = bench.run({"pause"});
  CHECK_MESSAGE(missing_from(idle.out, {"no daemon runs on the store", bench.store()}) == "", idle.out);
  Daemon daemon{bench};
  REQUIRE(daemon.wait_for_event("started"));
  const auto heard = bench.run({"pause"});
  CHECK(heard.err.empty());
  CHECK(heard.out.find("no daemon") == std::string::npos);
  CHECK(daemon.stop() == 0);
}

TEST_CASE("explain tells the last good desired state while the files are not valid") {
  Bench bench;
  add_people(bench.simulator());
  bench.wish(person("ann.lee"));
  REQUIRE(bench.run({"apply", "--yes"}).exit == 0);
  bench.wish("  - username: ann.lee\n    colour: red\n");
  const auto run = bench.run({"explain", "ann.lee"});
  CHECK(run.exit == 65);
  CHECK_MESSAGE(missing_from(run.out, {"matched: by username ann.lee", "wanted:  present"}) == "", run.out);
  CHECK(missing_from(run.err, {"main.yaml:5:", "colour", "last good desired state"}) == "");
}

TEST_CASE(
    "explain tells what is in force of a file in which one entry is faulty, whatever was imported since") {
  Bench bench;
  add_people(bench.simulator());
  const auto faulty = "  - username: bob.ray\n    email: none\n" + person("ann.lee");
  bench.wish(faulty);
  REQUIRE(bench.run({"apply", "--yes"}).exit == 65);
  REQUIRE(bench.run({"import", "--account", "5500001"}).exit == 0);
  bench.wish("  - username: ann.lee\n    colour: red\n");
  const auto run = bench.run({"explain", "ann.lee"});
  CHECK(run.exit == 65);
  CHECK_MESSAGE(missing_from(run.out, {"wanted:  present"}) == "", run.out);
  CHECK(run.err.find("no good desired state") == std::string::npos);
}

TEST_CASE("78 and 65 win over 64, whichever command, option or plan file is wrong") {
  Bench bench;
  const std::vector<Arguments> wrong{{"apply"},
                                     {"apply", "--yes", "--plan", bench.home().path("absent")},
                                     {"undo", "some-run"},
                                     {"plan", "--format", "xml"},
                                     {"plan", "--colour"}};
  const auto check = [&](int exit) {
    for (const auto& arguments : wrong) {
      CAPTURE(arguments.back());
      const auto run = bench.run(arguments);
      CHECK_MESSAGE(run.exit == exit, run.err);
      CHECK(run.out.empty());
    }
  };
  check(64);
  bench.wish("  - username: ann.lee\n    roles: null\n");
  check(65);
  change_config(bench, "version: 1", "version: 1\ncolour: red");
  check(78);
  CHECK(bench.simulator().journal().empty());
}

TEST_CASE("a command that is not known is named, with the nearest one") {
  Bench bench;
  CHECK(missing_from(bench.run({"paln"}).err, {"`paln`", "did you mean `plan`"}) == "");
  CHECK(missing_from(bench.run({"audit", "lsit"}).err, {"`lsit`", "`audit`", "did you mean `list`"}) == "");
  CHECK(bench.run({"paln"}).exit == 64);
  CHECK(bench.run({"approve", "--ttl", "0s", "abcdef"}).exit == 64);
}

TEST_CASE("validate knows a kind of file by what can be read of it") {
  Bench bench;
  check_validate(bench, "a.yaml",
                 "version: 1\nname: x\nendpoints: { list: GET /u }\ncan: { listIsFull: yes }\n", 78,
                 {"a.yaml:4:", "checked as a profile"});
  check_validate(bench, "b.yaml", "version: 1\nname: x\nbaseUrl: https://a.example\n", 78, {"a profile"});
  check_validate(bench, "c.yaml", "version: 1\nstore: { path: x }\ndesired:\t{ path: y }\naccounts: []\n", 78,
                 {"c.yaml:3:", "a config"});
  check_validate(bench, "d.yaml", "version: 1\nstore: { path: x }\ndesired: { path: z }\nacounts: []\n", 78,
                 {"`acounts`", "`accounts`", "a config"});
  check_validate(bench, "e.yaml", "version: 1\nrulez: []\n", 65, {"`rulez`", "`rules`", "a policy"});
  check_validate(bench, "f.yaml", "version: 1\naccount: \"1\"\nusrs: []\n", 65,
                 {"`users`", "a desired state"});
  CHECK(missing_from(bench.run({"validate", bench.home().path("desired")}).out, {"ok (desired state)"}) ==
        "");
}

TEST_CASE("validate names the problems of all files, also behind a config that is not valid") {
  Bench bench;
  bench.policy("  - { name: x, effect: nonsense }\n");
  bench.wish("  - username: ann.lee\n    colour: red\n  - username: ANN.lee\n");
  change_config(bench, "version: 1", "version: 1\ncolour: red");
  const auto run = bench.run({"validate"});
  CHECK(run.exit == 78);
  CHECK_MESSAGE(missing_from(run.err, {"usersyncd.yaml:2:", "main.yaml:5:", "main.yaml:6:", "written twice",
                                       "rules.yaml:3:"}) == "",
                run.err);
  CHECK(bench.run({"plan"}).exit == 78);
}

TEST_CASE("validate finds what would keep an account from being reached, with its place in the config") {
  Bench bench;
  const auto good = read_text(bench.config());
  const auto profile = read_text(SOURCE_DIR "/providers/profiles/bandwidth-v1.yaml");
  const auto with_profile = [&](const std::string& from, const std::string& to) {
    auto text = profile;
    REQUIRE(text.find(from) != std::string::npos);
    text.replace(text.find(from), from.size(), to);
    bench.home().write("own.yaml", text);
    change_config(bench, "provider: bandwidth-v1", "provider: ./own.yaml");
  };
  const auto refused = [&](const std::vector<std::string>& said) {
    for (const char* command : {"validate", "plan"}) {
      const auto run = bench.run({command});
      CHECK_MESSAGE(run.exit == 78, run.err);
      CHECK_MESSAGE(missing_from(run.err, said) == "", run.err);
    }
    bench.home().write("usersyncd.yaml", good);
  };
  const auto ca_file = [&](const std::string& path) {
    bench.home().write("usersyncd.yaml", good + "    tls: { caFile: " + path + " }\n");
    refused({"usersyncd.yaml:13:", path});
  };
  ca_file("/nonexistent/ca.pem");
  ca_file(bench.home().write("empty.pem", ""));
  ca_file(bench.home().write("garbage.pem", "garbage\n"));
  change_config(bench, "provider: bandwidth-v1", "provider: ./nowhere.yaml");
  refused({"usersyncd.yaml:7:15:", "nowhere.yaml"});
  change_config(bench, "bandwidth-v1", "bandwith-v1");
  refused({"usersyncd.yaml:7:15:", "bandwidth-v1"});
  with_profile("kinds: [oauth2]", "kinds: [basic]");
  refused({"usersyncd.yaml:6:", "oauth2"});
  with_profile("baseUrl: https://", "baseUrl: http://");
  const auto url = read_text(bench.config()).find("    baseUrl:");
  auto text = read_text(bench.config());
  text.erase(url, text.find('\n', url) + 1 - url);
  bench.home().write("usersyncd.yaml", text);
  refused({"usersyncd.yaml:6:", "loopback"});
  CHECK(bench.run({"validate"}).exit == 0);
}

TEST_CASE("A58: a password in a URL, or one in place of a word beside secrets, is not shown") {
  Bench bench;
  const auto good = read_text(bench.config());
  change_config(bench, "baseUrl: http://", "baseUrl: https://u:hunter2@");
  const auto in_url = bench.run({"validate"});
  CHECK(in_url.exit == 78);
  CHECK(in_url.err.find("hunter2") == std::string::npos);
  bench.home().write("usersyncd.yaml", good);
  change_config(bench, "type: oauth2", "type: hunter2secret");
  const auto as_type = bench.run({"validate"});
  CHECK(as_type.exit == 78);
  CHECK(missing_from(as_type.err, {"usersyncd.yaml:11:", "`oauth2` or `basic`"}) == "");
  CHECK(as_type.err.find("hunter2") == std::string::npos);
}

TEST_CASE("a secret that is a directory is called one, and the log's own word for a level is taken") {
  Bench bench;
  change_config(bench, "level: info", "level: warning");
  change_config(bench, "pollInterval: 1s", "pollInterval: 500ms");
  CHECK(bench.run({"validate"}).exit == 0);
  std::filesystem::remove(bench.secrets().path("secret"));
  std::filesystem::create_directory(bench.secrets().path("secret"));
  const auto run = bench.run({"plan"});
  CHECK(run.exit == 78);
  CHECK(missing_from(run.err, {"this is a directory"}) == "");
}

}  // namespace usersyncd::test
