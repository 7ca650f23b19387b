#include "config/desired_entries.hpp"

#include <utility>

#include "config/user_rules.hpp"

namespace usersyncd {
namespace {

TextCodec username_codec() {
  return {fault_of_username, std::string(username_pattern), longest_name};
}
TextCodec name_codec() {
  return {fault_of_name, "\\S", longest_name};
}
TextCodec email_codec() {
  return {fault_of_email, std::string(email_pattern), longest_name};
}
TextCodec scope_codec() {
  return {fault_of_scope, std::string(scope_pattern), 0};
}

/// The fields that a user and `defaults` have in common.
template <class Access, class ScopeCodec>
void describe_access(Shape& shape, Access& access, const ScopeCodec& scope) {
  shape.optional("roles", access.roles,
                 "Roles, by role name, role id or role set. [] takes every role away.");
  shape.optional("accounts", access.accounts, "Accounts of the provider that the person may use.");
  shape.optional("scope", access.scope, "ACCOUNT or ACCOUNT_ADMIN.", scope);
  shape.optional("enabled", access.enabled, "Whether the person can log in.");
}

/// A person who is to be gone needs nothing else; what else is written is probably a mistake.
void check_absent(Shape& shape, const UserEntry& user) {
  if (!user.absent) return;
  for (const char* key : {"firstName", "lastName", "email", "phone", "roles", "accounts", "scope", "enabled",
                          "validFrom", "validUntil"})
    if (shape.written(key))
      shape.refuse(key,
                   std::string("a user with `state: absent` has no `") + key + "`; leave one of them out");
}

}  // namespace

bool Codec<AccountGrant>::read(Reading& reading, const YamlNode& node, AccountGrant& grant) const {
  grant.place = reading.document.place_of(node);
  return filled_text().read(reading, node, grant.account);
}

namespace {

bool reads_earlier_names(const Reading& reading, const YamlNode& node) {
  const YamlNode* previously = node.find("previously");
  if (!previously) return true;
  Problems reported_before;
  Reading again{reading.document, reported_before};
  std::vector<Written<std::string>> names;
  return list_of(written_as(username_codec())).read(again, *previously, names);
}

}  // namespace

bool UserEntryCodec::read(Reading& reading, const YamlNode& node, UserEntry& entry) const {
  const bool misshapen_before = std::exchange(reading.misshapen, false);
  const std::size_t before = reading.problems.count();
  const bool ok = Codec<UserEntry>{}.read(reading, node, entry);
  // Only where every name can be relied on is it clear who is frozen, and that nobody else was meant.
  const bool confined = !ok && !reading.misshapen && !fault_of_username(entry.username.value) &&
                        reads_earlier_names(reading, node);
  if (confined) {
    entry.frozen = reading.problems.message_since(before);
    reading.problems.confine_since(before);
  }
  reading.misshapen = reading.misshapen || misshapen_before;
  return ok || confined;
}

boost::json::object Codec<AccountGrant>::schema() const {
  return filled_text().schema();
}

void describe(Shape& shape, RoleGrant& grant) {
  shape.about("A role that ends at a time.");
  shape.place(grant.place);
  shape.shorthand(grant.role, "A role name, a role id or a role set.", filled_text());
  shape.required("name", grant.role, "A role name, a role id or a role set.", filled_text());
  shape.optional("until", grant.until,
                 "From then on as if the role were not written. A date: its start, UTC.");
}

void describe(Shape& shape, DefaultsEntry& defaults) {
  shape.about(
      "For the users of the account, in whichever of its files they stand, but not for absent ones. Roles "
      "are "
      "merged into every user's roles; the other fields are for users that do not write them. Where several "
      "files write the same key they have to write the same value.");
  describe_access(shape, defaults, written_as(scope_codec()));
  for (const char* key : {"roles", "accounts"}) {
    const bool empty = std::string_view(key) == "roles"
                           ? defaults.roles && defaults.roles->value.empty()
                           : defaults.accounts && defaults.accounts->value.empty();
    if (shape.readable() && empty)
      shape.refuse(key, "an empty list here would take everything from each user that does not write `" +
                            std::string(key) + "`; leave the key out");
  }
}

void describe(Shape& shape, UserEntry& user) {
  shape.about("A person. A field that is not written is neither compared nor changed.");
  shape.place(user.place);
  shape.required("username", user.username, "The key; compared without regard to case.",
                 written_as(username_codec()));
  shape.optional("firstName", user.first_name, "First name.", name_codec());
  shape.optional("lastName", user.last_name, "Last name.", name_codec());
  shape.optional("email", user.email, "E-mail address.", email_codec());
  shape.optional("phone", user.phone, "Phone number, in quotes.", TextCodec{fault_of_phone, "", 0});
  describe_access(shape, user.access, scope_codec());
  shape.optional("previously", user.previously, "Earlier usernames of the same person.",
                 list_of(written_as(username_codec())));
  shape.optional("state", user.absent, "present (the default), or absent: deprovision, by the policy's way.",
                 one_of<bool>({{"present", false}, {"absent", true}}));
  shape.optional("validFrom", user.valid_from, "Until then as if `enabled: false`. A date: its start, UTC.");
  shape.optional("validUntil", user.valid_until,
                 "From then on as if `enabled: false`. A date: its start, UTC.");
  if (!shape.readable()) return;
  check_absent(shape, user);
  if (user.valid_from && user.valid_until && *user.valid_from >= *user.valid_until)
    shape.refuse("validUntil", "validUntil is not after validFrom");
}

void describe(Shape& shape, DesiredFile& file) {
  int version = 1;
  shape.about("Who is wanted in one account. Several files may describe one account.");
  shape.required("version", version, "The version of this kind of file.", VersionCodec{});
  shape.required("account", file.account, "The id of an account in the config.", written_as(filled_text()));
  shape.optional("roleSets", file.role_sets, "Names for several roles at once, in all files of the account.",
                 map_of(written_as(list_of(written_as(filled_text())))));
  shape.optional("defaults", file.defaults,
                 "For all users of the account, in whichever of its files they stand.");
  shape.required("users", file.users, "The users.", written_as(list_of(UserEntryCodec{})));
}

}  // namespace usersyncd
