#include <boost/json/parse.hpp>
#include <iostream>

#include "daemon/audit_text.hpp"
#include "daemon/commands.hpp"
#include "store/store.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

std::string text_line(const AuditRow& row) {
  const auto record = json::parse(row.line);
  std::string text = std::to_string(row.seq) + "  " + audit_member(record, "/time") + "  " + row.kind;
  for (const auto* pointer :
       {"/account", "/username", "/request/method", "/request/url", "/response/status"}) {
    if (const auto value = audit_member(record, pointer); !value.empty()) text += "  " + value;
  }
  if (const auto error = audit_member(record, "/error"); !error.empty()) text += "  error: " + error;
  for (const auto* pointer : {"/detail/event", "/detail/operation", "/detail/verdict", "/detail/state",
                              "/detail/message", "/detail/reason"}) {
    if (const auto value = audit_member(record, pointer); !value.empty()) text += "  " + value;
  }
  return terminal_safe(text);
}

constexpr const char* csv_columns =
    "seq,time,run,account,kind,actor,username,action,attempt,method,url,status,error,durationMs,detail,prev,"
    "hash\n";

std::string csv_line(const AuditRow& row) {
  const auto record = json::parse(row.line);
  std::string line;
  for (const auto* pointer : {"/seq", "/time", "/run", "/account", "/kind", "/actor", "/username", "/action",
                              "/attempt", "/request/method", "/request/url", "/response/status", "/error",
                              "/durationMs", "/detail", "/prev", "/hash"}) {
    line += (line.empty() ? "" : ",") + csv_cell(audit_member(record, pointer));
  }
  return line;
}

}  // namespace

Exit run_audit_list(const CommandLine& line) {
  auto exit = Exit::done;
  const auto store = open_audit_store(line, exit);
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
  if (line.accounts.empty()) store->audit().for_each(audit_filter(line, ""), print);
  for (const auto& account : line.accounts) store->audit().for_each(audit_filter(line, account), print);
  std::cout << std::flush;
  return exit;
}

Exit run_audit_show(const CommandLine& line) {
  auto exit = Exit::done;
  const auto store = open_audit_store(line, exit);
  if (!store) return exit;
  const auto record = store->audit().show(*line.seq);
  if (!record && *line.seq > 0 && *line.seq <= store->audit().put_away_until()) {
    print_error(Error{ErrorKind::usage,
                      "record " + std::to_string(*line.seq) + " was put away; it is in a file " +
                          store->path() + ".audit-FIRST-LAST.jsonl",
                      ""});
    return worse(exit, Exit::failed);
  }
  if (!record) {
    print_error(Error{ErrorKind::usage, "there is no audit record " + std::to_string(*line.seq), ""});
    return worse(exit, Exit::failed);
  }
  std::cout << pretty(json::parse(*record));
  return exit;
}

}  // namespace usersyncd
