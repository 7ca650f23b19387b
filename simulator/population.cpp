#include "simulator/population.hpp"

#include <array>
#include <random>
#include <span>
#include <string_view>

#include "simulator/message.hpp"

namespace usersyncd::sim {
namespace {

constexpr std::array<std::string_view, 28> first_names{
    "Ann",   "Brian",  "Chloé", "Dmitri", "Elena",  "Fatima", "George",    "Hannah",  "Imani", "José",
    "Katya", "Liam",   "María", "Nguyễn", "Olivia", "Priya",  "Quentin",   "Rosa",    "Søren", "Tomás",
    "Uma",   "Viktor", "Wei",   "Xavier", "Yuki",   "Zoë",    "Mary Jane", "Jean-Luc"};

constexpr std::array<std::string_view, 26> last_names{
    "Adams", "Brown",  "Castillo",  "Doe",          "Eriksen", "Fischer", "García", "Hughes", "Ivanova",
    "Jones", "Kim",    "Lindqvist", "Müller",       "Novak",   "O'Brien", "Patel",  "Quinn",  "Rossi",
    "Smith", "Tanaka", "Usman",     "van der Berg", "Wójcik",  "Xu",      "Yılmaz", "Zhang"};

struct RoleName {
  std::string_view id;
  std::string_view name;
};

constexpr std::array<RoleName, 14> role_names{{{"basicAccess", "Basic Access"},
                                               {"admin", "Admin"},
                                               {"alertingInsights", "Alerting Insights"},
                                               {"billingReports", "Billing Reports"},
                                               {"campaignManagement", "Campaign Management"},
                                               {"configuration", "Configuration"},
                                               {"disconnect", "Disconnect"},
                                               {"e911Management", "E911 Management"},
                                               {"lineFeatures", "Line Features"},
                                               {"ordering", "Ordering"},
                                               {"Porting", "Porting"},
                                               {"reporting", "Reporting"},
                                               {"tnLookup", "TN Lookup"},
                                               {"voiceInsights", "Voice Insights"}}};

/// Small helpers over one generator; the standard distributions differ between libraries, these do not.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : source_(seed) {}
  std::size_t below(std::size_t bound) { return source_() % bound; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class Item>
  const Item& pick(std::span<const Item> items) {
    return items[below(items.size())];
  }

 private:
  std::mt19937_64 source_;
};

/// Lower-case ASCII letters only, for usernames and mail addresses.
std::string plain(std::string_view name) {
  std::string result;
  for (const char letter : lower(name)) {
    if (letter >= 'a' && letter <= 'z') {
      result += letter;
    }
  }
  return result;
}

std::string make_username(const std::string& first, const std::string& last, std::size_t number, Dice& dice) {
  switch (dice.below(8)) {
    case 0:
      return first.substr(0, 1) + last;
    case 1:
      return first + "_" + last;
    case 2:
      return first + "." + last + "@example.com";
    case 3:
      return last + "-" + first.substr(0, 1);
    case 4:
      return static_cast<char>(first[0] - 'a' + 'A') + first.substr(1) + "." + last;
    case 5:
      return "00" + std::to_string(number);
    default:
      return first + "." + last;
  }
}

std::string digits(std::size_t count, Dice& dice) {
  std::string result;
  while (result.size() < count) {
    result += static_cast<char>('0' + dice.below(10));
  }
  return result;
}

std::string make_phone(Dice& dice) {
  const std::size_t kind = dice.below(10);
  if (kind == 0) {
    return {};
  }
  return kind == 1 ? "04" + digits(8, dice) : "+1919555" + digits(4, dice);
}

void give_access(User& user, const PopulationOptions& options, Dice& dice) {
  user.roles.insert("basicAccess");
  for (std::size_t left = dice.below(5); left > 0; --left) {
    user.roles.insert(std::string(role_names.at(2 + dice.below(role_names.size() - 2)).id));
  }
  if (dice.chance(4)) {
    user.scope = "ACCOUNT_ADMIN";
    user.roles.insert("admin");
  }
  user.accounts.insert(options.accounts.front());
  for (const std::string& account : options.accounts) {
    if (dice.chance(30)) {
      user.accounts.insert(account);
    }
  }
}

User make_user(const World& world, std::size_t number, const PopulationOptions& options, Dice& dice) {
  User user;
  user.first_name = dice.pick<std::string_view>(first_names);
  user.last_name = dice.pick<std::string_view>(last_names);
  const std::string first = plain(user.first_name);
  const std::string last = plain(user.last_name);
  user.username = make_username(first, last, number, dice);
  if (world.find(user.username) != nullptr) {
    user.username = first + "." + last + std::to_string(number);
  }
  user.email = first + "." + last + std::to_string(number) + "@example.com";
  if (dice.chance(10)) {
    user.email[0] = static_cast<char>(user.email[0] - 'a' + 'A');
  }
  user.phone = make_phone(dice);
  user.enabled = !dice.chance(8);
  user.extra["allowedApiOrigin"] = "GUI";
  if (dice.chance(20)) {
    user.extra["jobTitle"] = "Head of " + std::string(role_names.at(2 + dice.below(12)).name);
  }
  give_access(user, options, dice);
  return user;
}

User make_own_user(const PopulationOptions& options) {
  User user;
  user.username = options.own_username;
  user.first_name = "API";
  user.last_name = "User";
  user.email = "api-user@example.com";
  user.scope = "ACCOUNT_ADMIN";
  user.roles = {"admin", "basicAccess"};
  user.accounts = {options.accounts.begin(), options.accounts.end()};
  user.extra["allowedApiOrigin"] = "API";
  return user;
}

}  // namespace

World generate_world(const PopulationOptions& options) {
  std::vector<Role> roles;
  Holdings holdings;
  holdings.username = options.own_username;
  for (const RoleName& role : role_names) {
    roles.push_back(Role{std::string(role.id), std::string(role.name)});
    holdings.roles.insert(std::string(role.id));
  }
  std::vector<Account> accounts;
  for (const std::string& id : options.accounts) {
    accounts.push_back(Account{id, "Example Company " + id});
    holdings.accounts.insert(id);
  }
  World world(std::move(roles), std::move(accounts), std::move(holdings));
  world.put(make_own_user(options));
  Dice dice(options.seed);
  for (std::size_t number = 1; number <= options.users; ++number) {
    world.put(make_user(world, number, options, dice));
  }
  return world;
}

}  // namespace usersyncd::sim
