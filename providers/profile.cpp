#include "providers/profile.hpp"

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <filesystem>

#include "config/describe.hpp"
#include "providers/target.hpp"

// The YAML form of a profile. These descriptions are found by argument-dependent look-up, so they stand in
// the namespace of the structs and not in an anonymous one.

namespace usersyncd {
namespace {

ScalarCodec<Endpoint> endpoint() {
  const auto parse = [](const std::string& text) -> std::optional<Endpoint> {
    const auto blank = text.find(" /");
    if (blank == std::string::npos) return std::nullopt;
    Endpoint parsed{text.substr(0, blank), text.substr(blank + 1)};
    const std::vector<std::string> methods{"GET", "POST", "PUT", "PATCH", "DELETE"};
    if (std::find(methods.begin(), methods.end(), parsed.method) == methods.end()) return std::nullopt;
    std::string rest = parsed.path;
    for (std::string_view name : {"{accountId}", "{userId}", "{username}"}) {
      for (auto at = rest.find(name); at != std::string::npos; at = rest.find(name))
        rest.erase(at, name.size());
    }
    if (rest.find_first_of("{} #\\") != std::string::npos) return std::nullopt;
    return parsed;
  };
  return {parse,
          "a method and a path, such as `GET /users/{userId}`, with {accountId}, {userId} and {username}",
          "^(GET|POST|PUT|PATCH|DELETE) /"};
}

OneOf<Field> field_name() {
  std::vector<std::pair<std::string, Field>> table;
  for (Field field : all_fields) table.emplace_back(std::string(name_of(field)), field);
  return one_of(std::move(table));
}

OneOf<Meaning> meaning_name() {
  std::vector<std::pair<std::string, Meaning>> table;
  for (Meaning meaning :
       {Meaning::success, Meaning::already_so, Meaning::already_gone, Meaning::exists, Meaning::not_found,
        Meaning::empty, Meaning::retry, Meaning::throttle, Meaning::unauthorized, Meaning::credential,
        Meaning::unsupported, Meaning::refused}) {
    table.emplace_back(std::string(name_of(meaning)), meaning);
  }
  return one_of(std::move(table));
}

void refuse_empty(Shape& shape, std::string_view key, const std::vector<std::string>& names) {
  if (shape.readable() && names.empty()) shape.refuse(key, "at least one name is needed");
}

/// Names that may be dotted paths, of which each part is a name.
void refuse_bad_names(Shape& shape, std::string_view key, const std::vector<std::string>& names) {
  refuse_empty(shape, key, names);
  for (const std::string& name : names) {
    const std::string dotted = "." + name + ".";
    if (dotted.find("..") != std::string::npos)
      shape.refuse(key, "`" + name + "` is not a name, nor a path such as `name.given`");
  }
}

void check_paging(Shape& shape, const Paging& paging) {
  using Kind = Paging::Kind;
  const bool links = paging.kind == Kind::link;
  const bool names_next = links || paging.kind == Kind::cursor;
  if (paging.kind != Kind::none && !links && paging.position_parameter.empty())
    shape.refuse("positionParameter", "positionParameter is needed");
  if (links && paging.next.empty() && !paging.link_header)
    shape.refuse("next", "next or linkHeader is needed for links");
  if (paging.kind == Kind::cursor && paging.next.empty())
    shape.refuse("next", "next is needed: it says where the cursor stands");
  if (paging.link_header && !links) shape.refuse("linkHeader", "linkHeader is for `kind: link`");
  if (!paging.more.empty() && !names_next)
    shape.refuse("more", "more is for `kind: link` and `kind: cursor`");
  if (paging.short_page_ends && !shape.written("size") && paging.size_parameter.empty())
    shape.refuse("shortPageEnds", "shortPageEnds needs size or sizeParameter: short of what?");
}

bool is_base_url(const std::string& text) {
  const auto url = boost::urls::parse_uri(text);
  return url && (url->scheme() == "https" || url->scheme() == "http") && !url->host().empty() &&
         !url->has_userinfo() && !url->has_query() && !url->has_fragment();
}

}  // namespace

void describe(Shape& shape, Authentication& auth) {
  shape.about("How to log in.");
  shape.required("kinds", auth.kinds, "Kinds of credentials that the API takes.",
                 list_of(one_of<AuthKind>({{"oauth2", AuthKind::oauth2}, {"basic", AuthKind::basic}})));
  shape.optional(
      "tokenUrl", auth.token_url,
      "OAuth 2.0 token call (client credentials): a path on the base URL's host, or an absolute URL.");
  shape.optional("refreshEarly", auth.refresh_early, "How long before its end a token is renewed.");
  shape.optional("tokenLifetime", auth.token_lifetime, "Lifetime of a token whose answer has no expires_in.",
                 in_range(Duration{1000}, Duration{86'400'000}));
  if (!shape.readable()) return;
  const bool oauth2 = std::find(auth.kinds.begin(), auth.kinds.end(), AuthKind::oauth2) != auth.kinds.end();
  if (auth.kinds.empty()) shape.refuse("kinds", "at least one kind is needed");
  if (oauth2 && auth.token_url.empty()) shape.refuse("tokenUrl", "tokenUrl is needed for oauth2");
  const bool absolute = auth.token_url.find("://") != std::string::npos;
  if (!auth.token_url.empty() && (absolute ? !is_base_url(auth.token_url) : auth.token_url.front() != '/')) {
    shape.refuse("tokenUrl", "expected a path that starts with `/`, or an http(s) URL");
  }
}

void describe(Shape& shape, Endpoints& calls) {
  shape.about("The calls that the API has. One that is missing is a thing that the provider cannot do.");
  shape.required("list", calls.list, "All users.", endpoint());
  shape.optional("item", calls.item, "One user.", endpoint());
  shape.optional("itemByUsername", calls.item_by_username, "One user whose id is not known.", endpoint());
  shape.optional("create", calls.create, "A new user.", endpoint());
  shape.optional("update", calls.update, "Replaces a user as a whole.", endpoint());
  shape.optional("delete", calls.remove, "Deletes a user.", endpoint());
  shape.optional("enable", calls.enable, "Enables a user; missing: an update of `enabled`.", endpoint());
  shape.optional("disable", calls.disable, "Disables a user; missing: an update of `enabled`.", endpoint());
  shape.optional("roles", calls.roles, "Roles that may be given.", endpoint());
  shape.optional("accounts", calls.accounts, "Accounts that the credential sees.", endpoint());
  if (!shape.readable()) return;
  if (calls.list.path.find("{user") != std::string::npos) shape.refuse("list", "the list is not of one user");
  for (const auto& [key, call] :
       {std::pair{"item", &calls.item}, std::pair{"itemByUsername", &calls.item_by_username},
        std::pair{"update", &calls.update}, std::pair{"delete", &calls.remove},
        std::pair{"enable", &calls.enable}, std::pair{"disable", &calls.disable}}) {
    // A call that names nobody would change, or be read as, somebody else.
    if (*call && (*call)->path.find("{user") == std::string::npos) {
      shape.refuse(key, "the path must contain {userId} or {username}");
    }
  }
  for (const auto& [key, method] :
       {std::pair{"list", calls.list.method}, std::pair{"item", calls.item ? calls.item->method : "GET"},
        std::pair{"itemByUsername", calls.item_by_username ? calls.item_by_username->method : "GET"},
        std::pair{"roles", calls.roles ? calls.roles->method : "GET"},
        std::pair{"accounts", calls.accounts ? calls.accounts->method : "GET"}}) {
    if (method != "GET") shape.refuse(key, "what only reads must be a GET: it may be sent again");
  }
}

void describe(Shape& shape, Paging& paging) {
  using Kind = Paging::Kind;
  shape.about("How the list of users comes in pages.");
  shape.required("kind", paging.kind, "none: the whole list at once.",
                 one_of<Kind>({{"none", Kind::none},
                               {"offset", Kind::offset},
                               {"page", Kind::page},
                               {"link", Kind::link},
                               {"cursor", Kind::cursor}}));
  shape.optional("size", paging.size, "Users to ask for in a page.", in_range(1, 10'000));
  shape.optional("sizeParameter", paging.size_parameter, "Query parameter of the page size.");
  shape.optional("positionParameter", paging.position_parameter,
                 "Query parameter of the offset, the page number or the cursor.");
  shape.optional("firstPage", paging.first_page, "Number of the first page.", in_range(0, 1));
  shape.optional("shortPageEnds", paging.short_page_ends,
                 "A page with fewer users than asked for is the last. False: the provider may give less than "
                 "it is asked "
                 "for, so where there is no total one more page is asked for, or, with link and cursor, a "
                 "first page that "
                 "neither names a next one nor says that it is the last is taken for cut off.");
  shape.optional("maxPages", paging.max_pages, "A list that is longer is not believed.",
                 in_range(1, 100'000));
  shape.optional("total", paging.total, "Dotted paths where the number of all users may stand.");
  shape.optional(
      "next", paging.next,
      "Dotted paths where the link to the next page, or its cursor, may stand; null, false and \"\" say "
      "that there is none.");
  shape.optional("more", paging.more, "Dotted paths of a flag that says whether there is a next page.");
  shape.optional("linkHeader", paging.link_header,
                 "Whether the link to the next page may stand in the `Link` header, as rel=\"next\".");
  shape.optional("truncationSizes", paging.truncation_sizes,
                 "A list of exactly so many users smells of a silent cap and is not believed.",
                 list_of(IntegerCodec<std::size_t>{1, 1'000'000}));
  if (!shape.readable()) return;
  check_paging(shape, paging);
}

void describe(Shape& shape, ListAt& list) {
  shape.about("Where a list sits in an answer.");
  shape.required("paths", list.paths, "Dotted paths, the most specific first; \"\" is the answer itself.");
  shape.optional("roots", list.roots,
                 "Root names of an answer of the right kind in which the list may be missing.");
  refuse_empty(shape, "paths", list.paths);
}

void describe(Shape& shape, RolesAt& roles) {
  shape.about("The answer of the roles call.");
  shape.required("at", roles.at, "Where the roles are.");
  shape.required("id", roles.id, "Members that may hold the id.");
  shape.optional("name", roles.name, "Members that may hold the display name.");
}

void describe(Shape& shape, AccountsAt& accounts) {
  shape.about("The answer of the accounts call.");
  shape.required("at", accounts.at, "Where the accounts are.");
  shape.required("id", accounts.id, "Members that may hold the id.");
}

void describe(Shape& shape, Answers& answers) {
  shape.about("Where things are in answers.");
  shape.required("users", answers.users, "The list of users.");
  shape.required("item", answers.item,
                 "Dotted paths of one user, the most specific first; \"\" is the answer itself.");
  shape.optional("roles", answers.roles, "The roles.");
  shape.optional("accounts", answers.accounts, "The accounts.");
  refuse_empty(shape, "item", answers.item);
}

void describe(Shape& shape, WireText& text) {
  shape.about("A text field: its names on the wire.");
  const bool brief = shape.shorthand(text.names, "Its names; all are read, the first is written.");
  if (!brief) shape.required("names", text.names, "Its names; all are read, the first is written.");
  refuse_bad_names(shape, "names", text.names);
}

void describe(Shape& shape, WireFlag& flag) {
  shape.about("A field that is true or false.");
  const bool brief = shape.shorthand(flag.names, "Its names; all are read, the first is written.");
  if (!brief) shape.required("names", flag.names, "Its names; all are read, the first is written.");
  refuse_bad_names(shape, "names", flag.names);
  if (brief) return;
  shape.optional("whenTrue", flag.when_true, "What stands for true, in quotes: \"ACTIVE\".");
  shape.optional("whenFalse", flag.when_false, "What stands for false, in quotes: \"INACTIVE\".");
}

void describe(Shape& shape, WireSet& set) {
  shape.about("A field that holds a set. Every shape is read; these say what is written.");
  shape.required("names", set.names, "Its names; all are read, the first is written.");
  shape.required("id", set.id, "Member of an element that holds the id.");
  shape.optional("name", set.name, "Member of an element that holds the display name.");
  shape.optional("element", set.element, "Member that wraps the list in the nested shape.");
  shape.optional(
      "write", set.write, "Shape for a new user: [\"r1\"], [{\"id\": \"r1\"}] or {\"Element\": [{…}]}.",
      one_of<SetShape>(
          {{"strings", SetShape::strings}, {"objects", SetShape::objects}, {"nested", SetShape::nested}}));
  shape.optional("keepShape", set.keep_shape, "Whether an update writes the shape that was read.");
  shape.optional("numbers", set.numbers,
                 "Whether ids are written as numbers for a new user; an update writes what was read.");
  refuse_bad_names(shape, "names", set.names);
  if (shape.readable() && set.write == SetShape::nested && set.element.empty()) {
    shape.refuse("element", "element is needed for the nested shape");
  }
}

void describe(Shape& shape, UserFields& fields) {
  shape.about(
      "usersyncd's fields by their names on the wire, which may be dotted paths such as `name.given`. What "
      "is "
      "not mapped does not exist here.");
  shape.required("username", fields.username, "The key.");
  shape.optional("userId", fields.user_id, "The provider's own key; missing: the username is the key.");
  shape.optional("accountMark", fields.account_mark, "Says to which account an entry belongs.");
  shape.optional("neverSent", fields.never_sent, "Dropped from every update, such as passwords.");
  shape.optional("firstName", fields.first_name, "First name.");
  shape.optional("lastName", fields.last_name, "Last name.");
  shape.optional("email", fields.email, "E-mail address.");
  shape.optional("phone", fields.phone, "Phone number.");
  shape.optional("scope", fields.scope, "ACCOUNT or ACCOUNT_ADMIN.");
  shape.optional("enabled", fields.enabled, "Whether the user may sign in.");
  shape.optional("roles", fields.roles, "Roles.");
  shape.optional("accounts", fields.accounts, "Accounts that the user may use.");
  refuse_bad_names(shape, "username", fields.username);
}

void describe(Shape& shape, Creation& create) {
  shape.about("What a new user needs.");
  shape.optional("required", create.required, "Fields without which a create is not sent.",
                 list_of(field_name()));
  shape.optional("defaultScope", create.default_scope, "Sent where the desired entry has no scope.");
  shape.optional("defaultEnabled", create.default_enabled, "Sent where the desired entry has no enabled.");
  shape.optional("defaultRoles", create.default_roles, "Sent where the desired entry has no roles.");
  shape.optional("defaultAccounts", create.default_accounts,
                 "Sent where the desired entry has no accounts; {accountId} is the configured account.");
  shape.optional("password", create.password, "Field in which a first password is sent; missing: none is.");
}

void describe(Shape& shape, Capabilities& can) {
  shape.about("What the provider can do. What it cannot is left to a person.");
  shape.optional("create", can.create, "Create users.");
  shape.optional("update", can.update, "Change users.");
  shape.optional("disable", can.disable, "Disable and enable users.");
  shape.optional("delete", can.remove, "Delete users.");
  shape.optional("roles", can.roles, "Give and take roles.");
  shape.optional("accounts", can.accounts, "Give and take accounts.");
  shape.optional("scopes", can.scopes, "Tell administrators by a scope.");
  shape.optional(
      "uniqueUsernames", can.unique_usernames,
      "A create of a username that is taken is refused. Where it is not said, a create of which the "
      "answer got lost is sent again only after the visibilityGrace, too.");
  shape.optional("listIsFull", can.list_is_full, "Entries of the list carry every field that items carry.");
  shape.optional("immutable", can.immutable, "Fields that cannot be changed later.", list_of(field_name()));
}

void describe(Shape& shape, MeaningRule& rule) {
  shape.about("If all that is given matches, an answer has this meaning. The first rule that matches wins.");
  shape.optional("status", rule.status, "HTTP status.", in_range(200, 599));
  shape.optional("codes", rule.codes, "The provider's error codes.");
  shape.optional("text", rule.text,
                 "Part of the error text, without regard to case; `*` stands for anything.");
  shape.required("meaning", rule.meaning, "What it means.", meaning_name());
  if (shape.readable() && rule.status == 0 && rule.codes.empty() && rule.text.empty()) {
    shape.refuse("meaning", "one of status, codes and text is needed");
  }
}

void describe(Shape& shape, ErrorNames& errors) {
  shape.about("Where errors are looked for in answers.");
  shape.optional("codes", errors.codes, "Members that may hold an error code, the best first.");
  shape.optional("texts", errors.texts, "Members that may hold an error text, the best first.");
  shape.optional("inSuccess", errors.in_success,
                 "Dotted paths that make a failure of an answer with status 2xx.");
  shape.optional("inList", errors.in_list,
                 "Dotted paths under which errors beside a list make it incomplete.");
}

void describe(Shape& shape, RateRules& rate) {
  shape.about(
      "How the provider limits the rate of requests, as far as it is known; the limit itself is learned.");
  shape.optional("waitHeaders", rate.wait, "Seconds, or a date.");
  shape.optional("resetHeaders", rate.reset, "Epoch seconds or milliseconds, or seconds from now.");
  shape.optional("longest", rate.longest, "No hint is believed beyond this.",
                 in_range(Duration{1000}, Duration{86'400'000}));
  shape.optional("writesApart", rate.writes_apart,
                 "Whether writes have a limit of their own, apart from that of the reads.");
}

namespace {

/// Things that do not fit together across sections.
void check_whole(Shape& shape, const Profile& profile) {
  const UserFields& fields = profile.fields;
  const Capabilities& can = profile.capabilities;
  const Endpoints& calls = profile.endpoints;
  if (!is_base_url(profile.base_url))
    shape.refuse("baseUrl", "expected an https:// URL without query or user");
  if (can.create && !calls.create) shape.refuse("can", "create needs endpoints.create");
  if (can.update && !calls.update) shape.refuse("can", "update needs endpoints.update");
  if (can.remove && !calls.remove) shape.refuse("can", "delete needs endpoints.delete");
  if (can.disable && !(fields.enabled && (calls.disable || calls.update))) {
    shape.refuse("can", "disable needs fields.enabled, and endpoints.disable or endpoints.update");
  }
  if (!calls.item && !calls.item_by_username) {
    shape.refuse("endpoints",
                 "item or itemByUsername is needed: nothing is changed that was not read before");
  }
  if (can.roles && !fields.roles) shape.refuse("can", "roles needs fields.roles");
  if (can.accounts && !fields.accounts) shape.refuse("can", "accounts needs fields.accounts");
  if (can.scopes && !fields.scope) shape.refuse("can", "scopes needs fields.scope");
  if (profile.account_check == AccountCheck::accounts && !calls.accounts) {
    shape.refuse("accountCheck", "accounts needs endpoints.accounts");
  }
  for (Field field : profile.creation.required) {
    if (!wire_names(fields, field)) {
      shape.refuse("creation", "`" + std::string(name_of(field)) + "` is required but not among fields");
    }
  }
}

/// What follows for the provider's abilities from the rest of its profile, which is whole.
void derive(Profile& profile) {
  const Endpoints& calls = profile.endpoints;
  Capabilities& can = profile.capabilities;
  can.tells_enabled = profile.fields.enabled.has_value();
  can.reads_by_name = calls.item_by_username || !needs_user_id(*calls.item);
  for (Field field : all_fields) {
    if (!wire_names(profile.fields, field)) can.lacking.push_back(field);
  }
  const std::array<std::pair<Operation, const std::optional<Endpoint>*>, 4> by_call{{
      {Operation::update, &calls.update},
      {Operation::enable, calls.enable ? &calls.enable : &calls.update},
      {Operation::disable, calls.disable ? &calls.disable : &calls.update},
      {Operation::remove, &calls.remove},
  }};
  for (const auto& [operation, call] : by_call) {
    if (*call && needs_user_id(**call)) can.by_id.push_back(operation);
  }
}

}  // namespace

void describe(Shape& shape, Profile& profile) {
  int version = 0;
  shape.about("A provider profile: what one provider's API looks like.");
  shape.required("version", version, "Of this format.", in_range(1, 1));
  shape.required("name", profile.name, "For people.", filled_text());
  shape.required("baseUrl", profile.base_url, "Where the API is; an account may name another.");
  shape.required("authentication", profile.authentication, "How to log in.");
  shape.required("endpoints", profile.endpoints, "The calls.");
  shape.required("paging", profile.paging, "How the list comes in pages.");
  shape.required("answers", profile.answers, "Where things are in answers.");
  shape.required("fields", profile.fields, "The fields of a user.");
  shape.optional("bodyRoot", profile.body_root, "Member that wraps the user in request bodies.");
  shape.optional("creation", profile.creation, "What a new user needs.");
  shape.optional("can", profile.capabilities, "What the provider can do.");
  shape.optional(
      "accountCheck", profile.account_check, "How it is made sure that the credential sees the account.",
      one_of<AccountCheck>({{"accounts", AccountCheck::accounts}, {"users", AccountCheck::users}}));
  shape.optional("visibilityGrace", profile.visibility_grace, "How long a new user may be invisible.");
  shape.optional("meanings", profile.meanings, "What answers mean where the status alone does not tell.");
  shape.optional("errors", profile.errors, "Where errors are looked for in answers.");
  shape.optional("rate", profile.rate, "Headers that say how long to wait.");
  if (!shape.readable()) return;
  check_whole(shape, profile);
  if (shape.readable()) derive(profile);
}

std::string_view name_of(Meaning meaning) {
  switch (meaning) {
    case Meaning::success:
      return "success";
    case Meaning::already_so:
      return "alreadySo";
    case Meaning::already_gone:
      return "alreadyGone";
    case Meaning::exists:
      return "exists";
    case Meaning::not_found:
      return "notFound";
    case Meaning::empty:
      return "empty";
    case Meaning::retry:
      return "retry";
    case Meaning::throttle:
      return "throttle";
    case Meaning::unauthorized:
      return "unauthorized";
    case Meaning::credential:
      return "credential";
    case Meaning::unsupported:
      return "unsupported";
    case Meaning::refused:
      return "refused";
    case Meaning::redirect:
      return "redirect";
    case Meaning::unreadable:
      return "unreadable";
  }
  return "refused";
}

const std::vector<std::string>* wire_names(const UserFields& fields, Field field) {
  const auto names = [](const auto& mapped) { return mapped ? &mapped->names : nullptr; };
  switch (field) {
    case Field::first_name:
      return names(fields.first_name);
    case Field::last_name:
      return names(fields.last_name);
    case Field::email:
      return names(fields.email);
    case Field::phone:
      return names(fields.phone);
    case Field::scope:
      return names(fields.scope);
    case Field::enabled:
      return names(fields.enabled);
    case Field::roles:
      return names(fields.roles);
    case Field::accounts:
      return names(fields.accounts);
  }
  return nullptr;
}

std::optional<Profile> parse_profile(const std::string& file, std::string text, Problems& problems) {
  const auto document = parse_yaml(file, std::move(text), problems);
  if (!document) return std::nullopt;
  return read_described<Profile>(*document, problems);
}

std::optional<Profile> load_profile(const std::string& name_or_path, Problems& problems, const Place& asked) {
  std::vector<std::string> names;
  for (const auto& [name, text] : built_in_profiles()) {
    if (name == name_or_path)
      return parse_profile("providers/profiles/" + name + ".yaml", std::string(text), problems);
    names.push_back(name);
  }
  const bool is_path = name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".yaml") ||
                       name_or_path.ends_with(".yml");
  if (!is_path) {
    problems.add(asked, "unknown provider profile `" + name_or_path + "`; " +
                            suggestion(name_or_path, names) + " A profile of your own is named by its path");
    return std::nullopt;
  }
  std::error_code unknown;
  if (!asked.file.empty() && !std::filesystem::exists(name_or_path, unknown)) {
    problems.add(asked, "there is no profile file " + name_or_path);
    return std::nullopt;
  }
  const auto document = load_yaml(name_or_path, problems);
  if (!document) return std::nullopt;
  return read_described<Profile>(*document, problems);
}

std::string profile_schema() {
  return schema_of<Profile>("usersyncd provider profile");
}

}  // namespace usersyncd
