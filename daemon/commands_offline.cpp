#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <iostream>

#include "config/config_file.hpp"
#include "config/desired_file.hpp"
#include "config/file.hpp"
#include "config/nearest.hpp"
#include "config/yaml.hpp"
#include "daemon/commands.hpp"
#include "policies/read.hpp"
#include "sync/plan_text.hpp"

namespace usersyncd {
namespace {

enum class FileKind { desired, config, policy, profile };

struct KnownKind {
  FileKind kind;
  std::string schema;
  std::vector<std::string_view> file_names;  ///< parts of the names that such files have
};

std::vector<KnownKind> known_kinds() {
  return {{FileKind::desired, desired_schema(), {"desired", "users"}},
          {FileKind::config, config_schema(), {"config", "usersyncd."}},
          {FileKind::policy, policy_schema(), {"polic", "rule"}},
          {FileKind::profile, profile_schema(), {"profile", "provider"}}};
}

std::string_view name_of(FileKind kind) {
  constexpr std::array<std::string_view, 4> names{"desired state", "config", "policy", "profile"};
  return names[static_cast<std::size_t>(kind)];
}

// How much speaks for a kind: each key that it has, or that is a slip of the pen away from one, then the name
// of the file.
int likeness(const KnownKind& kind, const YamlNode& root, const std::string& path) {
  constexpr int own_key = 4, near_key = 2, own_name = 1;
  std::vector<std::string> keys;
  const auto schema = boost::json::parse(kind.schema);
  for (const auto& member : schema.at("properties").as_object()) keys.emplace_back(member.key());
  int points = 0;
  for (const auto& entry : root.entries) {
    if (entry.key == "version") continue;
    if (std::find(keys.begin(), keys.end(), entry.key) != keys.end())
      points += own_key;
    else if (suggestion(entry.key, keys).starts_with("did you mean"))
      points += near_key;
  }
  const auto file = std::filesystem::path{path}.filename().string();
  const bool named = std::any_of(kind.file_names.begin(), kind.file_names.end(),
                                 [&](std::string_view part) { return file.find(part) != std::string::npos; });
  return points + (named ? own_name : 0);
}

// A file says by its keys what it is, so that `validate` works on whatever an editor has open, also where
// something in it cannot be read. What cannot be read at all is left to the reader of desired states, who
// says why.
FileKind kind_of_path(const std::string& path) {
  Problems ignored;
  const auto files = list_yaml_files(path, ignored);
  if (!files || files->empty()) return FileKind::desired;
  const auto file = read_file(files->front(), largest_yaml, ignored);
  const auto root = file ? glimpse_yaml(*file->text).root : YamlNode{};
  const auto kinds = known_kinds();
  return std::max_element(kinds.begin(), kinds.end(),
                          [&](const KnownKind& left, const KnownKind& right) {
                            return likeness(left, root, path) < likeness(right, root, path);
                          })
      ->kind;
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
  if (problems.count() == before) {
    std::cout << path << ": ok (" << name_of(kind) << ")\n";
    return Exit::done;
  }
  std::cerr << "note: " << terminal_safe(path) << " was checked as a " << name_of(kind) << '\n';
  return kind == FileKind::config || kind == FileKind::profile ? Exit::config : Exit::desired;
}

// The files that a faulty config names, as far as it can be made out. Which accounts there are is known only
// if nothing but a profile is wrong.
void check_the_rest(const std::string& config_path, Problems& problems) {
  Problems reported_before;
  auto config = load_config(config_path, reported_before);
  std::optional<std::vector<std::string>> accounts;
  if (config) {
    accounts.emplace();
    for (const auto& account : config->accounts) accounts->push_back(account.id);
  } else {
    config = glimpse_config(config_path);
  }
  if (!config->desired_path.empty()) load_desired(config->desired_path, accounts, problems);
  if (!config->policies_path.empty()) read_policies(config->policies_path, problems);
}

}  // namespace

Exit run_validate(const CommandLine& line) {
  if (line.names.empty()) {
    std::map<std::string, std::size_t> users_of;
    auto loaded = load_settings(line.config, {}, [&](Desired desired, const std::string&) {
      users_of[desired.account] = desired.users.size();
    });
    if (loaded.exit == Exit::config) check_the_rest(line.config, loaded.problems);
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
