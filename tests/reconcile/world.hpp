#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sync/ports.hpp"

namespace usersyncd::test {

/// The process dies here. Not a std::exception, so that no boundary that mends errors can mend it.
struct SimulatedCrash {};

/// One call of a provider, as it arrived.
struct Call {
  enum class Kind { catalog, list, read, create, update, remove };
  Kind kind = Kind::list;
  std::string key;  ///< of the user; empty for lists
  ExchangeContext context;
  bool done = false;  ///< a write that changed the world
};
bool is_write(Call::Kind kind);
std::string_view name_of(Call::Kind kind);
std::string words_of(const User& user);

/// What may go wrong with one call.
enum class Fault {
  none,
  timeout_after,   ///< done, and nobody is told
  timeout_before,  ///< not done, and nobody is told
  server_error,    ///< answered by a 5xx; not done
  conflict,        ///< 409; not done
  missing,         ///< 404; not done
  refused,         ///< a definite no
  unsupported,     ///< 405: it is done for nobody
  throttled,       ///< 429; not done
  ignored,         ///< a write that is answered with success and not done
  crash_before,
  crash_after,
};
std::string_view name_of(Fault fault);

/// What a thin list leaves out.
inline const std::set<Field> of_thin_list{Field::roles, Field::accounts, Field::phone, Field::scope};

/// The far side, in memory: users with ids, unique usernames, a full or a thin list. Every call yields, so
/// that calls under way at once really overlap, and is written down.
class World : public Provider {
 public:
  std::map<std::string, User> users;  ///< by key
  Catalog catalog;
  std::set<Field> hidden;                                 ///< fields that the list does not carry
  std::set<std::string> unlisted;                         ///< keys that the list leaves out
  std::optional<std::vector<User>> stale_list;            ///< what the list shows in place of the truth
  std::vector<std::string> list_faults;                   ///< why the list is not complete
  std::set<std::string> invisible;                        ///< keys that reading by name does not find, either
  std::function<Fault(const Call&, std::size_t)> faults;  ///< by call and its number, from 1
  std::function<void(const Call&)> before_call;           ///< what somebody else does just then
  std::function<void(User&)> normalize;                   ///< what the provider makes of what it is sent

  bool by_id_only = false;  ///< a user is read by id and nothing else; the answer to a create tells it
  std::string told_id;  ///< what the answer to a create tells for an id, and what finds nobody; empty: none

  std::vector<Call> calls;
  std::size_t most_at_once = 0;       ///< writes under way at once
  bool overlapped_on_a_user = false;  ///< two writes on one user were under way at once (A31)

  /// Adds somebody, as if they had always been there.
  User& add(const std::string& username);
  User* find(const std::string& username);
  std::size_t count(Call::Kind kind) const;
  std::size_t writes() const;
  /// How often each user was really created and really deleted: `ann +1 -0`.
  std::string history() const;
  /// Everybody and all their fields, in words.
  std::string text() const;

  /// A new process looks at the same world.
  void forget_the_crash() {
    crashed_ = false;
    under_way_.clear();
  }

  Awaitable<Result<Catalog>> read_catalog(ExchangeContext context) override;
  Awaitable<Result<Listing>> list_users(ExchangeContext context, ListMark known) override;
  Awaitable<Result<std::optional<RemoteUser>>> read_user(UserKey key, ExchangeContext context) override;
  Awaitable<WriteOutcome> create(const Permit& permit, ExchangeContext context) override;
  Awaitable<WriteOutcome> update(const Permit& permit, RemoteUser base, ExchangeContext context) override;
  Awaitable<WriteOutcome> remove(const Permit& permit, ExchangeContext context) override;

 private:
  Awaitable<std::size_t> arrive(Call call);
  Fault fault_of(std::size_t number);
  Awaitable<WriteOutcome> write(Call call, std::function<WriteOutcome()> work);
  WriteOutcome do_create(const Action& action);
  WriteOutcome do_update(const Action& action, const RemoteUser& base);
  WriteOutcome do_remove(const Action& action);
  User listed(const User& user) const;

  int next_id_ = 100;
  bool crashed_ = false;
  std::multiset<std::string> under_way_;  // keys of the users that are written to right now
};

}  // namespace usersyncd::test
