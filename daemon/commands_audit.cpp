#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "daemon/commands.hpp"
#include "store/store.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

std::unique_ptr<Store> open_store(const CommandLine& line, Exit& exit) {
  const auto loaded = load_accounts(line.config);
  if (loaded.value) return std::make_unique<Store>(loaded.value->config.store_path, Access::read_only);
  print_problems(loaded.problems);
  exit = loaded.exit;
  return nullptr;
}

std::string member(const json::value& record, const char* pointer) {
  boost::system::error_code missing;
  const auto* value = record.find_pointer(pointer, missing);
  if (!value || value->is_null()) return "";
  return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

std::string text_line(const AuditRow& row) {
  const auto record = json::parse(row.line);
  std::string text = std::to_string(row.seq) + "  " + member(record, "/time") + "  " + row.kind;
  for (const auto* pointer :
       {"/account", "/username", "/request/method", "/request/url", "/response/status"}) {
    if (const auto value = member(record, pointer); !value.empty()) text += "  " + value;
  }
  if (const auto error = member(record, "/error"); !error.empty()) text += "  error: " + error;
  for (const auto* pointer : {"/detail/event", "/detail/operation", "/detail/verdict", "/detail/state",
                              "/detail/message", "/detail/reason"}) {
    if (const auto value = member(record, pointer); !value.empty()) text += "  " + value;
  }
  return terminal_safe(text);
}

constexpr const char* csv_columns =
    "seq,time,run,account,kind,actor,username,action,attempt,method,url,status,error,durationMs,detail,prev,"
    "hash\n";

// A value that a spreadsheet would run as a formula is made text.
std::string csv_cell(std::string value) {
  if (!value.empty() && std::string_view{"=+-@\t\r"}.find(value.front()) != std::string_view::npos)
    value.insert(0, "'");
  if (value.find_first_of(",\"\n\r") == std::string::npos) return value;
  std::string quoted = "\"";
  for (const char c : value) quoted += c == '"' ? "\"\"" : std::string{c};
  return quoted + "\"";
}

std::string csv_line(const AuditRow& row) {
  const auto record = json::parse(row.line);
  std::string line;
  for (const auto* pointer : {"/seq", "/time", "/run", "/account", "/kind", "/actor", "/username", "/action",
                              "/attempt", "/request/method", "/request/url", "/response/status", "/error",
                              "/durationMs", "/detail", "/prev", "/hash"}) {
    line += (line.empty() ? "" : ",") + csv_cell(member(record, pointer));
  }
  return line;
}

AuditFilter filter_of(const CommandLine& line, const std::string& account) {
  AuditFilter filter;
  filter.since = line.since;
  filter.until = line.until;
  if (!account.empty()) filter.account = account;
  if (!line.username.empty()) filter.username = line.username;
  if (!line.run.empty()) filter.run = line.run;
  return filter;
}

}  // namespace

Exit run_audit_list(const CommandLine& line) {
  auto exit = Exit::done;
  const auto store = open_store(line, exit);
  if (!store) return exit;
  const auto print = [&](const AuditRow& row) {
    if (line.format == Format::csv)
      std::cout << csv_line(row) << '\n';
    else if (line.format == Format::jsonl)
      std::cout << row.line << '\n';
    else
      std::cout << text_line(row) << '\n';
  };
  if (line.format == Format::csv) std::cout << csv_columns;
  if (line.accounts.empty()) store->audit().for_each(filter_of(line, ""), print);
  for (const auto& account : line.accounts) store->audit().for_each(filter_of(line, account), print);
  std::cout << std::flush;
  return Exit::done;
}

Exit run_audit_show(const CommandLine& line) {
  auto exit = Exit::done;
  const auto store = open_store(line, exit);
  if (!store) return exit;
  const auto record = store->audit().show(*line.seq);
  if (!record) {
    print_error(Error{ErrorKind::usage, "there is no audit record " + std::to_string(*line.seq), ""});
    return Exit::failed;
  }
  std::cout << pretty(json::parse(*record));
  return Exit::done;
}

Exit run_audit_verify(const CommandLine& line) {
  auto exit = Exit::done;
  const auto store = open_store(line, exit);
  if (!store) return exit;
  const auto verified = store->audit().verify();
  if (verified.broken) {
    std::cout << "broken at seq " << verified.broken->seq << ": " << terminal_safe(verified.broken->reason)
              << '\n';
    return Exit::failed;
  }
  std::cout << "ok: " << verified.checked << " records, the chain is whole\n";
  return Exit::done;
}

}  // namespace usersyncd
