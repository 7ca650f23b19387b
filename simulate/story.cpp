#include "simulate/story.hpp"

#include <algorithm>
#include <stdexcept>

#include "config/desired_file.hpp"
#include "policies/read.hpp"

namespace usersyncd::simulate {
namespace {

const std::vector<std::string> names{"ann",  "Bob.Lee", "cyd_1",     "dee",  "eve.o", "fay", "00417",
                                     "gus",  "hal",     "ivy-m",     "jon",  "kim",   "lea", "max.x",
                                     "nora", "olaf",    "pia@x.org", "quin", "rob",   "sue"};
const std::vector<std::string> role_ids{"basicAccess", "reporting", "tnLookup", "Porting"};
const std::vector<std::string> role_names{"Basic Access", "Reporting", "TN Lookup", "Porting"};

// The limits out of the way, so that the end of the story does not depend on how much piles up at once.
const std::string roomy =
    "version: 1\n"
    "rules:\n"
    "  - { name: blast-radius, effect: { limit: { count: 100, per: run } } }\n"
    "  - { name: leaver-budget, match: { operations: [disable, delete] }, "
    "effect: { limit: { count: 100, per: run } } }\n";

// What becomes of one person in the course of a story.
enum class Fate {
  steady,
  drifts,        // somebody changes them in the portal
  edited,        // the file changes
  joins,         // only in the file, from some time on
  leaves,        // `state: absent`, from some time on
  unmanaged,     // only in the portal
  vanishes,      // somebody deletes them in the portal; the file still wants them
  overtaken,     // the file wants them, and somebody makes them in the portal
  shut,          // `enabled: false` in the file, from some time on
  shut_outside,  // disabled in the portal; the file wants them enabled
  dropped,       // the entry goes away
  renamed,
};
constexpr std::size_t fate_count = 12;

// Whether the file does not speak of them from the beginning.
bool comes_later(Fate fate) {
  return fate == Fate::joins || fate == Fate::overtaken || fate == Fate::unmanaged;
}

Regime make_regime(bool dashboard, Dice& dice) {
  Regime regime;
  regime.policies = roomy;
  regime.approves = dice.chance(80);
  switch (dice.below(8)) {
    case 0:
    case 1:
      regime.policies = "version: 1\nrules: []\n";
      regime.limits = true;
      break;
    case 2:
      if (!dashboard) break;  // which has no delete
      regime.policies += "  - { name: leavers, effect: { deprovision: delete } }\n";
      regime.deletes = true;
      break;
    case 3:
      if (!dashboard) break;
      regime.policies +=
          "  - { name: leavers, effect: { deprovision: delete } }\n"
          "  - { name: deletes-need-a-person, effect: allow }\n";
      regime.deletes = true;
      regime.free_deletes = true;
      break;
    case 4:
      regime.policies += "  - { name: unmanaged, effect: { unmanaged: deprovision } }\n";
      regime.removes_unmanaged = true;
      break;
    case 5:
      regime.policies +=
          "  - { name: believable-list, effect: { shrink: { percent: 30, atLeast: 2, "
          "confirmAfter: 2 } } }\n";
      break;
    default:
      break;
  }
  return regime;
}

RuleSet read_rules(const std::string& text) {
  Problems problems;
  auto rules = read_policy_text("policies.yaml", text, problems);
  if (!rules) throw std::logic_error("the simulated policies cannot be read: " + problems.text());
  return *rules;
}

Entry entry_of(const sim::User& user, Dice& dice) {
  Entry entry;
  entry.username = user.username;
  entry.first_name = user.first_name;
  entry.last_name = user.last_name;
  entry.email = user.email;
  if (dice.chance(50)) entry.phone = user.phone;
  if (dice.chance(60)) entry.roles.emplace(user.roles.begin(), user.roles.end());
  if (dice.chance(60)) entry.enabled = true;
  return entry;
}

// Writes one story down, person by person.
class Author {
 public:
  /// `together`: all who join do so at once.
  Author(Story& story, Dice& dice, bool together) : story_(story), dice_(dice), together_(together) {}

  void tell(const std::string& username, Fate fate);
  void write_files();

 private:
  Duration moment() { return Duration{dice_.between(10'000, story_.length.count() - 20'000)}; }
  void from(Duration at, std::optional<Entry> entry, const std::string& username) {
    edits_.push_back({at, key_of(username), std::move(entry)});
  }
  void portal(Duration at, Deed deed, const sim::User& user, std::string text = {}) {
    story_.deeds.push_back(PortalDeed{at, deed, user, std::move(text)});
  }
  void drift(const sim::User& user);
  void edit(Entry entry);
  void rename(const Entry& entry);

  struct Edit {
    Duration at;
    std::string key;
    std::optional<Entry> entry;
  };
  Story& story_;
  Dice& dice_;
  bool together_;
  std::vector<Edit> edits_;
};

void Author::tell(const std::string& username, Fate fate) {
  const auto user = make_person(username, dice_);
  auto entry = entry_of(user, dice_);
  const bool in_portal = fate != Fate::joins && fate != Fate::overtaken;
  if (in_portal) story_.people.push_back(user);
  if (!comes_later(fate)) from(Duration{0}, entry, username);
  switch (fate) {
    case Fate::steady:
      return;
    case Fate::drifts:
      return drift(user);
    case Fate::edited:
      return edit(std::move(entry));
    case Fate::joins:
      return from(together_ ? Duration{30'000} : moment(), entry, username);
    case Fate::leaves:
      entry = Entry{};
      entry.username = username;
      entry.absent = true;
      return from(moment(), entry, username);
    case Fate::unmanaged:
      return portal(moment(), Deed::set_title, user, "Head of Nothing");
    case Fate::vanishes:
      return portal(moment(), Deed::remove, user);
    case Fate::overtaken:
      story_.racy.insert(key_of(username));
      portal(moment(), Deed::add, user);
      return from(moment(), entry, username);
    case Fate::shut:
      entry.enabled = false;
      return from(moment(), entry, username);
    case Fate::shut_outside:
      entry.enabled = true;
      from(Duration{0}, entry, username);
      return portal(moment(), Deed::disable, user);
    case Fate::dropped:
      return from(moment(), std::nullopt, username);
    case Fate::renamed:
      return rename(entry);
  }
}

void Author::drift(const sim::User& user) {
  for (auto times = dice_.below(3) + 1; times > 0; --times) {
    if (dice_.chance(30)) {
      portal(moment(), Deed::set_roles, user, dice_.pick(role_ids));
    } else {
      portal(moment(), Deed::set_last_name, user, "Changed" + std::to_string(times));
    }
  }
}

void Author::edit(Entry entry) {
  const auto username = entry.username;
  switch (dice_.below(4)) {
    case 0:
      entry.last_name = "Married";
      break;
    case 1:
      entry.phone = "+19195559999";
      break;
    case 2:
      entry.roles = std::vector<std::string>{dice_.pick(role_names)};
      break;
    default:
      entry.email = "new." + entry.email;
      break;
  }
  from(moment(), std::move(entry), username);
}

void Author::rename(const Entry& entry) {
  auto renamed = entry;
  renamed.username = entry.username + "2";
  renamed.previously = entry.username;
  const auto at = moment();
  from(at, std::nullopt, entry.username);
  from(at, renamed, renamed.username);
}

// Edits become versions of the file; now and then somebody saves one that cannot be read, and mends it later.
void Author::write_files() {
  std::stable_sort(edits_.begin(), edits_.end(), [](const Edit& a, const Edit& b) { return a.at < b.at; });
  std::vector<std::pair<std::string, Entry>> present;
  const auto apply = [&](const Edit& edit) {
    std::erase_if(present, [&](const auto& one) { return one.first == edit.key; });
    if (edit.entry) present.emplace_back(edit.key, *edit.entry);
  };
  for (std::size_t i = 0; i < edits_.size(); ++i) {
    apply(edits_[i]);
    if (i + 1 < edits_.size() && edits_[i + 1].at == edits_[i].at) continue;
    FileVersion version;
    version.at = edits_[i].at;
    for (const auto& [key, entry] : present) version.entries.push_back(entry);
    version.text = file_text(version.entries);
    story_.files.push_back(std::move(version));
  }
  if (!dice_.chance(25)) return;
  FileVersion torn = story_.files.back();
  torn.at = std::max(torn.at, story_.length - Duration{40'000});
  torn.text += "  - username: [\n";
  story_.files.push_back(torn);
}

void read_files(Story& story) {
  const std::vector<std::string> accounts{account_id};
  for (auto& version : story.files) {
    Problems problems;
    const auto document = parse_yaml("users.yaml", version.text, problems);
    auto read = document ? read_desired({*document}, accounts, problems) : std::nullopt;
    if (read && !read->empty()) version.desired = std::move(read->front());
  }
  if (!story.files.front().desired) throw std::logic_error("the simulated desired state cannot be read");
}

void choose_provider(Story& story, Dice& dice) {
  story.dashboard = dice.chance(45);
  story.basic = story.dashboard && dice.chance(50);
  story.somebody_plans = dice.chance(15);
  story.dialect.item_wrapped = std::nullopt;
  story.dialect.location_only = dice.chance(15);
  if (dice.chance(20)) story.dialect.taken_status = 400;
  if (dice.chance(20)) story.dialect.not_found_status = 403;
  if (story.dashboard) {
    story.dialect.thin_list = dice.chance(40);
    story.dialect.xml = dice.chance(15);
    story.dialect.collapse = dice.chance(15);
  } else {
    story.dialect.list_bare = dice.chance(15);
    story.dialect.whole_list = dice.chance(15);
  }
  if (!story.dashboard && dice.chance(30)) story.page_size = 3;
  const std::vector<std::size_t> widths{1, 2, 4, 8};
  story.in_flight = dice.pick(widths);
  const std::vector<std::string> hints{"none",         "seconds", "date",   "reset-seconds",
                                       "reset-millis", "absurd",  "garbage"};
  story.hint = dice.pick(hints);
  if (dice.chance(10)) story.limiter = "token-bucket:rate=2,burst=6";
}

const Entry* entry_in(const FileVersion& version, const std::string& key) {
  for (const auto& entry : version.entries) {
    if (key_of(entry.username) == key) return &entry;
  }
  return nullptr;
}

}  // namespace

sim::User make_person(const std::string& username, Dice& dice) {
  sim::User user;
  user.username = username;
  std::string plain = key_of(username);
  std::replace(plain.begin(), plain.end(), '@', '.');
  user.first_name = "First " + plain;
  user.last_name = "Last";
  user.email = plain + "@example.com";
  user.phone = "+1919555" + std::to_string(1000 + dice.below(9000));
  user.roles.insert(dice.pick(role_ids));
  if (dice.chance(40)) user.roles.insert(dice.pick(role_ids));
  user.accounts = {account_id};
  user.extra["jobTitle"] = "Engineer";
  return user;
}

std::string file_text(const std::vector<Entry>& entries) {
  std::string text = "version: 1\naccount: \"" + std::string{account_id} + "\"\nusers:\n";
  if (entries.empty()) return "version: 1\naccount: \"" + std::string{account_id} + "\"\nusers: []\n";
  for (const auto& entry : entries) {
    text += "  - username: \"" + entry.username + "\"\n";
    if (!entry.previously.empty()) text += "    previously: [\"" + entry.previously + "\"]\n";
    if (entry.absent) text += "    state: absent\n";
    if (!entry.first_name.empty()) text += "    firstName: " + entry.first_name + "\n";
    if (!entry.last_name.empty()) text += "    lastName: " + entry.last_name + "\n";
    if (!entry.email.empty()) text += "    email: " + entry.email + "\n";
    if (entry.phone) text += "    phone: \"" + *entry.phone + "\"\n";
    if (entry.enabled) text += std::string{"    enabled: "} + (*entry.enabled ? "true" : "false") + "\n";
    if (!entry.roles) continue;
    text += "    roles: [";
    for (const auto& role : *entry.roles) text += (text.back() == '[' ? "" : ", ") + role;
    text += "]\n";
  }
  return text;
}

Story make_story(std::uint64_t number) {
  Dice dice{number, "story"};
  Story story;
  story.number = number;
  choose_provider(story, dice);
  story.regime = make_regime(story.dashboard, dice);
  story.rules = read_rules(story.regime.policies);
  sim::User own = make_person(own_username, dice);
  own.scope = "ACCOUNT_ADMIN";
  story.people.push_back(own);

  // What goes wrong mostly needs one person and a minute; what needs more gets it, but not every time. Now
  // and then many join at once: such creates are verified by one list.
  const bool crowd = dice.chance(5);
  const bool small = !crowd && dice.chance(75);
  if (small) story.length = Duration{65'000};
  const auto count = crowd ? 12 : small ? 1 + dice.below(2) : 2 + dice.below(4);
  Author author{story, dice, crowd};
  const auto first = dice.below(names.size());
  for (std::size_t i = 0; i < count; ++i) {
    auto fate = crowd && i > 2 ? Fate::joins : static_cast<Fate>(dice.below(fate_count));
    if (i == 0 && (!small || comes_later(fate))) fate = Fate::steady;  // a file without users is no file
    author.tell(names[(first + i) % names.size()], fate);
  }
  author.write_files();
  read_files(story);
  std::stable_sort(story.deeds.begin(), story.deeds.end(),
                   [](const PortalDeed& a, const PortalDeed& b) { return a.at < b.at; });
  return story;
}

const FileVersion& Story::file_at(Duration now) const {
  const FileVersion* newest = &files.front();
  for (const auto& version : files) {
    if (version.at <= now && version.desired) newest = &version;
  }
  return *newest;
}

const Entry* Story::entry_of(const std::string& key, Duration now) const {
  return entry_in(file_at(now), key);
}

const Entry* Story::last_entry_of(const std::string& key) const {
  return entry_in(file_at(Duration::max()), key);
}

}  // namespace usersyncd::simulate
