#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/program/process.hpp"

// The whole program as processes: a simulator, a config that points to it, the command line and the daemon.

namespace usersyncd::test {

enum class Api { v1, dashboard };

/// The name of the built-in profile.
std::string profile_of(Api api);

/// What a simulator accepts. They are canaries, too: none may be found in what usersyncd writes.
struct Login {
  std::string id = "canary-id-4711";
  std::string secret = "canary-secret+/=\"4711";
};

/// One request that the simulator was asked.
struct Asked {
  std::uint64_t number = 0;  ///< from 1, in the order of arrival
  std::string method;
  std::string path;  ///< with the query
  std::string body;
  int status = 0;  ///< 0: the connection was reset
  bool worked = false;
  bool faulty = false;

  /// Whether it asked for a change; the token endpoint's POST does not.
  bool is_write() const;
};

/// From the simulator's journal.
Asked read_asked(const boost::json::object& line);

/// usersyncd-sim on a free port, with 12 users unless told otherwise, killed with its test.
class Simulator {
 public:
  explicit Simulator(const Arguments& options = {});

  /// http://127.0.0.1:PORT, or https:// with --tls-self-signed.
  std::string url() const;
  std::uint16_t port() const { return port_; }
  const Login& login() const { return login_; }
  /// The directory of --tls-self-signed.
  std::string tls_directory() const { return scratch_.path("tls"); }
  /// A desired-state file of the world as it was at the start.
  std::string desired() const;

  boost::json::object state() const;
  bool has(const std::string& username) const;
  /// One user of the state, in neutral names; the test fails if there is none.
  boost::json::object user(const std::string& username) const;
  /// Every username, sorted.
  std::vector<std::string> usernames() const;
  /// Changes or creates somebody behind usersyncd's back: `{"phone": "…"}`.
  void put_user(const std::string& username, const std::string& fields) const;
  void delete_user(const std::string& username) const;
  /// Replaces the fault script; `{}` ends all faults.
  void faults(const std::string& script) const;
  void limiter(const std::string& limiter, const std::string& hint) const;
  boost::json::object stats() const;

  /// Every request after number `since`; works with TLS, too.
  std::vector<Asked> journal(std::uint64_t since = 0) const;
  std::vector<Asked> writes(std::uint64_t since = 0) const;
  /// The number of the newest request, for `since`.
  std::uint64_t now() const;

 private:
  boost::json::object call(const std::string& method, const std::string& target,
                           const std::string& body) const;

  Scratch scratch_;
  Login login_;
  bool tls_ = false;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

/// What a config says; the members that a test does not set suit it.
struct Setup {
  Api api = Api::v1;
  std::string provider;  ///< instead of the built-in profile of `api`
  std::string account = "5500001";
  std::string mode = "enforce";
  std::string poll_interval = "1s";
  std::string request_timeout = "10s";
  std::string retry_for = "20s";
  std::string base_url;       ///< instead of the simulator's
  std::string account_lines;  ///< more keys of the account, YAML at six columns' less indentation
  std::string lines;          ///< more top-level YAML, such as `admin: {…}\n`
  Login login;
};

/// Writes `usersyncd.yaml` into `scratch`, and the secrets that it refers to into `secrets`.
std::string write_config(const Scratch& scratch, const Scratch& secrets, const std::string& url,
                         const Setup& setup);

/// A simulator that speaks only the API of the setup, and a config for it. Everything that usersyncd writes
/// is under `home()`: store, logs, plans.
class Bench {
 public:
  explicit Bench(Setup setup = {}, const Arguments& simulator_options = {});

  Simulator& simulator() { return simulator_; }
  const Scratch& home() const { return home_; }
  const Scratch& secrets() const { return secrets_; }
  const std::string& config() const { return config_; }
  std::string store() const { return home_.path("usersyncd.db"); }
  const Setup& setup() const { return setup_; }
  /// Writes the config anew, changed.
  void set_up(Setup setup);

  /// Replaces desired/main.yaml; `users` is what follows `users:`, each line indented by two columns.
  void wish(const std::string& users, const std::string& before = {});
  /// Replaces a file below desired/.
  void wish_file(const std::string& name, const std::string& text);
  void policy(const std::string& rules);

  /// usersyncd with --config and these arguments.
  Run run(const Arguments& arguments, const Environment& environment = {}, const std::string& input = {});

 private:
  Setup setup_;
  Simulator simulator_;
  Scratch home_, secrets_;
  std::string config_;
};

/// A desired-state entry that says what `add_people` made of ann.lee, bob.ray and cat.fox.
std::string person(const std::string& username,
                   const std::string& more = "    roles: [basicAccess, Reporting]\n");
/// Three enabled users with the roles basicAccess and reporting, an unknown field and no phone: for each
/// username what the simulator's control API takes.
std::vector<std::pair<std::string, std::string>> people();
void add_people(const Simulator& simulator);

/// `usersyncd run`, whose log is a file of JSON lines.
class Daemon {
 public:
  explicit Daemon(Bench& bench, const Environment& environment = {});

  pid_t pid() const { return process_->pid(); }
  bool running() { return process_->running(); }
  /// What it has written to stderr so far.
  std::string log() const;
  /// How much that is; `since` of the functions below.
  std::size_t mark() const { return log().size(); }
  /// The log's events, the unfinished last line left out.
  std::vector<boost::json::object> events(const std::string& name = {}, std::size_t since = 0) const;
  /// Whether the text comes up in the log within the time.
  bool wait_for(const std::string& text, std::size_t since = 0, Milliseconds timeout = patience) const;
  /// Whether an event of that name comes up.
  bool wait_for_event(const std::string& name, std::size_t since = 0, Milliseconds timeout = patience) const;
  void signal(int number) { process_->signal(number); }
  /// SIGTERM; the exit code, or -1: it did not stop in time.
  int stop(Milliseconds timeout = patience);
  /// SIGKILL, as when the power goes.
  void kill();
  std::optional<int> wait(Milliseconds timeout = patience) { return process_->wait(timeout); }

 private:
  std::string log_file_;
  std::unique_ptr<Process> process_;
};

/// Parses what a command printed; the test fails if it is not JSON.
boost::json::value parse_output(const std::string& text);

/// The members of `wanted` that `text` lacks, for a message; empty: it has all.
std::string missing_from(const std::string& text, const std::vector<std::string>& wanted);

}  // namespace usersyncd::test
