#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/problems.hpp"
#include "sync/ports.hpp"
#include "sync/user.hpp"

// What one provider's API looks like, as data: everything in which providers differ stands in a profile, and
// no line of code asks for a provider's name. The YAML form is described in profile.cpp, whose sentences are
// also the JSON Schema; providers/profiles/ has the built-in ones.

namespace usersyncd {

enum class AuthKind { oauth2, basic };

struct Authentication {
  std::vector<AuthKind> kinds;         ///< which kinds of credentials the API takes
  std::string token_url;               ///< OAuth 2.0: path on the base URL's origin, or an absolute URL
  Duration refresh_early{60'000};      ///< a token is renewed this long before it runs out
  Duration token_lifetime{3'600'000};  ///< where the token answer has no `expires_in`
};

/// `GET /accounts/{accountId}/users/{userId}`. The path is relative to the base URL.
struct Endpoint {
  std::string method;
  std::string path;
};

/// Calls that the API has. One that is missing is a thing that the provider cannot do.
struct Endpoints {
  Endpoint list;
  std::optional<Endpoint> item;
  std::optional<Endpoint> item_by_username;  ///< for users whose id is not known
  std::optional<Endpoint> create, update, remove;
  std::optional<Endpoint> enable, disable;  ///< calls of their own; missing: an update of the enabled flag
  std::optional<Endpoint> roles, accounts;
};

struct Paging {
  enum class Kind { none, offset, page, link, cursor };
  Kind kind = Kind::none;
  int size = 100;
  std::string size_parameter;
  std::string position_parameter;  ///< the offset, the page number or the cursor
  int first_page = 1;              ///< for Kind::page
  bool short_page_ends = false;    ///< false: without a total, a short page may be a silent cap (A9)
  int max_pages = 1000;
  std::vector<std::string> total;             ///< paths in the answer where the number of all users may stand
  std::vector<std::string> next;              ///< paths in the answer where the next link or cursor may stand
  std::vector<std::string> more;              ///< paths of a flag that says whether there are more
  bool link_header = false;                   ///< the next link may stand in the `Link` header, as rel="next"
  std::vector<std::size_t> truncation_sizes;  ///< lists of exactly so many users smell of a silent cap (A9)
};

/// Where a list sits in an answer.
struct ListAt {
  std::vector<std::string> paths;  ///< dotted, most specific first; the empty path is the answer itself
  std::vector<std::string>
      roots;  ///< root names that mark an answer of the right kind in which the list is missing
};

struct RolesAt {
  ListAt at;
  std::vector<std::string> id, name;
};

struct AccountsAt {
  ListAt at;
  std::vector<std::string> id;
};

struct Answers {
  ListAt users;
  std::vector<std::string> item;  ///< paths of one user in the answer to a read or write
  RolesAt roles;
  AccountsAt accounts;
};

// Names of fields and of members of an element may be dotted paths (`name.given`), see member_at and put_at.

/// A text field; the first of `names` is the one that is written.
struct WireText {
  std::vector<std::string> names;
};

struct WireFlag {
  std::vector<std::string> names;
  std::string when_true = "true";
  std::string when_false = "false";
};

/// The shapes of a set on the wire: `["r1"]`, `[{"RoleId": "r1"}]`, `{"Role": [{"RoleId": "r1"}]}`.
enum class SetShape { strings, objects, nested };

struct WireSet {
  std::vector<std::string> names;
  std::string id;       ///< member of an element that holds the id
  std::string name;     ///< member that holds the display name; empty: none
  std::string element;  ///< the member that wraps the list in the nested shape; empty: never nested
  SetShape write =
      SetShape::strings;   ///< for a new user, and where the shape cannot be told from what was read
  bool keep_shape = true;  ///< an update writes the shape that was read
  bool numbers = false;    ///< ids are written as numbers, where it cannot be told from what was read
};

/// usersyncd's fields by their names on the wire. A field that is not mapped does not exist at this provider.
struct UserFields {
  std::vector<std::string> username;
  std::vector<std::string> user_id;       ///< the provider's own key; empty: the username is the key
  std::vector<std::string> account_mark;  ///< says to which account an entry belongs
  std::vector<std::string> never_sent;    ///< dropped from every update: passwords (A40)
  std::optional<WireText> first_name, last_name, email, phone, scope;
  std::optional<WireFlag> enabled;
  std::optional<WireSet> roles, accounts;
};

struct Creation {
  std::vector<Field> required;
  /// Sent where the desired entry is silent. `{accountId}` stands for the configured account.
  std::optional<std::string> default_scope;
  std::optional<bool> default_enabled;
  std::optional<std::vector<std::string>> default_roles, default_accounts;
  std::string password;  ///< field in which a new user's password is sent; empty: none is
};

/// What an answer means, whatever its status and code.
enum class Meaning {
  success,
  already_so,    ///< what was asked for was so before
  already_gone,  ///< what was to be taken away is not there
  exists,        ///< the username or e-mail is taken
  not_found,     ///< there is no such thing
  empty,         ///< a list without entries
  retry,         ///< failed for now; a write may have been done
  throttle,      ///< too fast; nothing was done
  unauthorized,  ///< the token or password was not accepted
  credential,    ///< our own credential is locked: stop
  unsupported,   ///< the provider has no such call
  refused,       ///< a definite no
  redirect,      ///< look elsewhere
  unreadable,    ///< a success status with a body that nobody can read
};
std::string_view name_of(Meaning meaning);

/// If everything that is given matches, the answer has this meaning. The first rule that matches wins.
struct MeaningRule {
  int status = 0;                  ///< 0: any
  std::vector<std::string> codes;  ///< empty: any
  std::string text;  ///< part of the error text, without regard to case; `*` is anything. Empty: any
  Meaning meaning = Meaning::refused;
};

/// Where errors are looked for, by member name anywhere near the top of an answer.
struct ErrorNames {
  std::vector<std::string> codes{"ErrorCode",  "errorCode", "Code",  "code",
                                 "resultCode", "messageId", "error", "type"};
  std::vector<std::string> texts{"Description", "description", "resultMessage", "error_description",
                                 "message",     "detail",      "text",          "title"};
  /// Paths which, at the root or one level below it, make a failure of a 2xx answer; "0" is no error.
  std::vector<std::string> in_success{"ResponseStatus.ErrorCode", "resultCode"};
  /// Paths under which errors beside a list make the list incomplete.
  std::vector<std::string> in_list{"errors", "Errors", "UsersResponse.Errors"};
};

struct RateRules {
  std::vector<std::string> wait{"Retry-After"};  ///< seconds or a date
  std::vector<std::string> reset{
      "X-RateLimit-Reset"};     ///< epoch seconds or milliseconds, or seconds from now
  Duration longest{3'600'000};  ///< no hint is believed beyond this
  bool writes_apart = false;    ///< writes have a limit of their own, apart from that of the reads
};

/// How it is made sure that the credential sees the account.
enum class AccountCheck {
  accounts,  ///< its id is in the answer of the accounts call
  users,  ///< only as in any account: its list is not refused, and names no other account (sync/believe.hpp)
};

struct Profile {
  std::string name;
  std::string base_url;
  Authentication authentication;
  Endpoints endpoints;
  Paging paging;
  Answers answers;
  UserFields fields;
  std::string body_root;  ///< member that wraps the user in request bodies; empty: none
  Creation creation;
  Capabilities capabilities;
  AccountCheck account_check = AccountCheck::accounts;
  Duration visibility_grace{120'000};  ///< how long a new user may be invisible (A32)
  std::vector<MeaningRule> meanings;
  ErrorNames errors;
  RateRules rate;
};

/// The wire names of a field; null if this provider does not have the field.
const std::vector<std::string>* wire_names(const UserFields& fields, Field field);

/// Reads a built-in profile by name, or a file by path (anything with a `/` or ending in `.yaml` or `.yml`).
/// Empty if anything is wrong with it; `asked` is the place that a name which is neither is reported at.
std::optional<Profile> load_profile(const std::string& name_or_path, Problems& problems,
                                    const Place& asked = {});

/// The same from text, which is called `file` in problems.
std::optional<Profile> parse_profile(const std::string& file, std::string text, Problems& problems);

/// JSON Schema of a profile file.
std::string profile_schema();

/// The built-in profiles: name and YAML text, sorted by name.
std::vector<std::pair<std::string, std::string_view>> built_in_profiles();

}  // namespace usersyncd
