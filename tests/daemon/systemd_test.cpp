#include <doctest/doctest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "config/config_file.hpp"
#include "config/desired_file.hpp"

namespace usersyncd {
namespace {

const std::string unit_file = SOURCE_DIR "/systemd/usersyncd.service";

struct Finished {
  int status = -1;
  std::string output;
};

Finished run_command(const std::string& command) {
  Finished finished;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer{};
  while (const std::size_t size = fread(buffer.data(), 1, buffer.size(), pipe))
    finished.output.append(buffer.data(), size);
  finished.status = WEXITSTATUS(pclose(pipe));
  return finished;
}

bool have_systemd_analyze() {
  const bool found = run_command("command -v systemd-analyze").status == 0;
  if (!found) MESSAGE("not checked: systemd-analyze is missing (package systemd, see scripts/install-deps)");
  return found;
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The values of a setting in the unit file, in order.
std::vector<std::string> settings(const std::string& name) {
  std::istringstream unit(read_file(unit_file));
  std::vector<std::string> values;
  for (std::string line; std::getline(unit, line);)
    if (line.starts_with(name + '=')) values.push_back(line.substr(name.size() + 1));
  return values;
}

using Values = std::vector<std::string>;

}  // namespace

TEST_CASE("systemd accepts the unit file without a warning") {
  if (!have_systemd_analyze()) return;
  std::string unit = read_file(unit_file);
  const std::string program = "/usr/bin/usersyncd";  // need not be installed where this is tested
  const std::size_t at = unit.find(program);
  REQUIRE(at != unit.npos);
  unit.replace(at, program.size(), "/usr/bin/env");
  std::string directory = (std::filesystem::temp_directory_path() / "usersyncd-unit-XXXXXX").string();
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  std::ofstream(directory + "/usersyncd.service") << unit;
  const Finished verified =
      run_command("systemd-analyze verify --man=no " + directory + "/usersyncd.service");
  std::filesystem::remove_all(directory);
  CHECK(verified.status == 0);
  CHECK(verified.output == "");
}

TEST_CASE("systemd rates the exposure of the service at 1.1 of 10 or less") {
  if (!have_systemd_analyze()) return;
  const Finished rated =
      run_command("systemd-analyze security --offline=true --no-pager --threshold=11 '" + unit_file + "'");
  CHECK_MESSAGE(rated.status == 0, rated.output);
}

TEST_CASE("the hardening leaves a network client what it needs") {
  CHECK(settings("RestrictAddressFamilies") == Values{"AF_INET AF_INET6 AF_UNIX"});
  CHECK(settings("IPAddressDeny").empty());
  CHECK(settings("PrivateNetwork").empty());
  CHECK(settings("StateDirectory") == Values{"usersyncd"});
  CHECK(settings("RuntimeDirectory") == Values{"usersyncd"});
}

TEST_CASE("the unit restarts what a person need not mend, and only that") {
  CHECK(settings("Type") == Values{"notify"});
  CHECK(settings("Restart") == Values{"on-failure"});
  CHECK(settings("RestartPreventExitStatus") == Values{"64 78"});
}

TEST_CASE("every hardening setting says in a comment what it is for") {
  const std::string unit = read_file(unit_file);
  std::istringstream hardening(unit.substr(unit.find("# --- Privileges")));
  std::string before;
  for (std::string line; std::getline(hardening, line) && line != "[Install]"; before = line)
    if (!line.starts_with('#') && !line.empty()) CHECK_MESSAGE(before.starts_with("# "), line);
}

TEST_CASE("the example config and the example desired state are valid as they are, and belong together") {
  Problems problems;
  const auto config = load_config(SOURCE_DIR "/systemd/usersyncd.yaml", problems);
  REQUIRE_MESSAGE(config.has_value(), problems.text());
  const std::vector<std::string> accounts{config->accounts.at(0).id};
  const auto desired = load_desired(config->desired_path, accounts, problems);
  REQUIRE_MESSAGE(desired.has_value(), problems.text());
  CHECK(desired->at(0).users.at(0).username == "jdoe");
}

TEST_CASE("the example config asks for what the unit provides: credentials, state and runtime directory") {
  Problems problems;
  const auto config = load_config(SOURCE_DIR "/systemd/usersyncd.yaml", problems);
  REQUIRE_MESSAGE(config.has_value(), problems.text());
  CHECK(config->store_path.starts_with("/var/lib/" + settings("StateDirectory").at(0) + '/'));
  CHECK(config->admin_listen.starts_with("unix:/run/" + settings("RuntimeDirectory").at(0) + '/'));

  Values loaded;
  for (const AccountConfig& account : config->accounts)
    for (const SecretRef& ref : {account.credentials.user, account.credentials.secret}) {
      CHECK(ref.from == SecretRef::From::credential);
      loaded.push_back(ref.name + ":/etc/usersyncd/credentials/" + ref.name);
    }
  CHECK(settings("LoadCredential") == loaded);
}

}  // namespace usersyncd
