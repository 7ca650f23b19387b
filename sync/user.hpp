#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace usersyncd {

/// The fields of a user that can be managed. `username` is the key and not among them.
enum class Field : std::uint8_t { first_name, last_name, email, phone, scope, enabled, roles, accounts };

inline constexpr std::size_t field_count = 8;
inline constexpr std::array<Field, field_count> all_fields{
    Field::first_name, Field::last_name, Field::email, Field::phone,
    Field::scope,      Field::enabled,   Field::roles, Field::accounts};

/// The name that people write and read: `firstName`, `roles`, …
std::string_view name_of(Field field);
std::optional<Field> field_from_name(std::string_view name);

/// A set of role ids or account ids: sorted, without duplicates. Build it with make_set.
using StringSet = std::vector<std::string>;
StringSet make_set(std::vector<std::string> items);

/// `enabled` is a bool, `roles` and `accounts` are sets, the others are strings. Strings stay strings.
using Value = std::variant<std::string, bool, StringSet>;

/// Field values with presence: a field that is absent is unknown (observed) or not managed (desired), never
/// empty.
class Fields {
 public:
  bool has(Field field) const { return values_[index(field)].has_value(); }
  const std::optional<Value>& get(Field field) const { return values_[index(field)]; }
  void set(Field field, Value value) { values_[index(field)] = std::move(value); }
  void erase(Field field) { values_[index(field)].reset(); }

  /// Typed look-ups; empty when the field is absent or of another shape.
  const std::string* text(Field field) const;
  std::optional<bool> flag(Field field) const;
  const StringSet* set_of(Field field) const;

  friend bool operator==(const Fields&, const Fields&) = default;

 private:
  static std::size_t index(Field field) { return static_cast<std::size_t>(field); }
  std::array<std::optional<Value>, field_count> values_;
};

/// One person as the provider shows or is to show them.
struct User {
  std::string username;  ///< as the provider spells it
  std::string user_id;   ///< the provider's own key; empty where the username is the key
  Fields fields;

  friend bool operator==(const User&, const User&) = default;
};

/// Usernames and e-mail addresses are compared without regard to ASCII case (A47).
std::string key_of(std::string_view username);

/// Whether two values of a field mean the same: e-mail without regard to case, phones without regard to
/// formatting characters, sets as sets, everything else exactly.
bool same_value(Field field, const Value& left, const Value& right);

/// For people, within a sentence: `"Ann"`, `true`, `[Admin, basicAccess]`.
std::string show(const Value& value);

/// For a field of its own in a log line or a document: the same, but a string is just itself.
std::string plain(const Value& value);

}  // namespace usersyncd
