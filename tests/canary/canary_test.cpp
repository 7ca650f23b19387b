#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <cstdlib>

#include "tests/canary/search.hpp"
#include "tests/program/support.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/temp_store.hpp"

// A58, A59, A60: the program is run with secrets that would be known again anywhere, through everything that
// it does and much that goes wrong, and then all that it left behind is searched for them, in every encoding:
// store, write-ahead log, keys and checkpoints, logs, plans, exports, what it printed, its arguments and its
// environment, and those of the command that it hands passwords to. Of its memory there is no image.

namespace usersyncd::canary {
namespace {

using namespace test;

// Long enough that nobody writes them by chance, with what encodings treat in a special way.
const std::string client_secret = "cAnary+client/secret=\"8Zq?&<1\\'";
const std::string wrong_secret = "cAnary+wrong/secret=\"5Kp?&<2\\'";
const std::string server_token = "cAnary.token-9Xw/+_=7Tr";

std::string all_of(const std::vector<std::string>& findings) {
  std::string text;
  for (const auto& one : findings) text += one + "\n";
  return text;
}

// What a process shows of itself to everybody.
std::string outside_of(pid_t process) {
  const auto directory = "/proc/" + std::to_string(process);
  return read_text(directory + "/cmdline") + "\n" + read_text(directory + "/environ");
}

Setup with_secret(Api api, const std::string& secret) {
  Setup setup;
  setup.api = api;
  setup.login.secret = secret;
  setup.retry_for = "1s";
  return setup;
}

// Keeps what was printed, as a terminal or a pipeline would.
void keep(Bench& bench, const Arguments& arguments) {
  static int number = 0;
  const auto run = bench.run(arguments);
  bench.home().write("printed/" + std::to_string(++number) + ".out", run.out);
  bench.home().write("printed/" + std::to_string(number) + ".err", run.err);
}

void say_everything(Bench& bench, const std::string& username) {
  const std::vector<Arguments> all{{"validate"},
                                   {"plan", "--out", bench.home().path("plan.json")},
                                   {"plan", "--format", "json"},
                                   {"plan", "--format", "markdown"},
                                   {"apply", "--yes"},
                                   {"apply", "--yes", "--plan", bench.home().path("plan.json")},
                                   {"status"},
                                   {"status", "--format", "json"},
                                   {"drift"},
                                   {"explain", username},
                                   {"explain", username, "--format", "json"},
                                   {"approvals"},
                                   {"import", "--account", "5500001"},
                                   {"audit", "list"},
                                   {"audit", "show", "1"},
                                   {"audit", "verify"},
                                   {"audit", "export"},
                                   {"audit", "export", "--format", "csv"}};
  for (const auto& arguments : all) keep(bench, arguments);
}

// The passwords that were made, by what the provider was sent.
std::vector<std::string> passwords_in(const std::vector<std::string>& bodies) {
  std::vector<std::string> passwords;
  for (const auto& body : bodies) {
    boost::system::error_code bad;
    const auto tree = boost::json::parse(body, bad);
    if (bad || !tree.is_object()) continue;
    for (const auto* member : {"password", "Password"}) {
      const auto* value = tree.as_object().if_contains(member);
      if (value && value->is_string()) passwords.emplace_back(value->as_string());
    }
  }
  return passwords;
}

std::string body_of(const std::string& request) {
  const auto end = request.find("\r\n\r\n");
  return end == std::string::npos ? std::string{} : request.substr(end + 4);
}

// Takes the password and writes down all that others could see of the process.
std::string delivery(const Bench& bench) {
  const auto seen = bench.home().path("delivery.seen");
  const auto script =
      bench.home().write("deliver.sh", "#!/bin/sh\ncat > /dev/null\ntr '\\0' '\\n' < /proc/$$/cmdline >> " +
                                           seen + "\ntr '\\0' '\\n' < /proc/$$/environ >> " + seen + "\n");
  ::chmod(script.c_str(), 0700);
  return "    passwords: { deliver: command, command: [" + script + "] }\n";
}

void debug_log(Bench& bench) {
  auto text = read_text(bench.config());
  const auto at = text.find("level: info");
  REQUIRE(at != std::string::npos);
  bench.home().write("usersyncd.yaml", text.replace(at, 11, "level: debug"));
}

void nothing_found(const Search& search, const Bench& bench) {
  const auto findings = search.in_files(bench.home().root());
  CHECK_MESSAGE(findings.empty(), all_of(findings));
  CHECK(std::filesystem::exists(bench.store()));
}

// A provider that answers with everything that it was sent, the credential first of all.
Script echo(const std::string& roles) {
  return [roles](Peer& peer) {
    while (true) {
      const auto request = peer.read_request();
      if (request.empty()) return;
      const auto answer = [&](const std::string& status, const std::string& body) {
        peer.send("HTTP/1.1 " + status +
                  "\r\nContent-Type: application/json\r\nX-Echo: " + request.substr(0, request.find('\r')) +
                  "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
      };
      if (request.find("/roles") != std::string::npos && request.starts_with("GET")) {
        answer("200 OK", roles);
      } else if (request.starts_with("GET") && request.find("/users") != std::string::npos &&
                 request.find("/users/") == std::string::npos) {
        answer("200 OK", R"({"Users":[{"UserId":"u1","Username":"eve"}]})");
      } else if (request.starts_with("POST")) {
        answer("400 Bad Request", R"({"ResponseStatus":{"ErrorCode":"13086","Description":)" +
                                      boost::json::serialize(boost::json::string(request)) + "}}");
      } else {
        answer("401 Unauthorized", request);
      }
    }
  };
}

}  // namespace

TEST_CASE("a canary in any encoding, anywhere in a file, is found") {
  for (const auto& secret : {client_secret, server_token}) {
    Search search;
    search.add("it", secret);
    for (const auto& spelling : spellings_of(secret)) {
      CAPTURE(spelling.name);
      const Scratch scratch;
      scratch.write("log", "before" + spelling.bytes + "behind");
      CHECK(search.in_files(scratch.root()).size() == 1);
    }
    for (std::size_t before = 0; before < 7; ++before) {
      CAPTURE(before);
      const auto text = "Basic " + base64(std::string(before, 'x') + secret + "more");
      CHECK_FALSE(search.in_text(text).empty());
    }
    CHECK(search.in_text(secret.substr(0, secret.size() - 1)).empty());
  }
}

TEST_CASE("a canary in a value of a store is found, even where pages cut it") {
  const Scratch scratch;
  const auto path = scratch.path("store.db");
  run_raw(path, "CREATE TABLE t (a TEXT, b BLOB)");
  run_raw(path, "INSERT INTO t VALUES (printf('%.*c', 3900, 'x') || '" + server_token + "', x'00')");
  Search search;
  search.add("it", server_token);
  const auto findings = search.in_files(scratch.root());
  CHECK(std::any_of(findings.begin(), findings.end(),
                    [](const std::string& one) { return one.starts_with("a value in"); }));
}

TEST_CASE("A58 A59 A60: no secret in anything that the commands and the daemon leave behind") {
  for (const Api api : {Api::v1, Api::dashboard}) {
    Bench bench{with_secret(api, Login{}.secret)};
    auto setup = bench.setup();
    setup.lines = "admin: { listen: \"unix:" + bench.home().path("admin.sock") + "\" }\n";
    setup.account_lines = delivery(bench);
    bench.set_up(setup);
    debug_log(bench);
    add_people(bench.simulator());
    bench.wish(person("ann.lee") + person("dan.new") + person("eve.new"));
    bench.simulator().faults(R"({"rules":[{"method":"POST","path":"/users$","count":1,)"
                             R"("fault":{"status":502,"body":"bad gateway"}}]})");
    say_everything(bench, "dan.new");

    Search search;
    search.add("the client secret", Login{}.secret);
    search.add("a token", "sim-token-");  // they all begin like this
    {
      Daemon daemon{bench};
      REQUIRE(daemon.wait_for_event("cycle.summary"));
      bench.wish(person("ann.lee") + person("dan.new") + person("eve.new") + person("fay.new"));
      daemon.signal(SIGHUP);
      CHECK(eventually([&] { return bench.simulator().has("fay.new"); }));
      const auto outside = search.in_text(outside_of(daemon.pid()));
      CHECK_MESSAGE(outside.empty(), all_of(outside));
      daemon.kill();  // what a write-ahead log holds, stays in it
    }
    std::vector<std::string> bodies;
    for (const auto& asked : bench.simulator().writes()) bodies.push_back(asked.body);
    const auto passwords = passwords_in(bodies);
    if (api == Api::dashboard) REQUIRE(passwords.size() >= 3);
    for (const auto& password : passwords) search.add("a new user's password", password);
    nothing_found(search, bench);
    CHECK(search.files_read() > 30);
    if (api == Api::dashboard) CHECK(read_text(bench.home().path("delivery.seen")) != "");
  }
}

TEST_CASE("A58: no secret in what is said when the credential is wrong or nobody can be trusted") {
  Search search;
  search.add("the wrong secret", wrong_secret);
  search.add("the client secret", client_secret);
  for (const Api api : {Api::v1, Api::dashboard}) {
    Bench bench{with_secret(api, wrong_secret)};
    debug_log(bench);
    say_everything(bench, "ann.lee");
    nothing_found(search, bench);
    Bench untrusted{with_secret(api, client_secret), {"--tls-self-signed"}};
    say_everything(untrusted, "ann.lee");
    nothing_found(search, untrusted);
  }
}

TEST_CASE(
    "A58 A60: a provider that echoes the credential and the new password does not get them written down") {
  ScriptedServer server{{echo(R"({"Roles":[{"RoleId":"r1","RoleName":"basicAccess"}]})")}};
  auto setup = with_secret(Api::dashboard, client_secret);
  setup.base_url = server.url();
  Bench bench{setup};
  debug_log(bench);
  bench.wish(person("dan.new", "") + person("eve", ""));
  say_everything(bench, "dan.new");
  Search search;
  search.add("the client secret", client_secret);
  std::vector<std::string> bodies;
  for (const auto& request : server.requests()) bodies.push_back(body_of(request));
  const auto passwords = passwords_in(bodies);
  REQUIRE_FALSE(passwords.empty());
  for (const auto& password : passwords) search.add("a new user's password", password);
  nothing_found(search, bench);
  CHECK(read_text(bench.store()).size() > 0);
}

TEST_CASE("A58: a token that the provider echoes, in every encoding, is not written down") {
  const auto token = [](Peer& peer) {
    while (true) {
      const auto request = peer.read_request();
      if (request.empty()) return;
      std::string body = R"({"access_token":)" + boost::json::serialize(boost::json::string(server_token)) +
                         R"(,"expires_in":3600})";
      std::string status = "200 OK";
      if (request.find("/token") == std::string::npos) {
        status = "403 Forbidden";
        body.clear();
        for (const auto& spelling : spellings_of(server_token)) {
          // Of base64 these are only the parts that give it away.
          if (!spelling.name.starts_with("base64")) body += spelling.bytes + "\n";
        }
        for (const auto* before : {"", "x", "xy"}) {
          body += base64(before + server_token) + "\n" + base64(before + server_token + "more") + "\n";
        }
        body += request;
      }
      peer.send("HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
    }
  };
  ScriptedServer server{{token}};
  auto setup = with_secret(Api::v1, client_secret);
  setup.base_url = server.url();
  Bench bench{setup};
  debug_log(bench);
  say_everything(bench, "ann.lee");
  REQUIRE(server.requests().size() > 2);
  Search search;
  search.add("the client secret", client_secret);
  search.add("the token", server_token);
  nothing_found(search, bench);
}

TEST_CASE("A58: a daemon that dies of a signal leaves no image of its memory, and nobody may look into it") {
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  core.rlim_cur = core.rlim_max;
  ::setrlimit(RLIMIT_CORE, &core);
  for (const int signal : {SIGSEGV, SIGABRT, SIGQUIT}) {
    Bench bench{with_secret(Api::v1, Login{}.secret)};
    add_people(bench.simulator());
    // The shell says of a program that died whether an image was made.
    const auto out = bench.home().path("shell.log");
    Process shell{{"bash", "-c", "cd " + bench.home().root().string() + "; \"$@\"; exit $?", "bash",
                   usersyncd_binary(), "--config", bench.config(), "run"},
                  {{"ASAN_OPTIONS", "handle_segv=0"}},  // or a sanitizer would die in the program's place
                  Streams{"/dev/null", out, out}};
    const auto children =
        "/proc/" + std::to_string(shell.pid()) + "/task/" + std::to_string(shell.pid()) + "/children";
    REQUIRE(eventually([&] { return read_text(out).find("cycle.summary") != std::string::npos; }));
    const auto daemon = std::stoi(read_text(children));
    const auto directory = "/proc/" + std::to_string(daemon);
    const auto limits = read_text(directory + "/limits");
    const auto line = limits.substr(limits.find("Max core file size"), 60);
    CHECK_MESSAGE(line.find(" 0 ") != std::string::npos, line);
    // What cannot be dumped belongs to root, whoever runs it.
    struct stat status {};
    REQUIRE(::stat((directory + "/mem").c_str(), &status) == 0);
    CHECK(status.st_uid == 0);
    ::kill(daemon, signal);
    CHECK(shell.wait().value_or(-1) == 128 + signal);
    CHECK(read_text(out).find("core dumped") == std::string::npos);
    for (const auto& file : std::filesystem::directory_iterator(bench.home().root()))
      CHECK_MESSAGE(!file.path().filename().string().starts_with("core"), file.path().string());
  }
}

TEST_CASE("A58: no secret in anything that the other tests of the program left behind") {
  const char* kept = std::getenv("USERSYNCD_KEEP");
  if (!kept || !std::filesystem::is_directory(kept)) {
    MESSAGE("nothing was kept: only after the whole suite there is something to search");
    return;
  }
  Search search;
  search.add("the client secret", Login{}.secret);
  search.add("a token", "sim-token-");
  const auto findings = search.in_files(kept);
  CHECK_MESSAGE(findings.empty(), all_of(findings));
  CHECK(search.files_read() > 0);
  MESSAGE(search.files_read() << " files searched");
  std::filesystem::remove_all(kept);
}

}  // namespace usersyncd::canary
