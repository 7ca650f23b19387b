#include "tests/program/support.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <sstream>
#include <utility>

namespace usersyncd::test {
namespace {

namespace json = boost::json;

struct Answer {
  int status = 0;
  std::string body;
};

// One request on a connection of its own, read until the server closes it.
Answer http(std::uint16_t port, const std::string& method, const std::string& target,
            const std::string& body) {
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool connected = ::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  REQUIRE_MESSAGE(connected, "the simulator does not listen");
  const std::string request = method + " " + target + " HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n" +
                              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  REQUIRE(::send(connection, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size()));
  std::string text;
  std::array<char, 16384> buffer{};
  ssize_t got = 0;
  while ((got = ::recv(connection, buffer.data(), buffer.size(), 0)) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(connection);
  const auto body_at = text.find("\r\n\r\n");
  REQUIRE_MESSAGE(body_at != std::string::npos, "the simulator did not answer " << target);
  return {std::stoi(text.substr(9, 3)), text.substr(body_at + 4)};
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The lines that were written to their end.
std::vector<std::string> whole_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  return lines;
}

Arguments with_api(Api api, Arguments options) {
  options.insert(options.end(), {"--api", api == Api::v1 ? "v1" : "dashboard"});
  return options;
}

// Lets a machine that is slower than the deadlines be found out by name.
void require_started(Process& process, const std::string& port_file, const std::string& log) {
  const bool ready = eventually([&] { return !read_text(port_file).empty() || !process.running(); });
  REQUIRE_MESSAGE((ready && process.running()), "the simulator did not start: " << read_text(log));
}

}  // namespace

std::string profile_of(Api api) {
  return api == Api::v1 ? "bandwidth-v1" : "bandwidth-dashboard";
}

Asked read_asked(const json::object& line) {
  Asked asked;
  asked.number = line.at("number").to_number<std::uint64_t>();
  asked.method = line.at("method").as_string();
  asked.path = line.at("path").as_string();
  asked.body = line.at("body").as_string();
  asked.status = line.at("status").to_number<int>();
  asked.worked = line.at("worked").as_bool();
  asked.faulty = line.at("faulty").as_bool();
  return asked;
}

bool Asked::is_write() const {
  return method != "GET" && path.find("/oauth2/token") == std::string::npos;
}

Simulator::Simulator(const Arguments& options) {
  Arguments command{simulator_binary(),
                    "--port-file",
                    scratch_.path("port"),
                    "--journal",
                    scratch_.path("journal"),
                    "--write-desired",
                    scratch_.path("desired.yaml"),
                    "--client-id",
                    login_.id,
                    "--client-secret",
                    login_.secret,
                    "--username",
                    login_.id,
                    "--password",
                    login_.secret};
  const auto given = [&](const char* option) {
    return std::find(options.begin(), options.end(), option) != options.end();
  };
  if (!given("--users") && !given("--world")) command.insert(command.end(), {"--users", "12"});
  for (const auto& option : options) {
    command.push_back(option);
    if (option != "--tls-self-signed") continue;
    tls_ = true;
    command.push_back(tls_directory());
  }
  const auto log = scratch_.path("log");
  process_ = std::make_unique<Process>(command, Environment{}, Streams{"/dev/null", log, log});
  require_started(*process_, scratch_.path("port"), log);
  port_ = static_cast<std::uint16_t>(std::stoi(read_text(scratch_.path("port"))));
}

std::string Simulator::url() const {
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

std::string Simulator::desired() const {
  return read_text(scratch_.path("desired.yaml"));
}

json::object Simulator::call(const std::string& method, const std::string& target,
                             const std::string& body) const {
  const auto answer = http(port_, method, target, body);
  REQUIRE_MESSAGE(answer.status < 300, method << " " << target << ": " << answer.body);
  return json::parse(answer.body).as_object();
}

json::object Simulator::state() const {
  return call("GET", "/sim/state", "");
}

bool Simulator::has(const std::string& username) const {
  const auto names = usernames();
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& name) { return lower(name) == lower(username); });
}

json::object Simulator::user(const std::string& username) const {
  const auto world = state();
  for (const auto& entry : world.at("users").as_array()) {
    const auto& user = entry.as_object();
    if (lower(std::string{user.at("username").as_string()}) == lower(username)) return user;
  }
  FAIL("the simulator has no user " << username);
  return {};
}

std::vector<std::string> Simulator::usernames() const {
  std::vector<std::string> names;
  const auto world = state();
  for (const auto& entry : world.at("users").as_array()) {
    names.emplace_back(entry.as_object().at("username").as_string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void Simulator::put_user(const std::string& username, const std::string& fields) const {
  call("PUT", "/sim/users/" + username, fields);
}

void Simulator::delete_user(const std::string& username) const {
  call("DELETE", "/sim/users/" + username, "");
}

void Simulator::faults(const std::string& script) const {
  call("POST", "/sim/faults", script == "{}" ? R"({"rules":[]})" : script);
}

void Simulator::limiter(const std::string& limiter, const std::string& hint) const {
  call("POST", "/sim/limiter", R"({"limiter":")" + limiter + R"(","hint":")" + hint + R"("})");
}

json::object Simulator::stats() const {
  return call("GET", "/sim/stats", "");
}

std::vector<Asked> Simulator::journal(std::uint64_t since) const {
  std::vector<Asked> all;
  for (const auto& line : whole_lines(read_text(scratch_.path("journal")))) {
    auto asked = read_asked(json::parse(line).as_object());
    if (asked.number > since) all.push_back(std::move(asked));
  }
  return all;
}

std::vector<Asked> Simulator::writes(std::uint64_t since) const {
  auto all = journal(since);
  std::erase_if(all, [](const Asked& asked) { return !asked.is_write(); });
  return all;
}

std::uint64_t Simulator::now() const {
  const auto all = journal();
  return all.empty() ? 0 : all.back().number;
}

std::string write_config(const Scratch& scratch, const Scratch& secrets, const std::string& url,
                         const Setup& setup) {
  const bool v1 = setup.api == Api::v1;
  const auto id = secrets.write("id", setup.login.id + "\n");
  const auto secret = secrets.write("secret", setup.login.secret + "\n");
  std::ostringstream text;
  text << "version: 1\n"
       << "store: { path: usersyncd.db }\n"
       << "desired: { path: desired }\n"
       << "log: { level: info, format: json }\n"
       << setup.lines << "accounts:\n"
       << "  - id: \"" << setup.account << "\"\n"
       << "    provider: " << (setup.provider.empty() ? profile_of(setup.api) : setup.provider) << "\n"
       << "    baseUrl: " << (setup.base_url.empty() ? url : setup.base_url) << "\n"
       << "    mode: " << setup.mode << "\n"
       << "    pollInterval: " << setup.poll_interval << "\n"
       << "    credentials: { type: " << (v1 ? "oauth2, clientId" : "basic, username") << ": { file: " << id
       << " }, " << (v1 ? "clientSecret" : "password") << ": { file: " << secret << " } }\n"
       << "    limits: { maxInFlight: 4, requestTimeout: " << setup.request_timeout
       << ", retryFor: " << setup.retry_for << " }\n"
       << setup.account_lines;
  return scratch.write("usersyncd.yaml", text.str());
}

Bench::Bench(Setup setup, const Arguments& simulator_options)
    : simulator_(with_api(setup.api, simulator_options)) {
  set_up(std::move(setup));
  wish_file("main.yaml", simulator_.desired());
}

void Bench::set_up(Setup setup) {
  setup_ = std::move(setup);
  config_ = write_config(home_, secrets_, simulator_.url(), setup_);
}

void Bench::wish(const std::string& users, const std::string& before) {
  wish_file("main.yaml", "version: 1\naccount: \"" + setup_.account + "\"\n" + before + "users:\n" + users);
}

void Bench::wish_file(const std::string& name, const std::string& text) {
  home_.write("desired/" + name, text);
}

void Bench::policy(const std::string& rules) {
  home_.write("policies/rules.yaml", "version: 1\nrules:\n" + rules);
  if (setup_.lines.find("policies:") != std::string::npos) return;
  setup_.lines += "policies: { path: policies }\n";
  set_up(setup_);
}

Run Bench::run(const Arguments& arguments, const Environment& environment, const std::string& input) {
  Arguments all{"--config", config_};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return usersyncd(all, environment, input);
}

std::string person(const std::string& username, const std::string& more) {
  const auto dot = username.find('.');
  return "  - username: " + username + "\n    firstName: " + username.substr(0, dot) +
         "\n    lastName: " + username.substr(dot + 1) + "\n    email: " + username + "@example.com\n" + more;
}

std::vector<std::pair<std::string, std::string>> people() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string name : {"ann.lee", "bob.ray", "cat.fox"}) {
    const auto dot = name.find('.');
    const json::object fields{{"firstName", name.substr(0, dot)},
                              {"lastName", name.substr(dot + 1)},
                              {"email", name + "@example.com"},
                              {"roles", json::array{"basicAccess", "reporting"}},
                              {"accounts", json::array{"5500001"}},
                              {"enabled", true},
                              {"extra", json::object{{"favouriteColour", "canary yellow"}}}};
    all.emplace_back(name, json::serialize(fields));
  }
  return all;
}

void add_people(const Simulator& simulator) {
  for (const auto& [name, fields] : people()) simulator.put_user(name, fields);
}

Daemon::Daemon(Bench& bench, const Environment& environment) {
  // Every start has a log of its own, so that what is waited for is not an earlier daemon's.
  int number = 0;
  do {
    log_file_ = bench.home().path("daemon-" + std::to_string(++number) + ".log");
  } while (std::filesystem::exists(log_file_));
  bench.home().write("daemon-" + std::to_string(number) + ".log", "");
  const Arguments command{usersyncd_binary(), "--config", bench.config(), "run"};
  process_ = std::make_unique<Process>(command, environment, Streams{"/dev/null", log_file_, log_file_});
}

std::string Daemon::log() const {
  return read_text(log_file_);
}

std::vector<json::object> Daemon::events(const std::string& name, std::size_t since) const {
  std::vector<json::object> found;
  const auto text = log();
  for (const auto& line : whole_lines(text.substr(std::min(since, text.size())))) {
    boost::system::error_code bad;
    const auto value = json::parse(line, bad);
    if (bad || !value.is_object()) continue;
    const auto* event = value.as_object().if_contains("event");
    if (event && (name.empty() || *event == json::value(name))) found.push_back(value.as_object());
  }
  return found;
}

bool Daemon::wait_for(const std::string& text, std::size_t since, Milliseconds timeout) const {
  return eventually([&] { return log().find(text, since) != std::string::npos; }, timeout);
}

bool Daemon::wait_for_event(const std::string& name, std::size_t since, Milliseconds timeout) const {
  return eventually([&] { return !events(name, since).empty(); }, timeout);
}

int Daemon::stop(Milliseconds timeout) {
  signal(SIGTERM);
  return wait(timeout).value_or(-1);
}

void Daemon::kill() {
  signal(SIGKILL);
  wait();
}

json::value parse_output(const std::string& text) {
  boost::system::error_code bad;
  auto value = json::parse(text, bad);
  REQUIRE_MESSAGE(!bad, "not JSON: " << text);
  return value;
}

std::string missing_from(const std::string& text, const std::vector<std::string>& wanted) {
  std::string missing;
  for (const auto& part : wanted) {
    if (text.find(part) == std::string::npos) missing += (missing.empty() ? "" : ", ") + part;
  }
  return missing;
}

}  // namespace usersyncd::test
