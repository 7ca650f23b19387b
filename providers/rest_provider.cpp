#include "providers/rest_provider.hpp"

#include <algorithm>

#include "providers/codec.hpp"
#include "providers/next_page.hpp"
#include "providers/target.hpp"
#include "providers/tree.hpp"
#include "sync/password.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

/// More entries than this that cannot be read are not told one by one.
constexpr std::size_t most_faults = 20;

constexpr const char* no_place_for_password =
    "the profile's `password` leads through a field that is not an object; nothing was sent";

WriteOutcome outcome(WriteOutcome::Kind kind, std::string message) {
  WriteOutcome result;
  result.kind = kind;
  result.message = std::move(message);
  return result;
}

Error malformed(std::string message, std::string where) {
  return Error{ErrorKind::malformed, std::move(message), std::move(where)};
}

Error not_there(const Answer& answer, const std::string& where) {
  return Error{answer.meaning == Meaning::not_found ? ErrorKind::not_found : ErrorKind::provider,
               "the provider answered " + answer.summary(), where};
}

std::string where(const Endpoint& call) {
  return call.method + " " + call.path;
}

/// A password is known to the redactor as long as the request that carries it.
class RedactedPassword {
 public:
  RedactedPassword(Redactor& redactor, Secret password)
      : redactor_(redactor), password_(std::move(password)) {
    redactor_.add(password_.reveal());
  }
  ~RedactedPassword() { redactor_.remove(password_.reveal()); }
  RedactedPassword(const RedactedPassword&) = delete;
  RedactedPassword& operator=(const RedactedPassword&) = delete;

  const Secret& secret() const { return password_; }

 private:
  Redactor& redactor_;
  Secret password_;
};

User person_of(const Action& action) {
  User person = action.after;
  person.username = action.username;
  for (const Change& change : action.changes) {
    if (change.to) person.fields.set(change.field, *change.to);
  }
  return person;
}

}  // namespace

RestProvider::RestProvider(Profile profile, RestSettings settings, RestLogin login, RestPorts ports,
                           PasswordDelivery deliver)
    : RestProvider(std::make_shared<const Profile>(std::move(profile)), std::move(settings), std::move(login),
                   ports, std::move(deliver)) {}

RestProvider::RestProvider(std::shared_ptr<const Profile> profile, RestSettings settings, RestLogin login,
                           RestPorts ports, PasswordDelivery deliver)
    : shared_profile_(std::move(profile)),
      profile_(*shared_profile_),
      account_(settings.account),
      client_(profile_, std::move(settings), std::move(login), ports),
      redactor_(ports.redactor),
      deliver_(std::move(deliver)) {}

Error RestProvider::wrong_account(const StringSet& seen) const {
  return Error{ErrorKind::config,
               "the account " + account_ + " is not what our credential sees, which is " + show(Value{seen}) +
                   "; correct the account's id or its credentials in the config",
               {}};
}

Awaitable<Result<StringSet>> RestProvider::read_accounts(ExchangeContext context) {
  const Endpoint& call = *profile_.endpoints.accounts;
  const Result<std::string> target = target_of(call, account_, UserKey{});
  if (!target) co_return target.error();
  const Result<Answer> answer = co_await client_.read(*target, std::move(context));
  if (!answer) co_return answer.error();
  if (answer->meaning != Meaning::success) co_return not_there(*answer, where(call));
  if (!answer->tree) co_return malformed("the answer is empty", where(call));
  co_return decode_accounts(profile_.answers.accounts, *answer->tree);
}

Awaitable<Result<Catalog>> RestProvider::read_catalog(ExchangeContext context) {
  Catalog catalog;
  if (profile_.endpoints.accounts) {
    Result<StringSet> accounts = co_await read_accounts(context);
    if (!accounts) co_return accounts.error();
    const bool ours = std::binary_search(accounts->begin(), accounts->end(), account_);
    if (!ours && profile_.account_check == AccountCheck::accounts) co_return wrong_account(*accounts);
    catalog.accounts = std::move(*accounts);
  }
  if (profile_.endpoints.roles) {
    const Endpoint& call = *profile_.endpoints.roles;
    const Result<std::string> target = target_of(call, account_, UserKey{});
    if (!target) co_return target.error();
    const Result<Answer> answer = co_await client_.read(*target, std::move(context));
    if (!answer) co_return answer.error();
    // Not found: this account has no roles to choose from, so nothing can be checked against them.
    if (answer->meaning == Meaning::success) {
      if (!answer->tree) co_return malformed("the answer is empty", where(call));
      Result<std::vector<Role>> roles = decode_roles(profile_.answers.roles, *answer->tree);
      if (!roles) co_return roles.error();
      catalog.roles = std::move(*roles);
    }
  }
  catalog_ = catalog;
  co_return catalog;
}

// The pages that are as they were known, and after them the first that is not, if there is one.
Awaitable<RestProvider::PagesRead> RestProvider::recognise(const std::string& first, const ListMark& known,
                                                           const ExchangeContext& context) {
  PagesRead pages;
  const bool same_list = !known.empty() && known.front().target == Pager(profile_.paging, first).target();
  for (std::size_t i = 0; same_list && i < known.size(); ++i) {
    Result<PageAnswer> page = co_await client_.read_page(known[i].target, known[i].digest, context);
    const bool recognised = page && page->undecoded;
    pages.emplace_back(known[i].target, std::move(page));
    if (!recognised) break;
  }
  co_return pages;
}

Awaitable<Result<Listing>> RestProvider::list_users(ExchangeContext context, ListMark known) {
  const Result<std::string> first = target_of(profile_.endpoints.list, account_, UserKey{});
  if (!first) co_return first.error();
  PagesRead read = co_await recognise(*first, known, context);
  const bool all = !read.empty() && read.size() == known.size();
  if (!all || !read.back().second || !read.back().second->undecoded) {
    Result<Listing> decoded = co_await decode_list(*first, std::move(read), context);
    co_return decoded;
  }
  Listing listing;
  listing.mark = std::move(known);
  listing.recognised = true;
  co_return listing;
}

// All pages, of which the first few have been `read` already.
Awaitable<Result<Listing>> RestProvider::decode_list(const std::string& first, PagesRead read,
                                                     const ExchangeContext& context) {
  const std::string unknown;
  Listing listing;
  Pager pager(profile_.paging, first);
  bool recognisable = true;
  for (std::size_t i = 0; !pager.finished(); ++i) {
    const std::string target = pager.target();
    Result<PageAnswer> page = PageAnswer{};
    if (i < read.size() && read[i].first == target)
      page = std::move(read[i].second);
    else
      page = co_await client_.read_page(target, unknown, context);
    const auto failure =
        page ? take_page(understood(*page), page->links, target, pager, listing) : page.error();
    if (failure) {
      if (pager.pages() == 0) co_return *failure;
      // What was read of it cannot be the whole list (A3).
      listing.faults.push_back("page " + std::to_string(pager.pages() + 1) + " failed: " + failure->text());
      break;
    }
    recognisable = recognisable && !page->mark.digest.empty();
    listing.mark.push_back(std::move(page->mark));
  }
  listing.total = pager.total();
  listing.faults.insert(listing.faults.end(), pager.faults().begin(), pager.faults().end());
  if (!recognisable || !listing.faults.empty()) listing.mark.clear();
  co_return listing;
}

Answer RestProvider::understood(PageAnswer& page) const {
  if (!page.undecoded) return std::move(page.answer);
  Answer answer = client_.understand(*page.undecoded);
  page.undecoded.reset();
  return answer;
}

std::optional<Error> RestProvider::take_page(const Answer& answer, const std::vector<std::string>& links,
                                             const std::string& target, Pager& pager,
                                             Listing& listing) const {
  PageFacts facts;
  Listing page;
  if (answer.meaning == Meaning::success) {
    if (!answer.tree) return malformed("the answer is empty", where(profile_.endpoints.list));
    if (auto failure = read_page(*answer.tree, facts, page)) return failure;
    read_next_page(*answer.tree, links, target, facts, page);
  } else if (answer.meaning != Meaning::empty) {
    return not_there(answer, where(profile_.endpoints.list));
  }
  if (!pager.take(facts)) return std::nullopt;
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(listing.users, page.users);
  append(listing.account_ids, page.account_ids);
  append(listing.faults, page.faults);
  return std::nullopt;
}

std::optional<Error> RestProvider::read_page(const json::value& tree, PageFacts& facts, Listing& page) const {
  const auto entries = list_entries(profile_.answers.users, tree);
  if (!entries) return malformed(entries.error().message, where(profile_.endpoints.list));
  for (const json::value* entry : *entries) {
    auto user = decode_user(profile_.fields, *entry, catalog_);
    const std::string key = user ? key_of(user->username) : tree_text(*entry);
    facts.keys.push_back(key);
    if (!user && page.faults.size() < most_faults)
      page.faults.push_back(redactor_.redact(user.error().message));
    if (user) page.users.push_back(std::move(*user));
    for (std::string& mark : account_marks(profile_.fields, *entry))
      page.account_ids.push_back(std::move(mark));
  }
  for (const std::string& path : profile_.errors.in_list) {
    const json::value* errors = find_path(tree, path);
    if (!errors || as_list(*errors).empty()) continue;
    page.faults.push_back("the list came with errors: " +
                          redactor_.redact(tree_text(*errors).substr(0, 300)));
  }
  for (const std::string& path : profile_.paging.total) {
    const json::value* total = find_path(tree, path);
    if (!total || total->is_null()) continue;
    const auto number = whole_number(*total);
    if (!number) page.faults.push_back("the total of the list is not a number");
    facts.total = number;
    break;
  }
  return std::nullopt;
}

void RestProvider::read_next_page(const json::value& tree, const std::vector<std::string>& links,
                                  const std::string& target, PageFacts& facts, Listing& page) const {
  Result<NextPage> next = next_page(profile_.paging, tree, links);
  if (next && !next->name.empty() && profile_.paging.kind == Paging::Kind::link) {
    Result<std::string> followed = follow(client_.base_url(), target, next->name);
    if (followed) next->name = std::move(*followed);
    if (!followed) next = followed.error();
  }
  if (!next) {
    page.faults.push_back("next page: " + redactor_.redact(next.error().message));
    return;
  }
  facts.next = std::move(next->name);
  facts.last = next->last;
}

Result<Endpoint> RestProvider::item_call(const UserKey& key) const {
  const Endpoints& calls = profile_.endpoints;
  if (calls.item && (!key.user_id.empty() || !needs_user_id(*calls.item))) return *calls.item;
  if (calls.item_by_username) return *calls.item_by_username;
  return Error{ErrorKind::provider, "the provider did not tell the id of user \"" + key.username + "\"", {}};
}

Awaitable<Result<std::optional<RemoteUser>>> RestProvider::read_user(UserKey key, ExchangeContext context) {
  const Result<Endpoint> call = item_call(key);
  if (!call) co_return call.error();
  const Result<std::string> target = target_of(*call, account_, key);
  if (!target) co_return target.error();
  const Result<Answer> answer = co_await client_.read(*target, std::move(context));
  if (!answer) co_return answer.error();
  if (answer->meaning == Meaning::unsupported) co_return not_there(*answer, where(*call));
  if (answer->meaning != Meaning::success) co_return std::optional<RemoteUser>{};
  if (!answer->tree) co_return malformed("the answer is empty", where(*call));
  Result<RemoteUser> user = user_asked_for(*answer->tree, key);
  if (!user) co_return malformed(user.error().message, where(*call));
  co_return std::optional<RemoteUser>(std::move(*user));
}

Result<RemoteUser> RestProvider::user_asked_for(const json::value& tree, const UserKey& key) const {
  const auto found = item_of(profile_, tree);
  if (!found) return found.error();
  json::value item(**found);
  for (const std::string& mark : account_marks(profile_.fields, item)) {
    if (mark != account_) return malformed("the user belongs to account " + mark + ", not " + account_, {});
  }
  Result<RemoteUser> user = remote_user(item);
  if (!user || key.username.empty() || key_of(user->user.username) == key_of(key.username)) return user;
  return malformed("asked for user \"" + key.username + "\", but \"" + user->user.username + "\" came", {});
}

Result<RemoteUser> RestProvider::remote_user(json::value& item) const {
  // A provider that echoes a password must not make us keep it (A60).
  erase_passwords(profile_, item.as_object());
  auto user = decode_user(profile_.fields, item, catalog_);
  if (!user) return Error{ErrorKind::malformed, redactor_.redact(user.error().message), {}};
  RemoteUser remote;
  remote.user = std::move(*user);
  remote.document = tree_text(item);
  return remote;
}

std::optional<WriteOutcome> RestProvider::cannot(const Action& action) const {
  const Capabilities& can = profile_.capabilities;
  const auto unsupported = [](const std::string& what) {
    return outcome(WriteOutcome::Kind::unsupported, "the provider cannot " + what + ": a person must");
  };
  switch (action.operation) {
    case Operation::create:
      if (!can.create) return unsupported("create users");
      break;
    case Operation::update:
      if (!can.update) return unsupported("change users");
      break;
    case Operation::enable:
    case Operation::disable:
      if (!can.disable) return unsupported("enable and disable users");
      break;
    case Operation::remove:
      if (!can.remove) return unsupported("delete users");
      break;
  }
  if (action.operation == Operation::create) return std::nullopt;
  for (const Change& change : action.changes) {
    const bool fixed =
        std::find(can.immutable.begin(), can.immutable.end(), change.field) != can.immutable.end();
    if (fixed) return unsupported("change `" + std::string(name_of(change.field)) + "`");
  }
  return std::nullopt;
}

Awaitable<WriteOutcome> RestProvider::create(const Permit& permit, ExchangeContext context) {
  const Action& action = permit.action();
  if (auto no = cannot(action)) co_return *no;
  Result<json::object> body = body_of_new_user(profile_, action, account_);
  if (!body) co_return outcome(WriteOutcome::Kind::refused, body.error().message + "; nothing was sent");
  UserKey key;
  key.username = action.username;
  if (profile_.creation.password.empty()) {
    co_return co_await send(*profile_.endpoints.create, key, body_text(profile_, *body), action.operation,
                            context);
  }
  const RedactedPassword password(redactor_, make_password(person_of(action)));
  if (deliver_) {
    const Result<bool> delivered = deliver_(action.username, password.secret());
    if (!delivered) {
      const std::string why = redactor_.redact(delivered.error().text());
      co_return outcome(WriteOutcome::Kind::not_sent, "the password could not be delivered: " + why);
    }
  }
  if (!put_at(*body, profile_.creation.password, json::value(password.secret().reveal())))
    co_return outcome(WriteOutcome::Kind::refused, no_place_for_password);
  co_return co_await send(*profile_.endpoints.create, key, body_text(profile_, *body), action.operation,
                          context);
}

Awaitable<WriteOutcome> RestProvider::update(const Permit& permit, RemoteUser base, ExchangeContext context) {
  const Action& action = permit.action();
  if (auto no = cannot(action)) co_return *no;
  UserKey key;
  key.username = base.user.username;
  key.user_id = base.user.user_id.empty() ? action.user_id : base.user.user_id;
  if (key_of(key.username) != key_of(action.username)) {
    co_return outcome(WriteOutcome::Kind::not_sent, "what was read is not the user of the action");
  }
  const Endpoints& calls = profile_.endpoints;
  if (action.operation == Operation::disable && calls.disable) {
    co_return co_await send(*calls.disable, key, std::string(), action.operation, context);
  }
  if (action.operation == Operation::enable && calls.enable) {
    co_return co_await send(*calls.enable, key, std::string(), action.operation, context);
  }
  const Result<std::string> body = update_body(action, base);
  if (!body) co_return outcome(WriteOutcome::Kind::refused, body.error().message + "; nothing was sent");
  co_return co_await send(*calls.update, key, *body, action.operation, context);
}

Result<std::string> RestProvider::update_body(const Action& action, const RemoteUser& base) const {
  const Result<json::value> document = parse_tree("application/json", base.document);
  if (!document || !document->is_object()) {
    return malformed("there is no document of the user to change: it must be read first", {});
  }
  std::vector<Change> changes = action.changes;
  const bool switches = action.operation == Operation::enable || action.operation == Operation::disable;
  const auto says_enabled = [](const Change& change) { return change.field == Field::enabled; };
  if (switches && std::none_of(changes.begin(), changes.end(), says_enabled)) {
    changes.push_back({Field::enabled, std::nullopt, Value{action.operation == Operation::enable}});
  }
  auto body = body_of_update(profile_, document->get_object(), changes, catalog_);
  if (!body) return body.error();
  return body_text(profile_, std::move(*body));
}

Awaitable<WriteOutcome> RestProvider::remove(const Permit& permit, ExchangeContext context) {
  const Action& action = permit.action();
  if (auto no = cannot(action)) co_return *no;
  UserKey key;
  key.username = action.username;
  key.user_id = action.user_id;
  if (key.user_id.empty() && needs_user_id(*profile_.endpoints.remove)) {
    const Result<std::optional<RemoteUser>> found = co_await read_user(key, context);
    if (!found) co_return outcome(WriteOutcome::Kind::not_sent, found.error().text());
    if (!*found) co_return outcome(WriteOutcome::Kind::already_so, "the provider has no such user");
    key.user_id = (*found)->user.user_id;
  }
  co_return co_await send(*profile_.endpoints.remove, key, std::string(), action.operation, context);
}

Awaitable<WriteOutcome> RestProvider::send(Endpoint call, UserKey key, std::string body, Operation operation,
                                           ExchangeContext context) {
  if (needs_user_id(call) && key.user_id.empty()) {
    const std::string message =
        "the provider did not tell the id of user \"" + key.username + "\": a person must";
    co_return outcome(WriteOutcome::Kind::unsupported, message);
  }
  Result<std::string> target = target_of(call, account_, key);
  if (!target) co_return outcome(WriteOutcome::Kind::refused, target.error().message);
  HttpRequest request;
  request.method = call.method;
  request.target = std::move(*target);
  request.body = std::move(body);
  SentWrite sent = co_await client_.write(std::move(request), operation, std::move(context));
  if (sent.outcome.kind == WriteOutcome::Kind::accepted) keep_answer(sent, key);
  co_return std::move(sent.outcome);
}

void RestProvider::keep_answer(SentWrite& sent, const UserKey& key) const {
  if (sent.answer && sent.answer->tree) {
    Result<RemoteUser> user = user_asked_for(*sent.answer->tree, key);
    if (user) {
      sent.outcome.user = std::move(*user);
      return;
    }
  }
  if (sent.location.empty() || profile_.fields.user_id.empty()) return;
  RemoteUser created;
  created.user.username = key.username;
  created.user.user_id = last_segment(sent.location);
  sent.outcome.user = std::move(created);
}

}  // namespace usersyncd
