#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <map>

#include "daemon/audit_text.hpp"
#include "daemon/commands.hpp"

// `audit export --actions`: each write in one line, put together from the records about it.

namespace usersyncd {
namespace {

namespace json = boost::json;

/// The decision that let an action go.
struct Decision {
  std::string wanted_at;  ///< when it was first in a plan
  std::string rules, verdict, reason;
};

struct Write {
  std::int64_t seq = 0;
  std::string account, action;
  bool chosen = false;  ///< the filter asks for it
  json::object row;
};

json::value text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return json::value(text);
}

json::value value_at(const json::value& record, const char* pointer) {
  boost::system::error_code missing;
  const auto* value = record.find_pointer(pointer, missing);
  return value ? *value : json::value(nullptr);
}

/// Reads records in order and prints each write when it is known how it ended.
class ActionExport {
 public:
  explicit ActionExport(const CommandLine& line) : line_(line) {}

  void look(const AuditRow& row) {
    const auto record = json::parse(row.line);
    if (row.kind == "decision" && !audit_member(record, "/detail/verdict").empty()) return decide(record);
    if (row.kind == "intent") return open(row, record);
    if (row.kind == "decision" && !audit_member(record, "/detail/intent").empty()) close(record);
  }

  /// What nobody knows the end of yet.
  void finish() {
    for (auto& [id, write] : open_) print(write);
    std::cout << std::flush;
  }

  static void print_header() {
    std::string text;
    for (const char* column : columns) text += (text.empty() ? "" : ",") + std::string(column);
    std::cout << text << '\n';
  }

 private:
  static constexpr std::array<const char*, 22> columns{
      "seq",     "account", "username", "operation",  "action",     "run",      "actor",  "desiredRevision",
      "place",   "rules",   "reason",   "approvedBy", "approvedAt", "wantedAt", "sentAt", "confirmedAt",
      "attempt", "state",   "message",  "before",     "after",      "hash"};
  using Key = std::pair<std::string, std::string>;

  static Key key_of_record(const json::value& record) {
    return {audit_member(record, "/account"), audit_member(record, "/action")};
  }

  void decide(const json::value& record) {
    Decision& decision = decisions_[key_of_record(record)];
    if (decision.wanted_at.empty()) decision.wanted_at = audit_member(record, "/time");
    decision.reason = audit_member(record, "/detail/reason");
    decision.rules.clear();
    const auto rules = value_at(record, "/detail/rules");
    if (!rules.is_array()) return;
    for (const auto& rule : rules.get_array()) {
      if (rule.is_string())
        decision.rules +=
            (decision.rules.empty() ? "" : " ") + std::string(std::string_view(rule.get_string()));
    }
  }

  void open(const AuditRow& row, const json::value& record) {
    Write write;
    write.seq = row.seq;
    const auto key = key_of_record(record);
    std::tie(write.account, write.action) = key;
    write.chosen = is_chosen(row, record);
    const Decision decision = decisions_[key];
    auto& cells = write.row;
    for (const char* name : columns) cells[name] = nullptr;
    for (const char* name : {"seq", "account", "username", "action", "run", "actor", "attempt", "hash"})
      cells[name] = value_at(record, ("/" + std::string(name)).c_str());
    for (const char* name :
         {"operation", "desiredRevision", "place", "reason", "approvedBy", "approvedAt", "before", "after"})
      cells[name] = value_at(record, ("/detail/" + std::string(name)).c_str());
    if (!decision.reason.empty() && cells["reason"].is_null()) cells["reason"] = decision.reason;
    cells["rules"] = text_or_null(decision.rules);
    cells["wantedAt"] = text_or_null(decision.wanted_at);
    cells["sentAt"] = value_at(record, "/time");
    cells["state"] = "open";
    open_.insert_or_assign(audit_member(record, "/detail/intent"), std::move(write));
  }

  void close(const json::value& record) {
    const auto found = open_.find(audit_member(record, "/detail/intent"));
    if (found == open_.end()) return;
    Write& write = found->second;
    const auto state = audit_member(record, "/detail/state");
    write.row["state"] = state;
    write.row["message"] = text_or_null(audit_member(record, "/detail/message"));
    if (state == "unknown") return;
    write.row["confirmedAt"] = value_at(record, "/time");
    if (state == "done") decisions_.erase({write.account, write.action});
    print(write);
    open_.erase(found);
  }

  bool is_chosen(const AuditRow& row, const json::value& record) const {
    if (line_.since && row.time < *line_.since) return false;
    if (line_.until && row.time >= *line_.until) return false;
    return line_.run.empty() || audit_member(record, "/run") == line_.run;
  }

  void print(const Write& write) const {
    if (!write.chosen) return;
    if (line_.format == Format::jsonl) {
      std::cout << json::serialize(write.row) << '\n';
      return;
    }
    std::string text;
    const json::value row = write.row;
    for (const char* column : columns) {
      text += (text.empty() ? "" : ",") + csv_cell(audit_member(row, ("/" + std::string(column)).c_str()));
    }
    std::cout << text << '\n';
  }

  const CommandLine& line_;
  std::map<Key, Decision> decisions_;
  std::map<std::string, Write> open_;  ///< by intent
};

}  // namespace

Exit run_audit_actions(const CommandLine& typed) {
  auto exit = Exit::done;
  auto line = typed;
  const auto store = open_audit_store(line, exit);
  if (!store) return exit;
  if (line.run == "last") {
    const auto runs = store->list_runs(std::nullopt, 1);
    if (!runs.empty()) line.run = runs.front().id;
  }
  if (line.format != Format::jsonl) ActionExport::print_header();
  // What was decided about a write may be older than the write, and in another run.
  auto whole = line;
  whole.since.reset();
  whole.until.reset();
  whole.run.clear();
  const auto export_of = [&](const std::string& account) {
    ActionExport actions(line);
    store->audit().for_each(audit_filter(whole, account),
                            [&actions](const AuditRow& row) { actions.look(row); });
    actions.finish();
  };
  if (line.accounts.empty()) export_of("");
  for (const auto& account : line.accounts) export_of(account);
  return exit;
}

}  // namespace usersyncd
