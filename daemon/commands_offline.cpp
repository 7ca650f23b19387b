#include <iostream>

#include "config/config_file.hpp"
#include "config/desired_file.hpp"
#include "config/file.hpp"
#include "config/yaml.hpp"
#include "daemon/commands.hpp"
#include "policies/read.hpp"

namespace usersyncd {
namespace {

enum class FileKind { config, desired, policy, profile };

// A file says by its keys what it is, so that `validate` works on whatever an editor has open.
FileKind kind_of(const YamlNode& root) {
  if (root.find("rules")) return FileKind::policy;
  if (root.find("endpoints") || root.find("authentication")) return FileKind::profile;
  if (root.find("accounts")) return FileKind::config;
  return FileKind::desired;
}

// What cannot be read at all is left to the reader of desired states, who says why.
FileKind kind_of_path(const std::string& path) {
  Problems ignored;
  const auto files = list_yaml_files(path, ignored);
  if (!files || files->empty()) return FileKind::desired;
  const auto document = load_yaml(files->front(), ignored);
  return document ? kind_of(document->root) : FileKind::desired;
}

Exit validate_path(const std::string& path, Problems& problems) {
  const auto kind = kind_of_path(path);
  const auto before = problems.count();
  switch (kind) {
    case FileKind::config:
      load_config(path, problems);
      break;
    case FileKind::profile:
      load_profile(path.find('/') == std::string::npos ? "./" + path : path, problems);
      break;
    case FileKind::policy:
      read_policies(path, problems);
      break;
    case FileKind::desired:
      load_desired(path, std::nullopt, problems);
      break;
  }
  if (problems.count() == before) return Exit::done;
  return kind == FileKind::config || kind == FileKind::profile ? Exit::config : Exit::desired;
}

}  // namespace

Exit run_validate(const CommandLine& line) {
  if (line.names.empty()) {
    std::map<std::string, std::size_t> users_of;
    const auto loaded = load_settings(line.config, {}, [&](Desired desired, const std::string&) {
      users_of[desired.account] = desired.users.size();
    });
    print_problems(loaded.problems);
    if (!loaded.problems.empty()) return loaded.exit;
    std::size_t users = 0;
    for (const auto& [account, number] : users_of) users += number;
    std::cout << line.config << ": ok, " << loaded.value->accounts.size() << " accounts, " << users
              << " users, " << loaded.value->wanted.rules.rules().size() << " rules in force\n";
    return Exit::done;
  }
  Problems problems;
  auto exit = Exit::done;
  for (const auto& path : line.names) {
    const auto one = validate_path(path, problems);
    if (one == Exit::done) std::cout << path << ": ok\n";
    exit = worse(exit, one);
  }
  print_problems(problems);
  return exit;
}

Exit run_schema(const CommandLine& line) {
  const auto& kind = line.names.front();
  if (kind == "config") std::cout << config_schema();
  if (kind == "desired") std::cout << desired_schema();
  if (kind == "policy") std::cout << policy_schema();
  if (kind == "profile") std::cout << profile_schema();
  std::cout << std::flush;
  return Exit::done;
}

}  // namespace usersyncd
