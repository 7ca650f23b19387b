#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace usersyncd {

// What the fields of a user may be. Each function says what is wrong with a value, or nothing. The limits are
// the provider's documented ones; a value that breaks them would only fail later, in the middle of a run.

/// 1 to 100 of `A-Z a-z 0-9 @ . _ -`.
std::optional<std::string> fault_of_username(const std::string& text);

/// A first or last name: 1 to 100 characters, none of them a control character.
std::optional<std::string> fault_of_name(const std::string& text);

/// Anything without control characters.
std::optional<std::string> fault_of_phone(const std::string& text);

/// At most 100 bytes, one `@` with something on both sides, no blanks.
std::optional<std::string> fault_of_email(const std::string& text);

/// `ACCOUNT` or `ACCOUNT_ADMIN`.
std::optional<std::string> fault_of_scope(const std::string& text);

inline constexpr std::string_view username_pattern = "^[A-Za-z0-9@._-]{1,100}$";
inline constexpr std::string_view email_pattern = "^[^@\\s]+@[^@\\s]+$";
inline constexpr std::string_view scope_pattern = "^ACCOUNT(_ADMIN)?$";
inline constexpr std::size_t longest_name = 100;

}  // namespace usersyncd
