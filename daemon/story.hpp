#pragma once

#include <string>
#include <vector>

#include "store/store.hpp"
#include "sync/desired.hpp"
#include "sync/observed.hpp"
#include "sync/plan.hpp"

namespace usersyncd {

/// What a desired state says about a username, before it is known who is at the provider.
struct Claims {
  std::vector<DesiredUser> entries;  ///< that name it, today or earlier; whose name it is today comes first
  StringSet entry_names;             ///< keys of their earlier names that an entry has today
};

/// The claims on the username with this key.
Claims claims_on(const Desired& desired, const std::string& key);

/// Whom a username leads to in one account: a rename has two names, and a mix-up may have more.
struct Story {
  std::vector<DesiredUser> entries;  ///< that speak for the username; usually one, or none
  StringSet names;                   ///< keys of all names concerned, the username's among them
  std::vector<KnownUser> people;     ///< as last polled: who is still there, the username's own first

  const DesiredUser* entry() const { return entries.empty() ? nullptr : &entries.front(); }
  /// The one who is meant and is at the provider; null: nobody, or it is not clear who.
  const KnownUser* person() const;
};

/// The story of the username with this key. Who went missing from the list counts only where nobody is left.
Story find_story(Store& store, const std::string& account, const std::string& key, Claims claims);

/// A difference that policies leave alone.
struct Ignored {
  std::string kind;  ///< a field name, or `unmanaged`
  std::string wanted;
  std::string found;
  std::vector<std::string> rules;  ///< that ignore it
};

/// What differs, going by the last poll, and is neither done nor reported because of a rule.
std::vector<Ignored> ignored_differences(const Story& story, const std::string& account,
                                         const Catalog& catalog, const std::vector<Field>& lacking,
                                         const Ways& ways, Time now);

}  // namespace usersyncd
