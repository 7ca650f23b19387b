#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <map>

#include "daemon/commands.hpp"
#include "store/store.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

// `explain`: one user in five steps, from files and store alone: found how, wanted what, what differs, which
// rules decided, what was sent and what came of it.

namespace usersyncd {
namespace {

namespace json = boost::json;

const DesiredUser* entry_of(const Desired& desired, const std::string& key) {
  for (const auto& entry : desired.users) {
    if (key_of(entry.username) == key) return &entry;
    for (const auto& earlier : entry.previously) {
      if (key_of(earlier) == key) return &entry;
    }
  }
  return nullptr;
}

// As the last poll saw them: under the name that was asked for, or under one that their entry speaks for.
std::optional<KnownUser> known_as(Store& store, const std::string& account, const std::string& username,
                                  const DesiredUser* entry) {
  std::vector<std::string> names{username};
  if (entry) names.push_back(entry->username);
  if (entry) names.insert(names.end(), entry->previously.begin(), entry->previously.end());
  for (const auto& name : names) {
    if (auto known = store.known_user(account, name)) return known;
  }
  return std::nullopt;
}

std::string how_matched(const std::optional<KnownUser>& known, const DesiredUser* entry) {
  if (!known) return entry ? "by nobody: no user of this name was seen at the provider" : "not at all";
  const auto id = known->user.user_id.empty() ? "" : ", user id " + known->user.user_id;
  if (!entry) return "by no entry: unmanaged, called " + known->user.username + id;
  if (key_of(entry->username) == key_of(known->user.username))
    return "by username " + known->user.username + id;
  return "by its earlier username " + known->user.username + id;
}

json::value found_json(const std::optional<KnownUser>& known) {
  if (!known) return nullptr;
  json::object object;
  object["username"] = known->user.username;
  object["userId"] = known->user.user_id.empty() ? json::value(nullptr) : json::value(known->user.user_id);
  object["fields"] = to_json(known->user.fields);
  object["itemReadAt"] =
      known->item_read_at ? json::value(format_time(*known->item_read_at)) : json::value(nullptr);
  object["missedLists"] = known->missed_lists;
  object["disabledSince"] =
      known->disabled_since ? json::value(format_time(*known->disabled_since)) : json::value(nullptr);
  return object;
}

json::value wanted_json(const DesiredUser* entry, const Catalog& catalog, Time now) {
  if (!entry) return nullptr;
  json::object object;
  object["place"] = entry->place.text();
  object["username"] = entry->username;
  object["state"] = entry->absent ? "absent" : "present";
  if (!entry->frozen.empty()) object["frozen"] = entry->frozen;
  object["fields"] = to_json(effective_fields(*entry, catalog, now));
  if (entry->valid_from) object["validFrom"] = format_time(*entry->valid_from);
  if (entry->valid_until) object["validUntil"] = format_time(*entry->valid_until);
  return object;
}

json::array drift_json(Store& store, const std::string& account, const std::string& key) {
  json::array drifts;
  for (const auto& known : store.load_drift(account)) {
    if (key_of(known.drift.username) != key) continue;
    json::object object;
    object["field"] = known.drift.kind;
    object["desired"] = known.drift.desired;
    object["actual"] = known.drift.actual;
    object["since"] = format_time(known.since);
    drifts.push_back(std::move(object));
  }
  return drifts;
}

// The user's part of the last plan, as it was saved: of its `actions` or its `notes`.
json::array planned_json(Store& store, const std::string& account, const std::string& key, const char* part) {
  json::array mine;
  const auto text = store.load_plan(account);
  if (!text) return mine;
  boost::system::error_code bad;
  const auto document = json::parse(*text, bad);
  const auto* all = bad ? nullptr : document.find_pointer(std::string{"/accounts/0/"} + part, bad);
  if (!all || !all->is_array()) return mine;
  for (const auto& one : all->get_array()) {
    const auto* name = one.is_object() ? one.get_object().if_contains("username") : nullptr;
    if (name && name->is_string() && key_of(std::string{name->get_string()}) == key) mine.push_back(one);
  }
  return mine;
}

json::array writes_json(Store& store, const std::string& account, const std::string& username) {
  IntentFilter filter;
  filter.account = account;
  filter.username = username;
  json::array writes;
  for (const auto& intent : store.list_intents(filter)) {
    json::object object;
    object["operation"] = name_of(intent.write.operation);
    object["run"] = intent.write.run;
    object["attempt"] = intent.write.attempt;
    object["actor"] = intent.write.actor;
    object["sentAt"] = format_time(intent.opened_at);
    object["outcome"] = name_of(intent.state);
    object["closedAt"] =
        intent.closed_at ? json::value(format_time(*intent.closed_at)) : json::value(nullptr);
    object["message"] = intent.message;
    boost::system::error_code bad;
    auto changes = json::parse(intent.write.body, bad);
    object["changes"] = bad ? json::value(nullptr) : std::move(changes);
    writes.push_back(std::move(object));
  }
  return writes;
}

std::string text_of(const json::value& value) {
  return terminal_safe(value.is_string() ? std::string{value.get_string()} : json::serialize(value));
}

std::string rules_text(const json::value& rules) {
  std::string text;
  for (const auto& rule : rules.get_array()) text += (text.empty() ? "" : ", ") + text_of(rule);
  return text.empty() ? "" : " by " + text;
}

std::string wanted_text(const json::value& wanted) {
  const auto* frozen = wanted.get_object().if_contains("frozen");
  const auto place = "  (" + text_of(wanted.at("place")) + ")";
  if (frozen) return "nothing until the entry is mended: " + text_of(*frozen) + place;
  return text_of(wanted.at("state")) + " " + text_of(wanted.at("fields")) + place;
}

std::string explain_text(const json::object& account) {
  std::string text = "account " + text_of(account.at("account")) + "\n";
  text += "  1. matched: " + text_of(account.at("matched")) + "\n";
  const auto& wanted = account.at("wanted");
  text +=
      "  2. wanted:  " + (wanted.is_null() ? "nothing: no entry in the desired state" : wanted_text(wanted)) +
      "\n";
  const auto& found = account.at("found");
  text +=
      "  3. found:   " +
      (found.is_null() ? "not at the provider, as far as the last poll knows" : text_of(found.at("fields"))) +
      "\n";
  for (const auto& drift : account.at("drift").get_array()) {
    text += "       differs in " + text_of(drift.at("field")) + ": wanted " + text_of(drift.at("desired")) +
            ", found " + text_of(drift.at("actual")) + ", since " + text_of(drift.at("since")) + "\n";
  }
  const auto& actions = account.at("actions").get_array();
  text += "  4. decided:" + std::string{actions.empty() ? " nothing to do\n" : "\n"};
  for (const auto& action : actions) {
    text += "       " + text_of(action.at("operation")) + ": " + text_of(action.at("verdict")) +
            rules_text(action.at("rules")) + ": " + text_of(action.at("reason")) + "\n";
  }
  for (const auto& note : account.at("notes").get_array())
    text += "       note by " + text_of(note.at("rule")) + ": " + text_of(note.at("message")) + "\n";
  const auto& writes = account.at("writes").get_array();
  text += "  5. sent:   " + std::string{writes.empty() ? " nothing\n" : "\n"};
  for (const auto& write : writes) {
    text += "       " + text_of(write.at("sentAt")) + " " + text_of(write.at("operation")) + " by " +
            text_of(write.at("actor")) + ", run " + text_of(write.at("run")) + ": " +
            text_of(write.at("outcome")) +
            (write.at("message").get_string().empty() ? "" : " (" + text_of(write.at("message")) + ")") +
            "\n";
  }
  return text;
}

// While the files are not valid, what was accepted last is in force, and the store has it.
Loaded<Settings> load_known(const CommandLine& line, Loaded<Settings> faulty) {
  if (faulty.exit == Exit::desired) print_problems(faulty.problems);
  auto known = load_for_store(line);
  known.exit = worse(known.exit, faulty.exit);
  if (known.value)
    std::cerr << "note: the files are not valid; what is wanted is told by the last good desired state\n";
  return known;
}

Desired last_good(Store& store, const std::string& account) {
  for (const auto keeper : {Store::DesiredOf::daemon, Store::DesiredOf::command}) {
    const auto sources = remembered_sources(store, keeper);
    const auto source = sources.find(account);
    if (source == sources.end()) continue;
    if (auto desired = store.load_desired(account, source->second.files, keeper)) return std::move(*desired);
  }
  std::cerr << "warning: account " << account << " has no good desired state in the store\n";
  Desired nothing;
  nothing.account = account;
  return nothing;
}

}  // namespace

Exit run_explain(const CommandLine& line) {
  // What is wanted comes from the files as they are now.
  const auto& username = line.names.front();
  const auto key = key_of(username);
  std::map<std::string, DesiredUser> entries;  // by account
  const auto find_entry = [&](Desired desired, const std::string&) {
    entries.erase(desired.account);
    if (const auto* entry = entry_of(desired, key)) entries.emplace(desired.account, *entry);
  };
  auto loaded = load_settings(line.config, {}, find_entry);
  const bool files_are_good = loaded.value.has_value();
  if (files_are_good) {
    print_problems(loaded.problems);
  } else {
    entries.clear();
    loaded = load_known(line, std::move(loaded));
    if (!loaded.value) return loaded.exit;
  }
  const auto selection = select_accounts(line, *loaded.value);
  if (selection.exit != Exit::done) return worse(loaded.exit, selection.exit);
  Store store{loaded.value->config.store_path, Access::read_only};

  const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  json::array accounts;
  for (const auto& account : selection.accounts) {
    const auto& id = account.config.id;
    if (!files_are_good) find_entry(last_good(store, id), {});
    const auto wanted = entries.find(id);
    const auto* entry = wanted == entries.end() ? nullptr : &wanted->second;
    const auto known = known_as(store, id, username, entry);
    json::object object;
    object["account"] = id;
    object["matched"] = how_matched(known, entry);
    object["found"] = found_json(known);
    object["wanted"] = wanted_json(entry, store.load_catalog(id).value_or(Catalog{}), now);
    object["drift"] = drift_json(store, id, key);
    object["actions"] = planned_json(store, id, key, "actions");
    object["notes"] = planned_json(store, id, key, "notes");
    object["writes"] = writes_json(store, id, username);
    const bool speaks = known || entry || !object["writes"].get_array().empty();
    if (speaks) accounts.push_back(std::move(object));
  }
  if (accounts.empty()) {
    print_error(Error{ErrorKind::not_found,
                      "nobody called \"" + username + "\" is known or wanted in any account", ""});
    return worse(loaded.exit, Exit::failed);
  }
  if (line.format == Format::json) {
    json::object document;
    document["version"] = 1;
    document["username"] = username;
    document["accounts"] = std::move(accounts);
    std::cout << pretty(document);
    return loaded.exit;
  }
  std::cout << terminal_safe(username) << "\n";
  for (const auto& account : accounts) std::cout << explain_text(account.get_object());
  return loaded.exit;
}

}  // namespace usersyncd
