#include "sync/plan_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace usersyncd {
namespace json = boost::json;

namespace {

json::value optional_json(const std::optional<Value>& value) {
  if (!value) return nullptr;
  return to_json(*value);
}

json::array strings(const std::vector<std::string>& items) {
  json::array array;
  for (const auto& item : items) array.emplace_back(item);
  return array;
}

json::object action_document(const JudgedAction& judged) {
  json::object action;
  action.reserve(8);
  action["id"] = judged.action.id;
  action["operation"] = name_of(judged.action.operation);
  action["username"] = judged.action.username;
  action["userId"] =
      judged.action.user_id.empty() ? json::value(nullptr) : json::value(judged.action.user_id);
  action["changes"] = to_json(judged.action.changes);
  action["verdict"] = name_of(judged.verdict);
  action["rules"] = strings(judged.rules);
  action["reason"] = judged.reason;
  return action;
}

json::object account_document(const JudgedPlan& judged) {
  const auto& plan = judged.plan();
  json::object account;
  account.reserve(7);
  account["account"] = plan.account;
  account["observedAt"] = format_time(plan.observed_at);
  account["complete"] = plan.complete;
  if (!plan.reasons.empty()) account["reasons"] = strings(plan.reasons);
  json::array actions;
  for (const auto& action : judged.actions()) actions.push_back(action_document(action));
  account["actions"] = std::move(actions);
  if (plan.unaccepted)
    account["unaccepted"] = json::object{
        {"id", plan.unaccepted->id}, {"rule", plan.unaccepted->rule}, {"message", plan.unaccepted->message}};
  json::array notes;
  for (const auto& note : plan.notes) {
    json::object one{{"rule", note.rule}, {"username", note.username}, {"message", note.message}};
    if (!note.place.empty()) one["place"] = note.place;
    notes.push_back(std::move(one));
  }
  if (!notes.empty()) account["notes"] = std::move(notes);
  return account;
}

json::object summary_document(const PlanSummary& summary) {
  json::object document;
  document.reserve(7);
  document["create"] = summary.create;
  document["update"] = summary.update;
  document["enable"] = summary.enable;
  document["disable"] = summary.disable;
  document["delete"] = summary.remove;
  document["held"] = summary.held;
  document["inSync"] = summary.in_sync;
  return document;
}

// One revision for the whole document, whatever order the accounts were planned in.
std::string revision_of(const std::vector<const JudgedPlan*>& plans) {
  if (plans.size() == 1) return plans.front()->plan().desired_revision;
  std::vector<std::string> revisions;
  for (const auto* plan : plans)
    revisions.push_back(plan->plan().account + "=" + plan->plan().desired_revision);
  return sha256_hex(json::serialize(strings(make_set(std::move(revisions)))));
}

json::array* array_of(json::object& object, std::string_view key) {
  auto* member = object.if_contains(key);
  return member && member->is_array() ? &member->get_array() : nullptr;
}

void leave_what_counts(json::object& account) {
  account.erase("observedAt");
  account.erase("notes");  // what is announced today was announced by the plan of yesterday, too
  auto* actions = array_of(account, "actions");
  if (!actions) return;
  // Reasons are for people: they name lines and times, which change though nothing else is to be done.
  for (auto& action : *actions) {
    if (action.is_object()) action.get_object().erase("reason");
  }
}

void write_pretty(std::string& out, const json::value& value, std::size_t depth) {
  const auto line = [&](std::size_t d) { out += '\n' + std::string(d * 2, ' '); };
  if (value.is_object() && !value.get_object().empty()) {
    out += '{';
    const char* comma = "";
    for (const auto& [key, member] : value.get_object()) {
      out += comma;
      comma = ",";
      line(depth + 1);
      out += json::serialize(json::string(key)) + ": ";
      write_pretty(out, member, depth + 1);
    }
    line(depth);
    out += '}';
  } else if (value.is_array() && !value.get_array().empty()) {
    out += '[';
    const char* comma = "";
    for (const auto& item : value.get_array()) {
      out += comma;
      comma = ",";
      line(depth + 1);
      write_pretty(out, item, depth + 1);
    }
    line(depth);
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

json::value to_json(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return json::value(*text);
  if (const auto* flag = std::get_if<bool>(&value)) return json::value(*flag);
  return strings(std::get<StringSet>(value));
}

json::value to_json(const Fields& fields) {
  json::object object;
  object.reserve(all_fields.size());
  for (Field field : all_fields) {
    if (const auto& value = fields.get(field)) object[name_of(field)] = to_json(*value);
  }
  return object;
}

json::value to_json(const std::vector<Change>& changes) {
  json::array array;
  for (const auto& change : changes) {
    json::object object;
    object.reserve(3);
    object["field"] = name_of(change.field);
    object["from"] = optional_json(change.from);
    object["to"] = optional_json(change.to);
    array.push_back(std::move(object));
  }
  return array;
}

json::value to_json(const User& user) {
  json::object object;
  object.reserve(3);
  object["username"] = user.username;
  object["userId"] = user.user_id;
  object["fields"] = to_json(user.fields);
  return object;
}

std::optional<Value> value_from_json(Field field, const json::value& value) {
  const bool is_set = field == Field::roles || field == Field::accounts;
  if (field == Field::enabled) return value.is_bool() ? std::optional<Value>{value.get_bool()} : std::nullopt;
  if (!is_set) {
    return value.is_string() ? std::optional<Value>{std::string{value.get_string()}} : std::nullopt;
  }
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> items;
  for (const auto& item : value.get_array()) {
    if (!item.is_string()) return std::nullopt;
    items.emplace_back(item.get_string());
  }
  return Value{make_set(std::move(items))};
}

std::optional<Fields> fields_from_json(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  Fields fields;
  for (const auto& [key, member] : value.get_object()) {
    const auto field = field_from_name(key);
    if (!field) return std::nullopt;
    auto read = value_from_json(*field, member);
    if (!read) return std::nullopt;
    fields.set(*field, std::move(*read));
  }
  return fields;
}

std::optional<User> user_from_json(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  const auto& object = value.get_object();
  const auto* username = object.if_contains("username");
  const auto* user_id = object.if_contains("userId");
  const auto* fields = object.if_contains("fields");
  if (!username || !username->is_string() || !user_id || !user_id->is_string() || !fields)
    return std::nullopt;
  auto read = fields_from_json(*fields);
  if (!read) return std::nullopt;
  User user;
  user.username = username->get_string();
  user.user_id = user_id->get_string();
  user.fields = std::move(*read);
  return user;
}

json::object plan_document(const std::vector<const JudgedPlan*>& plans, Time created_at) {
  json::array accounts;
  for (const auto* plan : plans) accounts.push_back(account_document(*plan));
  json::object document;
  document.reserve(6);
  document["version"] = 1;
  document["id"] = "";
  document["createdAt"] = format_time(created_at);
  document["desiredRevision"] = revision_of(plans);
  document["summary"] = summary_document(summarize(plans));
  document["accounts"] = std::move(accounts);
  document["id"] = id_of_plan(document);
  return document;
}

std::string id_of_plan(const json::object& whole) {
  json::monotonic_resource memory;
  json::object document{whole, &memory};
  document["id"] = "";
  document["createdAt"] = "";
  if (auto* accounts = array_of(document, "accounts")) {
    for (auto& account : *accounts) {
      if (account.is_object()) leave_what_counts(account.get_object());
    }
  }
  return sha256_hex(json::serialize(document)).substr(0, 32);
}

std::string pretty(const json::value& value) {
  std::string text;
  write_pretty(text, value, 0);
  return text + '\n';
}

}  // namespace usersyncd
