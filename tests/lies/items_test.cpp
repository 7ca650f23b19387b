#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <optional>

#include "providers/codec.hpp"
#include "sync/believe.hpp"
#include "tests/lies/corpus.hpp"

// The provider lies about a single user. Its list is honest.

namespace usersyncd::lies {
namespace {

struct Count {
  std::size_t lies = 0, looked = 0, writes = 0;
};

std::vector<Captured> items() {
  std::vector<Captured> all;
  for (const auto& captured : corpus()) {
    if (captured.call == Call::item) all.push_back(captured);
  }
  return all;
}

// What is wanted of the user, as far as this provider has it.
Fields wanted_of(const Bench& bench, Api api, const std::string& username) {
  Fields fields = bench.truth().find(username)->fields;
  if (api == Api::dashboard) fields.erase(Field::scope);
  return fields;
}

Catalog catalog() {
  Catalog known;
  known.roles.emplace();
  const auto roles = boost::json::parse(read_body("bodies/v1-roles.json"));
  for (const auto& role : roles.at("data").as_array())
    known.roles->push_back(
        Role{std::string{role.at("roleId").as_string()}, std::string{role.at("name").as_string()}});
  return known;
}

// A role or an account that is not in the catalogue stays in the set: our credential may be unable to see it.
bool is_right(Field field, const Value& sent, const Value& wanted) {
  const auto* set = std::get_if<StringSet>(&sent);
  if (!set) return same_value(field, sent, wanted);
  StringSet known;
  for (const auto& item : *set) {
    if (field == Field::roles ? catalog().role_id(item).has_value() : item == account_id)
      known.push_back(item);
  }
  return same_value(field, Value{known}, wanted);
}

// The planned action that a body carries out: all that it changes is in there. Null: none.
const Action* action_of(const Outcome& outcome, const User& sent) {
  const auto found = std::find_if(outcome.planned.begin(), outcome.planned.end(), [&](const Action& action) {
    return key_of(action.username) == key_of(sent.username) && !action.changes.empty() &&
           std::all_of(action.changes.begin(), action.changes.end(), [&](const Change& change) {
             const auto& value = sent.fields.get(change.field);
             return value && change.to && same_value(change.field, *value, *change.to);
           });
  });
  return found == outcome.planned.end() ? nullptr : &*found;
}

bool changes(const Action& action, Field field) {
  return std::any_of(action.changes.begin(), action.changes.end(),
                     [&](const Change& change) { return change.field == field; });
}

// Why a write is not the one update that the lie makes plausible; empty: it is. It goes to the user lied
// about, by the call that changes users; what it changes is as wanted of them, and the rest is as wanted,
// too, or what the provider itself said just before. Where an update of `due` is due, it carries that, and
// nothing on which access hangs is left out.
std::string fault_of(const Outcome& outcome, const HttpRequest& write, Api api, const User& user,
                     const Fields& wanted, std::optional<Field> due) {
  if (write.method != "PUT") return "not an update";
  const auto key =
      api == Api::v1 || write.target.find("/accounts/") == std::string::npos ? user.username : user.user_id;
  // A username is the same in any case, and is sent back as the provider spelt it.
  if (key_of(write.target.substr(write.target.rfind('/') + 1)) != key_of(key)) return "to somebody else";
  auto sent = decode_user(profile_for(api).fields, boost::json::parse(write.body), catalog());
  if (!sent) return "not a user: " + sent.error().message;
  canonicalize(*sent, catalog());
  if (key_of(sent->username) != key_of(user.username)) return "of another name";
  const auto* action = action_of(outcome, *sent);
  if (!action) return "that nobody planned";
  for (Field field : all_fields) {
    const auto& value = sent->fields.get(field);
    const auto& right = wanted.get(field);
    if (field == due && (!value || !same_value(field, *value, *right))) return "without what was due";
    const bool whole = due && (field == Field::enabled || field == Field::roles || field == Field::accounts);
    if (whole && right && !value) return "without " + std::string{name_of(field)};
    if (due || !right || !value || is_right(field, *value, *right)) continue;
    const auto& said = action->before.fields.get(field);
    if (changes(*action, field) || !said || !same_value(field, *value, *said))
      return "with a wrong " + std::string{name_of(field)};
  }
  return {};
}

std::string faults_of(const Outcome& outcome, Api api, const User& user, const Fields& wanted,
                      std::optional<Field> due = {}) {
  std::string faults;
  for (const auto& write : outcome.writes) faults += fault_of(outcome, write, api, user, wanted, due);
  if (outcome.writes.size() > 1) faults += "; more than one";
  return faults;
}

std::size_t share_of(std::size_t parts) {
  return lies_wanted() / 4 / parts / items().size() + 1;
}

}  // namespace

TEST_CASE("A42 A70: what an item says once and then no more is never acted on") {
  Count all;
  std::uint64_t seed = 2000;
  for (const auto& captured : items()) {
    for (const auto memory : {Memory::everybody, Memory::nobody}) {
      for (const auto rules : {Rules::built_in, Rules::harsh}) {
        Bench bench{captured.api, rules, memory};
        bench.honest()[Call::list] =
            Reply{200, "application/json", bench.truth().thin_list(captured.api), false};
        bench.settle();
        const Liar liar{captured.body};
        const Selection selection{liar, share_of(4), ++seed};
        if (!is_mine(seed)) continue;
        for (std::size_t i = 0; i < selection.size(); ++i) {
          const auto lie = selection[i];
          const auto outcome = bench.hear({{Call::item, lie.reply}}, captured.about, 1);
          ++all.lies;
          all.looked += outcome.permitted > 0 ? 1 : 0;
          if (!outcome.writes.empty())
            FAIL_CHECK(captured.name << ", " << lie.name << "\n" << lie.reply.body << "\n" << outcome.told);
        }
      }
    }
  }
  MESSAGE(all.lies << " lies told once, " << all.looked << " found out by the look before the write");
  CHECK(all.looked >= all.lies / 100);
}

TEST_CASE("A42: an item that goes on lying gets no more than what is wanted of that user") {
  Count all;
  std::uint64_t seed = 3000;
  for (const auto& captured : items()) {
    for (const auto rules : {Rules::built_in, Rules::harsh}) {
      Bench bench{captured.api, rules, Memory::everybody};
      bench.honest()[Call::list] =
          Reply{200, "application/json", bench.truth().thin_list(captured.api), false};
      bench.settle();
      const auto& user = *bench.truth().find(captured.about);
      const auto wanted = wanted_of(bench, captured.api, captured.about);
      const Liar liar{captured.body};
      const Selection selection{liar, share_of(4), ++seed};
      if (!is_mine(seed)) continue;
      for (std::size_t i = 0; i < selection.size(); ++i) {
        const auto lie = selection[i];
        const auto outcome = bench.hear({{Call::item, lie.reply}}, captured.about);
        ++all.lies;
        all.writes += outcome.writes.size();
        const auto faults = faults_of(outcome, captured.api, user, wanted);
        if (!faults.empty())
          FAIL_CHECK(captured.name << ", " << lie.name << ": " << faults << "\n"
                                   << lie.reply.body << "\n"
                                   << outcome.told);
      }
    }
  }
  MESSAGE(all.lies << " lies told again and again, " << all.writes << " updates of the same user");
  CHECK((all.writes > 0 || all.lies == 0));
}

TEST_CASE("A42: an update that is due is never made from an item that leaves out what access hangs on") {
  Count all;
  std::uint64_t seed = 4000;
  for (const auto& captured : items()) {
    if (captured.about != "viktor_doe") continue;
    Bench bench{captured.api, Rules::harsh, Memory::everybody};
    bench.honest()[Call::list] = Reply{200, "application/json", bench.truth().full_list(captured.api), false};
    bench.settle();
    for (auto& entry : bench.desired().users) {
      if (entry.username == captured.about) entry.fields.set(Field::phone, std::string{"+19195550000"});
    }
    bench.desired().revision = "another phone";
    const auto& user = *bench.truth().find(captured.about);
    auto wanted = wanted_of(bench, captured.api, captured.about);
    wanted.set(Field::phone, std::string{"+19195550000"});
    const Liar liar{captured.body};
    const Selection selection{liar, share_of(2), ++seed};
    if (!is_mine(seed)) continue;
    for (std::size_t i = 0; i < selection.size(); ++i) {
      const auto lie = selection[i];
      const auto outcome = bench.hear({{Call::item, lie.reply}}, captured.about, i % 2 == 0 ? 1 : 1000);
      ++all.lies;
      all.writes += outcome.writes.size();
      const auto faults = faults_of(outcome, captured.api, user, wanted, Field::phone);
      if (!faults.empty())
        FAIL_CHECK(captured.name << ", " << lie.name << ": " << faults << "\n"
                                 << lie.reply.body << "\n"
                                 << outcome.told);
    }
  }
  MESSAGE(all.lies << " lies before an update that was due, " << all.writes << " updates sent");
  CHECK((all.writes > 0 || all.lies == 0));
}

}  // namespace usersyncd::lies
