#include "daemon/audit_text.hpp"

#include <boost/json/serialize.hpp>

#include "daemon/commands.hpp"

namespace usersyncd {

namespace json = boost::json;

std::unique_ptr<Store> open_audit_store(const CommandLine& line, Exit& exit) {
  const auto loaded = load_for_store(line);
  exit = loaded.exit;
  if (!loaded.value) return nullptr;
  return std::make_unique<Store>(loaded.value->config.store_path, Access::read_only);
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
