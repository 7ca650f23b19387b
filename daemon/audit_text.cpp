#include "daemon/audit_text.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "daemon/commands.hpp"

namespace usersyncd {

namespace json = boost::json;

namespace {

bool is_in_config(const Settings& settings, const std::string& id) {
  return std::any_of(settings.accounts.begin(), settings.accounts.end(),
                     [&](const AccountSettings& account) { return account.config.id == id; });
}

// Of accounts that have left the config, too.
bool has_records(Store& store, const std::string& id) {
  bool any = false;
  AuditFilter filter;
  filter.account = id;
  store.audit().for_each(filter, [&](const AuditRow&) { any = true; });
  return any;
}

}  // namespace

std::unique_ptr<Store> open_audit_store(const CommandLine& line, Exit& exit) {
  const auto loaded = load_for_store(line);
  exit = loaded.exit;
  if (!loaded.value) return nullptr;
  auto store = std::make_unique<Store>(loaded.value->config.store_path, Access::read_only);
  for (const auto& id : line.accounts) {
    if (is_in_config(*loaded.value, id) || has_records(*store, id)) continue;
    print_error(Error{ErrorKind::usage, "no account \"" + id + "\" in the config, nor in the audit log",
                      "--account"});
    exit = Exit::usage;
    return nullptr;
  }
  return store;
}

std::string audit_member(const json::value& record, const char* pointer) {
  boost::system::error_code missing;
  const auto* value = record.find_pointer(pointer, missing);
  if (!value || value->is_null()) return "";
  return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

AuditFilter audit_filter(const CommandLine& line, const std::string& account) {
  AuditFilter filter;
  filter.since = line.since;
  filter.until = line.until;
  if (!account.empty()) filter.account = account;
  if (!line.username.empty()) filter.username = line.username;
  if (!line.run.empty()) filter.run = line.run;
  return filter;
}

std::string csv_cell(std::string value) {
  if (!value.empty() && std::string_view{"=+-@\t\r"}.find(value.front()) != std::string_view::npos)
    value.insert(0, "'");
  if (value.find_first_of(",\"\n\r") == std::string::npos) return value;
  std::string quoted = "\"";
  for (const char c : value) quoted += c == '"' ? "\"\"" : std::string{c};
  return quoted + "\"";
}

}  // namespace usersyncd
