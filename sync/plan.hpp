#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sync/desired.hpp"
#include "sync/error.hpp"
#include "sync/observed.hpp"
#include "sync/user.hpp"

namespace usersyncd {

enum class Operation { create, update, enable, disable, remove };
inline constexpr std::array all_operations{Operation::create, Operation::update, Operation::enable,
                                           Operation::disable, Operation::remove};
std::string_view name_of(Operation operation);  ///< `create update enable disable delete`
std::optional<Operation> operation_from_name(std::string_view name);

struct Change {
  Field field;
  std::optional<Value> from;  ///< absent: unknown, or the user is new
  std::optional<Value> to;
  friend bool operator==(const Change&, const Change&) = default;
};

/// Why an action is in the plan; decides which rules speak for it.
enum class Cause { desired, leaver, unmanaged, credential, rename };

/// One step on one user. A user never has two actions that contradict each other (A25).
struct Action {
  std::string id;  ///< digest of account, operation, username, user id and changes
  std::string account;
  Operation operation = Operation::update;
  Cause cause = Cause::desired;
  std::string username;
  std::string user_id;
  std::vector<Change> changes;  ///< by field; what the action is to bring about
  User before;                  ///< as observed; empty username for a create
  User after;                   ///< as it would come out, where known
  std::string reason;           ///< one sentence for people
  Place place;                  ///< of the desired entry; empty for unmanaged users
  bool report_only = false;     ///< a way (report) or our credential's reach keeps it from ever being sent
  bool manual_only =
      false;  ///< no call of the provider's can do it (a rename, an immutable field): a person must
  std::string must_wait;  ///< not now, and why: an unresolved write, or backing off after a failure
  std::vector<std::string> way_rules;  ///< rules that chose the way
};

/// How a difference is to be treated. In order of restriction, the least restrictive first.
enum class DriftWay { enforce, report, ignore };
enum class DeprovisionWay { remove, disable, report };
enum class UnmanagedWay { deprovision, report, ignore };

template <class Way>
struct Chosen {
  Way way;
  std::vector<std::string> rules;  ///< names of the rules that decided, sorted
};

/// What policies say of the way before a plan is made. Pure: the same question gets the same answer.
class Ways {
 public:
  virtual ~Ways() = default;
  virtual Chosen<DriftWay> drift(const User& observed, Field field) const = 0;
  virtual Chosen<DeprovisionWay> deprovision(const User& observed) const = 0;
  virtual Chosen<UnmanagedWay> unmanaged(const User& observed) const = 0;
};

/// A desired entry that differs from what was observed, in words for the log and the store.
struct Drift {
  std::string username;
  std::string kind;  ///< a field name, or `missing`, `leaver`, `unmanaged`, `rename`, `ambiguous`
  std::string desired;
  std::string actual;
  std::string rule;  ///< that chose the way
  friend bool operator==(const Drift&, const Drift&) = default;
};

/// How a drift calls the state of somebody who is there: `present` or `disabled`.
std::string presence_of(const User& live);

/// Something a person should know that no action of the plan is about.
struct Note {
  std::string rule;        ///< that it comes from; or `frozen`, `unread`, `validFrom`, `validUntil`, `until`
  std::string username;    ///< empty: the rule itself
  std::string message;     ///< one sentence
  std::string place = {};  ///< where it is written, if anywhere: it moves when other lines do
  friend bool operator==(const Note&, const Note&) = default;
  friend auto operator<=>(const Note&, const Note&) = default;
};

/// The rule of notes on users whose entry is not valid.
inline constexpr std::string_view frozen_rule = "frozen";
/// The rule of notes on users who could not be read, so that nobody knows whether they are as they should be.
inline constexpr std::string_view unread_rule = "unread";

/// What a person has to accept before anything of a plan may be done.
struct Unaccepted {
  std::string id;       ///< what is to be approved
  std::string rule;     ///< that asks for it
  std::string message;  ///< one sentence
};

/// What the plan was told of the past, so that it need not ask.
struct PlanMemory {
  /// Users (by key) that a list lacked but an item read found: present, whatever the list says.
  std::vector<User> found_by_lookup;
  /// Users (by key) who have to wait, and why: an earlier write is unresolved, or it failed and backs off.
  std::map<std::string, std::string> waiting;
  /// Users (by key) who could not be read in this cycle, and why: they wait, too, and are not called in sync.
  std::map<std::string, std::string> unread;
  /// Why nobody may lose access in this cycle: a look-up failed, so what we see may not be all there is (A1).
  std::string no_removals;
  /// key + '\n' + field name: the provider overrode this value three times running; reported, left alone
  /// (A51).
  std::map<std::string, std::string> overridden;
};

struct Plan {
  std::string account;
  std::string desired_revision;
  Time observed_at{};
  bool complete = false;
  std::vector<std::string> reasons;  ///< why not complete
  std::vector<Action> actions;       ///< sorted by username key, then operation
  std::vector<Drift> drifts;         ///< everything that differs, whatever its way; sorted
  std::vector<Note> notes;           ///< sorted
  std::optional<Unaccepted> unaccepted;
  std::size_t in_sync = 0;  ///< desired users without any action
  std::size_t live_users = 0;
};

/// The id of an action: a digest of what it says.
std::string id_of(const Action& action);

/// Problems that need both the desired state and the catalogue: unknown roles and accounts. Each as an Error
/// of kind desired with the place.
std::vector<Error> check_against_catalog(const Desired& desired, const Catalog& catalog);

/// The same desired state with those entries frozen that ask for what the catalogue does not have. Each
/// problem goes to `errors`.
Desired freeze_unknown(Desired desired, const Catalog& catalog, std::vector<Error>& errors);

/// How long before it happens an expiry is announced.
inline constexpr std::chrono::days announced_ahead{7};

/// What will become of a user by itself within `announced_ahead` of `now`: the end or begin of their
/// validity, the end of a role. Nothing for who is frozen, absent or not to be enabled anyway.
std::vector<Note> announcements(const DesiredUser& user, Time now);

/// What an entry asks for at `now`: expired roles dropped, validity applied to `enabled`, roles as canonical
/// ids.
Fields effective_fields(const DesiredUser& user, const Catalog& catalog, Time now);

/// The keys of the names that an entry speaks for: its username and its earlier names. An earlier name that
/// another entry has today (`has_entry`, of a key) counts only for somebody who is to be there and whose own
/// username nobody has at the provider.
StringSet names_of(const DesiredUser& wanted, bool own_name_is_live,
                   const std::function<bool(const std::string&)>& has_entry);

/// Whether everybody has this value of a field that no user of the provider has (`lacking`): where nobody can
/// be disabled, everybody is enabled.
bool is_so_anyway(Field field, const Value& wanted, const std::vector<Field>& lacking);

/// What of a user is not as `wanted`, by field, however it is to be treated. What is not known of the user is
/// no difference, unless the field is among `lacking`: no user of the provider has it.
std::vector<Change> differences(const Fields& wanted, const User& live, const std::vector<Field>& lacking);

/// The diff of desired and observed as a value. Pure; the same inputs give the same bytes. An incomplete
/// observation gives a plan without actions.
Plan make_plan(const Desired& desired, const Observation& observed, const Ways& ways,
               const PlanMemory& memory, Time now);

/// SHA-256, lower-case hex.
std::string sha256_hex(std::string_view bytes);

/// Digest of what one desired entry says (not where), to notice edits.
std::string digest_of(const DesiredUser& user);

}  // namespace usersyncd
