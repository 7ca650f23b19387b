#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <map>

#include "daemon/commands.hpp"
#include "daemon/story.hpp"
#include "policies/ways.hpp"
#include "store/store.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

// `explain`: one user in five steps, from files and store alone: found how, wanted what, what differs, which
// rules decided, what was sent and what came of it.

namespace usersyncd {
namespace {

namespace json = boost::json;

std::string how_matched(const KnownUser& known, const DesiredUser* entry) {
  const auto id = known.user.user_id.empty() ? "" : ", user id " + known.user.user_id;
  if (!entry) return "by no entry: unmanaged, called " + known.user.username + id;
  if (key_of(entry->username) == key_of(known.user.username))
    return "by username " + known.user.username + id;
  return "by its earlier username " + known.user.username + id;
}

std::string how_matched(const Story& story, const std::string& unknown) {
  std::string text;
  for (const auto& known : story.people)
    text += (text.empty() ? "" : "; ") + how_matched(known, story.entry());
  if (text.empty() && !unknown.empty()) text = "not known: the account " + unknown;
  if (text.empty())
    text = story.entry() ? "by nobody: no user of this name was seen at the provider" : "not at all";
  for (std::size_t i = 1; i < story.entries.size(); ++i)
    text += "; the entry at " + story.entries[i].place.text() + " speaks for this name, too";
  return text;
}

json::value found_json(const Story& story) {
  if (story.people.empty()) return nullptr;
  const auto* known = &story.people.front();
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

bool is_about(const Story& story, const std::string& username) {
  return std::binary_search(story.names.begin(), story.names.end(), key_of(username));
}

json::array drift_json(Store& store, const std::string& account, const Story& story) {
  json::array drifts;
  for (const auto& known : store.load_drift(account)) {
    if (!is_about(story, known.drift.username)) continue;
    json::object object;
    object["username"] = known.drift.username;
    object["field"] = known.drift.kind;
    object["desired"] = known.drift.desired;
    object["actual"] = known.drift.actual;
    object["since"] = format_time(known.since);
    drifts.push_back(std::move(object));
  }
  return drifts;
}

json::array ignored_json(const std::vector<Ignored>& ignored) {
  json::array all;
  for (const auto& difference : ignored) {
    json::object object;
    object["field"] = difference.kind;
    object["desired"] = difference.wanted;
    object["actual"] = difference.found;
    object["rules"] = json::array(difference.rules.begin(), difference.rules.end());
    all.push_back(std::move(object));
  }
  return all;
}

// The story's part of the last plan, as it was saved: of its `actions` or its `notes`.
json::array planned_json(Store& store, const std::string& account, const Story& story, const char* part) {
  json::array mine;
  const auto text = store.load_plan(account);
  if (!text) return mine;
  boost::system::error_code bad;
  const auto document = json::parse(*text, bad);
  const auto* all = bad ? nullptr : document.find_pointer(std::string{"/accounts/0/"} + part, bad);
  if (!all || !all->is_array()) return mine;
  for (const auto& one : all->get_array()) {
    const auto* name = one.is_object() ? one.get_object().if_contains("username") : nullptr;
    if (name && name->is_string() && is_about(story, std::string{name->get_string()})) mine.push_back(one);
  }
  return mine;
}

// Of all names, in the order in which they were sent.
std::vector<Intent> writes_of(Store& store, const std::string& account, const Story& story) {
  std::vector<Intent> writes;
  for (const auto& name : story.names) {
    IntentFilter filter;
    filter.account = account;
    filter.username = name;
    for (auto& intent : store.list_intents(filter)) writes.push_back(std::move(intent));
  }
  std::sort(writes.begin(), writes.end(), [](const Intent& a, const Intent& b) { return a.id < b.id; });
  return writes;
}

json::array writes_json(const std::vector<Intent>& intents) {
  json::array writes;
  for (const auto& intent : intents) {
    json::object object;
    object["username"] = intent.write.username;
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

// Whose line it is, where the story has several names.
std::string whose(const json::value& line, const std::string& key) {
  const auto name = std::string{line.at("username").get_string()};
  return key_of(name) == key ? "" : terminal_safe(name) + ": ";
}

std::string found_text(const json::object& account, const std::string& key) {
  const auto& found = account.at("found");
  std::string text = "  3. found:   ";
  if (!found.is_null())
    text += text_of(found.at("fields")) + "\n";
  else if (account.at("unknown").is_string())
    text += "not known\n";
  else
    text += "not at the provider, as far as the last poll knows\n";
  for (const auto& drift : account.at("drift").get_array()) {
    text += "       " + whose(drift, key) + "differs in " + text_of(drift.at("field")) + ": wanted " +
            text_of(drift.at("desired")) + ", found " + text_of(drift.at("actual")) + ", since " +
            text_of(drift.at("since")) + "\n";
  }
  for (const auto& ignored : account.at("ignored").get_array()) {
    text += "       differs in " + text_of(ignored.at("field")) + ": wanted " +
            text_of(ignored.at("desired")) + ", found " + text_of(ignored.at("actual")) + "\n";
  }
  return text;
}

std::string decided_text(const json::object& account, const std::string& key) {
  std::string text;
  for (const auto& action : account.at("actions").get_array()) {
    text += "       " + whose(action, key) + text_of(action.at("operation")) + ": " +
            text_of(action.at("verdict")) + rules_text(action.at("rules")) + ": " +
            text_of(action.at("reason")) + "\n";
  }
  for (const auto& ignored : account.at("ignored").get_array()) {
    text += "       " + text_of(ignored.at("field")) + ": ignored" + rules_text(ignored.at("rules")) +
            ": neither changed nor reported\n";
  }
  const std::string nothing = account.at("unknown").is_string() ? " nothing yet" : " nothing to do";
  text = "  4. decided:" + (text.empty() ? nothing : "") + "\n" + text;
  for (const auto& note : account.at("notes").get_array()) {
    text += "       " + whose(note, key) + "note by " + text_of(note.at("rule")) + ": " +
            text_of(note.at("message")) + "\n";
  }
  return text;
}

std::string sent_text(const json::object& account, const std::string& key) {
  const auto& writes = account.at("writes").get_array();
  std::string text = "  5. sent:   " + std::string{writes.empty() ? " nothing\n" : "\n"};
  for (const auto& write : writes) {
    text += "       " + text_of(write.at("sentAt")) + " " + whose(write, key) +
            text_of(write.at("operation")) + " by " + text_of(write.at("actor")) + ", run " +
            text_of(write.at("run")) + ": " + text_of(write.at("outcome")) +
            (write.at("message").get_string().empty() ? "" : " (" + text_of(write.at("message")) + ")") +
            "\n";
  }
  return text;
}

std::string explain_text(const json::object& account, const std::string& key) {
  const auto& wanted = account.at("wanted");
  return "account " + text_of(account.at("account")) + "\n" +        //
         "  1. matched: " + text_of(account.at("matched")) + "\n" +  //
         "  2. wanted:  " +
         (wanted.is_null() ? "nothing: no entry in the desired state" : wanted_text(wanted)) + "\n" +
         found_text(account, key) + decided_text(account, key) + sent_text(account, key);
}

// While the files are not valid, what was accepted last is in force, and the store has it.
Loaded<Settings> load_known(const CommandLine& line, Loaded<Settings> faulty) {
  if (faulty.exit == Exit::desired) print_problems(faulty.problems);
  auto known = load_for_store(line);
  known.exit = worse(known.exit, faulty.exit);
  if (known.value)
    std::cerr << "note: the files are not valid; what is wanted is told by the last good desired state, "
                 "and what policies ignore is not told\n";
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

json::object explain_account(Store& store, const AccountSettings& account, const Story& story,
                             const std::string& unknown, const RuleSet& rules) {
  const auto& id = account.config.id;
  const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  const auto catalog = store.load_catalog(id).value_or(Catalog{});
  const PolicyWays ways{rules, id, catalog};
  const auto lacking = account.profile ? account.profile->capabilities.lacking : std::vector<Field>{};
  json::object object;
  object["account"] = id;
  object["unknown"] = unknown.empty() ? json::value(nullptr) : json::value(unknown);
  object["matched"] = how_matched(story, unknown);
  object["found"] = found_json(story);
  object["wanted"] = wanted_json(story.entry(), catalog, now);
  object["drift"] = drift_json(store, id, story);
  object["ignored"] = ignored_json(ignored_differences(story, id, catalog, lacking, ways, now));
  object["actions"] = planned_json(store, id, story, "actions");
  object["notes"] = planned_json(store, id, story, "notes");
  object["writes"] = writes_json(writes_of(store, id, story));
  return object;
}

}  // namespace

Exit run_explain(const CommandLine& line) {
  // What is wanted comes from the files as they are now.
  const auto& username = line.names.front();
  const auto key = key_of(username);
  std::map<std::string, Claims> claims;  // by account
  const auto find_claims = [&](const Desired& desired, const std::string&) {
    claims.insert_or_assign(desired.account, claims_on(desired, key));
  };
  auto loaded = load_settings(line.config, {}, find_claims);
  const bool files_are_good = loaded.value.has_value();
  if (files_are_good) {
    print_problems(loaded.problems);
  } else {
    claims.clear();
    loaded = load_known(line, std::move(loaded));
    if (!loaded.value) return loaded.exit;
  }
  const auto selection = select_accounts(line, *loaded.value);
  if (selection.exit != Exit::done) return worse(loaded.exit, selection.exit);
  Store store{loaded.value->config.store_path, Access::read_only};

  json::array accounts;
  for (const auto& account : selection.accounts) {
    const auto& id = account.config.id;
    if (!files_are_good) find_claims(last_good(store, id), {});
    const auto story = find_story(store, id, key, std::move(claims[id]));
    const auto unknown = why_unknown(store.load_state(id));
    auto object = explain_account(store, account, story, unknown, loaded.value->wanted.rules);
    const bool speaks = !story.people.empty() || story.entry() || !object["writes"].get_array().empty();
    if (speaks)
      accounts.push_back(std::move(object));
    else if (!unknown.empty())
      std::cerr << "note: account " << id << " " << terminal_safe(unknown) << "\n";
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
  for (const auto& account : accounts) std::cout << explain_text(account.get_object(), key);
  return loaded.exit;
}

}  // namespace usersyncd
