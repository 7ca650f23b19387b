#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policies/rules.hpp"
#include "providers/profile.hpp"
#include "simulate/dice.hpp"
#include "simulator/api.hpp"
#include "sync/desired.hpp"

namespace usersyncd::simulate {

inline constexpr const char* account_id = "5500001";
inline constexpr const char* own_username = "sim-api-user";

/// One entry of the desired state, as somebody writes it.
struct Entry {
  std::string username, first_name, last_name, email;
  std::optional<std::string> phone;
  std::optional<std::vector<std::string>> roles;
  std::optional<bool> enabled;
  std::string previously;
  bool absent = false;
};

/// The file as it is from a moment on, and what the daemon's own reader makes of it.
struct FileVersion {
  Duration at{0};
  std::string text;
  std::vector<Entry> entries;
  std::optional<Desired> desired;  ///< empty: the reader refuses it
};

/// What somebody does to a user in the portal, behind our back.
enum class Deed { add, remove, disable, set_last_name, set_roles, set_title };
struct PortalDeed {
  Duration at{0};
  Deed deed = Deed::set_last_name;
  sim::User user;  ///< to add; of the others only the name counts
  std::string text;
};

/// What a person lets happen.
struct Regime {
  std::string policies;       ///< YAML
  bool limits = false;        ///< the built-in limits are in force
  bool deletes = false;       ///< leavers are deleted, not disabled
  bool free_deletes = false;  ///< without a person
  bool removes_unmanaged = false;
  bool approves = true;  ///< somebody looks at what waits for a person
};

/// All that happens in a run whatever goes wrong: who is there, what is wanted from when on, and what people
/// do. Depends on its number alone.
struct Story {
  std::uint64_t number = 0;
  bool dashboard = false;
  bool basic = false;           ///< HTTP Basic instead of a token
  bool somebody_plans = false;  ///< with `plan`, just before each poll
  sim::Dialect dialect;
  std::string limiter = "none";
  std::string hint = "none";
  int page_size = 100;
  std::size_t in_flight = 1;
  std::vector<sim::User> people;
  std::vector<FileVersion> files;  ///< by time; the first is there from the beginning
  std::vector<PortalDeed> deeds;   ///< by time
  Regime regime;
  RuleSet rules;
  std::set<std::string>
      racy;  ///< keys of users of whom not even an undisturbed run knows how often they are made
  Duration length{130'000};

  /// Whether the profile says that the provider refuses a taken username. It does in all stories; in every
  /// other one the program does not know, and must not send a create twice.
  bool knows_unique_usernames() const { return number % 2 == 0; }

  /// What the file in force at `now` says of the user; null: nothing.
  const Entry* entry_of(const std::string& key, Duration now) const;
  /// What the newest valid file says of the user at the end; null: nothing.
  const Entry* last_entry_of(const std::string& key) const;
  const Desired& desired_at(Duration now) const { return *file_at(now).desired; }
  /// The newest file that can be read.
  const FileVersion& file_at(Duration now) const;
};

Story make_story(std::uint64_t number);

/// A user that exists in no portal yet.
sim::User make_person(const std::string& username, Dice& dice);

/// The text of a desired-state file.
std::string file_text(const std::vector<Entry>& entries);

}  // namespace usersyncd::simulate
