#include "daemon/plan_file.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/commands.hpp"
#include "sync/plan_json.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

std::string reason(int error) {
  return error == 0 ? "unknown error" : std::generic_category().message(error);
}

// Not only regular files: a plan may come through a pipe.
Result<std::string> read_whole(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown))
    return Error{ErrorKind::usage, "this is a directory, not a plan", path};
  errno = 0;
  std::ifstream file{path, std::ios::binary};
  if (!file) return Error{ErrorKind::usage, "cannot open the plan: " + reason(errno), path};
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return Error{ErrorKind::usage, "cannot read the plan: " + reason(errno), path};
  return text.str();
}

std::string text_at(const json::object& object, std::string_view key) {
  const auto* member = object.if_contains(key);
  return member && member->is_string() ? std::string{member->get_string()} : std::string{};
}

const json::array& array_at(const json::object& object, std::string_view key) {
  static const json::array nothing;
  const auto* member = object.if_contains(key);
  return member && member->is_array() ? member->get_array() : nothing;
}

PlanFile::Account account_of(const json::object& object) {
  PlanFile::Account account;
  account.id = text_at(object, "account");
  const auto* complete = object.if_contains("complete");
  account.planned = complete && complete->is_bool() && complete->get_bool();
  for (const auto& why : array_at(object, "reasons")) {
    if (why.is_string()) account.reasons.emplace_back(why.get_string());
  }
  return account;
}

PlanFile plan_of(const json::object& object) {
  PlanFile plan;
  plan.id = text_at(object, "id");
  for (const auto& account : array_at(object, "accounts")) {
    if (!account.is_object()) continue;
    auto read = account_of(account.get_object());
    if (!read.id.empty()) plan.accounts.push_back(std::move(read));
  }
  return plan;
}

}  // namespace

const PlanFile::Account* PlanFile::find(const std::string& account) const {
  const auto found = std::find_if(accounts.begin(), accounts.end(),
                                  [&](const Account& candidate) { return candidate.id == account; });
  return found == accounts.end() ? nullptr : &*found;
}

std::optional<PlanFile> read_plan_file(const std::string& path) {
  const auto text = read_whole(path);
  if (!text) {
    print_error(text.error());
    return std::nullopt;
  }
  boost::system::error_code bad;
  const auto document = json::parse(*text, bad);
  const bool readable = !bad && document.is_object();
  auto plan = readable ? plan_of(document.get_object()) : PlanFile{};
  if (plan.id.empty() || plan.accounts.empty()) {
    print_error(
        Error{ErrorKind::usage, "not a plan that `usersyncd plan --out` or `--format json` wrote", path});
    return std::nullopt;
  }
  // So that nobody reviews one plan and applies another.
  if (id_of_plan(document.get_object()) != plan.id) {
    print_error(
        Error{ErrorKind::usage,
              "this plan was edited after it was made, its id belongs to another; nothing was sent. Make "
              "a new plan, and leave it as it is",
              path});
    return std::nullopt;
  }
  return plan;
}

}  // namespace usersyncd
