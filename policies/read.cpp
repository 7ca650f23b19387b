#include "policies/read.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "config/describe.hpp"
#include "config/file.hpp"
#include "config/nearest.hpp"
#include "config/yaml.hpp"

// The shape of a policy file. The `describe` functions stand in the namespace of what they describe, where
// the reader finds them.

namespace usersyncd {
namespace {

constexpr int most_counted = 1'000'000;
constexpr std::string_view default_file = "policies/default.yaml";

struct PolicyFile {
  int version = 1;
  std::vector<Rule> rules;
};

OneOf<Operation> operation_codec() {
  OneOf<Operation> codec;
  for (const Operation operation : all_operations) codec.table.emplace_back(name_of(operation), operation);
  return codec;
}

OneOf<Field> field_codec() {
  OneOf<Field> codec;
  for (const Field field : all_fields) codec.table.emplace_back(name_of(field), field);
  return codec;
}

OneOf<std::size_t> day_codec() {
  return one_of<std::size_t>(
      {{"mon", 1}, {"tue", 2}, {"wed", 3}, {"thu", 4}, {"fri", 5}, {"sat", 6}, {"sun", 0}});
}

// Taken literally, as they would be, these match nobody: a `deny` for `u[0-9]` would protect nobody.
TextCodec glob_codec() {
  return {[](const std::string& text) -> std::optional<std::string> {
            if (auto wrong = filled_text().check(text)) return wrong;
            const auto at = text.find_first_of("[]{}");
            if (at == std::string::npos) return std::nullopt;
            return "`" + text.substr(at, 1) +
                   "` has no meaning in a pattern: there are `*` (any characters) and `?` (one character)";
          },
          "^[^\\[\\]{}]*[^\\[\\]{}\\s][^\\[\\]{}]*$", 0};
}

struct Hours {
  std::chrono::minutes from{0};
  std::chrono::minutes until{24 * 60};
};

std::optional<std::chrono::minutes> parse_clock(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] - '0'; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t at : {0U, 1U, 3U, 4U}) {
    if (digit(at) < 0 || digit(at) > 9) return std::nullopt;
  }
  const std::chrono::minutes clock{(digit(0) * 10 + digit(1)) * 60 + digit(3) * 10 + digit(4)};
  if (digit(3) > 5 || clock > std::chrono::hours{24}) return std::nullopt;
  return clock;
}

std::optional<Hours> parse_hours(const std::string& text) {
  const auto dash = text.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto from = parse_clock(std::string_view(text).substr(0, dash));
  const auto until = parse_clock(std::string_view(text).substr(dash + 1));
  if (!from || !until || *from == std::chrono::hours{24}) return std::nullopt;
  return Hours{*from, *until};
}

ScalarCodec<Hours> hours_codec() {
  constexpr auto pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";
  return {parse_hours, "hours such as `08:00-18:00`, or overnight `22:00-06:00`", pattern};
}

template <class T>
void list(Shape& shape, std::string_view key, std::vector<T>& values, std::string_view sentence,
          const auto& item) {
  shape.optional(key, values, sentence, list_of(item));
  if (shape.readable() && shape.written(key) && values.empty())
    shape.refuse(
        key, "an empty list matches nothing, so the rule would never speak; leave the key out to match all");
}

}  // namespace

void describe(Shape& shape, Match& match) {
  shape.about("What the rule speaks of; all that is given must match.");
  list(shape, "accounts", match.accounts, "Accounts, by the id under which the config lists them.",
       filled_text());
  list(shape, "users", match.users, "Usernames; `*` and `?` as in file names, without regard to case.",
       glob_codec());
  list(shape, "operations", match.operations, "What is to be done to the user.", operation_codec());
  list(shape, "fields", match.fields, "Actions that change one of these fields.", field_codec());
  list(shape, "roles", match.roles, "Roles given, taken, had or to be had, by name or id.", filled_text());
}

void describe(Shape& shape, Window& window) {
  shape.about("When actions may run; outside they wait for the next opening.");
  std::vector<std::size_t> days;
  Hours hours;
  list(shape, "days", days, "The days on which the window opens; without it, every day.", day_codec());
  shape.optional("hours", hours, "By the clock of the time zone; overnight hours belong to the first day.",
                 hours_codec());
  shape.required("timezone", window.timezone, "An IANA time zone, such as `America/New_York` or `UTC`.",
                 filled_text());
  if (!shape.readable()) return;
  if (!days.empty()) window.days = {};
  for (const std::size_t day : days) window.days.at(day) = true;
  window.from = hours.from;
  window.until = hours.until;
  window.zone = find_zone(window.timezone);
  if (days.empty() && !shape.written("hours")) shape.refuse("", "a window needs `days` or `hours`, or both");
  if (hours.from == hours.until)
    shape.refuse("hours",
                 "the window starts and ends at the same time; for the whole day write \"00:00-24:00\"");
  if (!window.zone)
    shape.refuse("timezone",
                 "unknown time zone `" + window.timezone + "`; " + suggestion(window.timezone, zone_names()));
}

void describe(Shape& shape, Limit& limit) {
  using Per = Limit::Per;
  shape.about("How many actions may be done: the smaller of count and percent, but never less than atLeast.");
  shape.optional("count", limit.count, "At most so many; 0 allows none.", in_range(0, most_counted));
  shape.optional("percent", limit.percent, "At most so many of a hundred live users, rounded down.",
                 in_range(0, 100));
  shape.optional("atLeast", limit.at_least, "So many are allowed however small the account is.",
                 in_range(0, most_counted));
  shape.optional("per", limit.per, "In one run, or in the last 24 hours or seven days.",
                 one_of<Per>({{"run", Per::run}, {"24h", Per::day}, {"7d", Per::week}}));
  if (!shape.readable()) return;
  if (!limit.count && !limit.percent) shape.refuse("", "a limit needs `count` or `percent`, or both");
  if (limit.count && *limit.count < limit.at_least)
    shape.refuse("atLeast", "atLeast is above count: write the number that is meant");
}

void describe(Shape& shape, Shrink& shrink) {
  shape.about("How much a list may shrink before it is not believed.");
  shape.required("percent", shrink.percent, "It lost more than so many of a hundred users.",
                 in_range(0, 100));
  shrink.at_least = 1;
  shape.optional("atLeast", shrink.at_least, "It lost at least so many users.", in_range(1, most_counted));
  shape.optional("confirmAfter", shrink.confirm_after,
                 "Believed when seen unchanged in so many further polls; without it a person must accept it.",
                 in_range(1, 1000));
}

void describe(Shape& shape, Keep& keep) {
  shape.about("So many enabled users keep a role or a scope.");
  shape.alternative("role", keep.role, "A role, by name or id.", filled_text());
  shape.alternative("scope", keep.scope, "A scope, such as ACCOUNT_ADMIN.", filled_text());
  shape.required("atLeast", keep.at_least, "At least so many.", in_range(1, most_counted));
}

void describe(Shape& shape, RequireApproval& approval) {
  shape.about("A person has to release the action by `usersyncd approve`.");
  shape.optional("notByAuthor", approval.not_by_author,
                 "Not the person who last changed the desired state, where that is known.");
}

void describe(Shape& shape, Require& require) {
  shape.about("Fields that must fit a pattern; `*` and `?` as in file names.");
  for (const Field field : {Field::first_name, Field::last_name, Field::email, Field::phone, Field::scope}) {
    std::optional<std::string> glob;
    shape.optional(name_of(field), glob, "The pattern of the whole value.", glob_codec());
    if (glob) require.globs[field] = *glob;
  }
  if (shape.readable() && require.globs.empty()) shape.refuse("", "at least one field is needed");
}

namespace {

void describe_ways(Shape& shape, Effect& effect) {
  DriftWay drift{};
  if (shape.alternative(
          "drift", drift, "What becomes of a field that differs.",
          one_of<DriftWay>(
              {{"ignore", DriftWay::ignore}, {"report", DriftWay::report}, {"enforce", DriftWay::enforce}})))
    effect = drift;
  DeprovisionWay deprovision{};
  if (shape.alternative("deprovision", deprovision, "What becomes of a user who is to be gone.",
                        one_of<DeprovisionWay>({{"disable", DeprovisionWay::disable},
                                                {"delete", DeprovisionWay::remove},
                                                {"report", DeprovisionWay::report}})))
    effect = deprovision;
  UnmanagedWay unmanaged{};
  if (shape.alternative("unmanaged", unmanaged, "What becomes of a user who stands in no desired state.",
                        one_of<UnmanagedWay>({{"ignore", UnmanagedWay::ignore},
                                              {"report", UnmanagedWay::report},
                                              {"deprovision", UnmanagedWay::deprovision}})))
    effect = unmanaged;
}

template <class T>
void describe_nested(Shape& shape, std::string_view key, Effect& effect, std::string_view sentence) {
  T value;
  if (shape.alternative(key, value, sentence)) effect = std::move(value);
}

/// Some effects are about an account as a whole, and a narrower match would only seem to work.
void refuse_senseless_match(Shape& shape, const Rule& rule) {
  const Match& match = rule.match;
  const bool narrow = !match.operations.empty() || !match.fields.empty() || !match.roles.empty();
  if (std::holds_alternative<Shrink>(rule.effect) && (narrow || !match.users.empty()))
    shape.refuse("match", "shrink is about a whole list: it can be matched by accounts only");
  if (std::holds_alternative<Keep>(rule.effect) && narrow)
    shape.refuse("match", "keep is about who is left: it can be matched by accounts and users only");
}

}  // namespace

void describe(Shape& shape, Effect& effect) {
  shape.about("What the rule does.");
  shape.shorthand(
      effect, "To hold, or to switch a built-in rule off by its name.",
      one_of<Effect>({{"deny", Deny{}}, {"requireApproval", RequireApproval{}}, {"allow", Allow{}}}));
  describe_ways(shape, effect);
  DisabledFor wait;
  if (shape.alternative("disabledFor", wait.duration, "Deleted only after having been disabled for so long.",
                        in_range(Duration{1000}, Duration::max())))
    effect = wait;
  describe_nested<RequireApproval>(shape, "requireApproval", effect, "A person has to release the action.");
  describe_nested<Window>(shape, "window", effect, "When actions may run.");
  describe_nested<Limit>(shape, "limit", effect, "How many actions may be done.");
  describe_nested<Shrink>(shape, "shrink", effect, "How much a list may shrink.");
  describe_nested<Keep>(shape, "keep", effect, "How many users keep a role or a scope.");
  describe_nested<Require>(shape, "require", effect, "What fields must look like.");
  ForbidTogether forbidden;
  if (shape.alternative("forbidTogether", forbidden.roles, "Roles of which nobody has more than one.",
                        list_of(filled_text()))) {
    if (make_set(forbidden.roles).size() < 2) shape.refuse("forbidTogether", "at least two roles are needed");
    effect = std::move(forbidden);
  }
}

void describe(Shape& shape, Rule& rule) {
  shape.about("One rule.");
  shape.place(rule.place);
  shape.required("name", rule.name, "By which plans, logs and other files call the rule.", filled_text());
  shape.optional("match", rule.match, "What the rule speaks of; without it, everything.");
  shape.required("effect", rule.effect, "What the rule does.");
  if (shape.readable()) refuse_senseless_match(shape, rule);
}

namespace {

void describe(Shape& shape, PolicyFile& file) {
  shape.about("Rules on what may be done to whom. Their order does not matter: the most restrictive wins.");
  shape.required("version", file.version, "The version of this format.", in_range(1, 1));
  shape.required("rules", file.rules, "The rules.");
}

/// Joins the rules of several files.
class Collector {
 public:
  explicit Collector(Problems& problems) : problems_(&problems), before_(problems.count()) {}

  void add(const std::string& file, std::shared_ptr<const std::string> text) {
    const auto document = parse_yaml(file, std::move(text), *problems_);
    auto read = document ? read_described<PolicyFile>(*document, *problems_) : std::nullopt;
    if (!read) return;
    for (auto& rule : read->rules) add(std::move(rule));
  }

  /// Empty if there was any problem since the collector was made.
  std::optional<RuleSet> take() {
    if (problems_->count() != before_) return std::nullopt;
    return RuleSet::with_built_in(std::move(rules_));
  }

 private:
  void add(Rule rule) {
    const auto [known, fresh] = named_.try_emplace(rule.name, rule.place);
    if (!fresh)
      problems_->add(rule.place, "there is a rule `" + rule.name + "` already at " + known->second.text() +
                                     "; every rule needs a name of its own");
    if (rule.name == own_user_rule)
      problems_->add(rule.place,
                     "the built-in rule `own-user` cannot be replaced: the daemon never changes the "
                     "login it works with; choose another name");
    rules_.push_back(std::move(rule));
  }

  Problems* problems_;
  std::size_t before_;
  std::map<std::string, Place> named_;
  std::vector<Rule> rules_;
};

}  // namespace

std::optional<RuleSet> read_policies(const std::string& path, Problems& problems) {
  if (path.empty()) return RuleSet::built_in();
  const auto paths = list_yaml_files(path, problems);
  if (!paths) return std::nullopt;
  Collector collector(problems);
  std::vector<FileText> files;
  for (const auto& name : *paths) {
    auto file = read_file(name, largest_yaml, problems);
    if (!file) continue;
    collector.add(name, file->text);
    files.push_back(std::move(*file));
  }
  for (const auto& file : files) still_same(file, problems);
  return collector.take();
}

std::optional<RuleSet> read_policy_text(const std::string& file, std::string text, Problems& problems) {
  Collector collector(problems);
  collector.add(file, std::make_shared<const std::string>(std::move(text)));
  return collector.take();
}

std::string policy_schema() {
  return schema_of<PolicyFile>("usersyncd policy file");
}

std::vector<Rule> read_default_rules() {
  Problems problems;
  const auto document = parse_yaml(std::string(default_file), std::string(default_rules_text()), problems);
  auto file = document ? read_described<PolicyFile>(*document, problems) : std::nullopt;
  if (!file) throw std::logic_error("the built-in rules cannot be read: " + problems.text());
  for (auto& rule : file->rules) {
    rule.built_in = true;
    rule.match.own_login = rule.name == own_user_rule;
  }
  return std::move(file->rules);
}

}  // namespace usersyncd
