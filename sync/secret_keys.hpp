#pragma once

#include <cstddef>
#include <string_view>

namespace usersyncd {

/// A part of a text.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool empty() const { return begin == end; }
};

/// Whether what stands under this name is a secret: `password`, `clientSecret`, `access_token`, `API-Key`,
/// also with something before it, as in `newPassword`. Not `nextPageToken`: a bare `token` has to be the
/// whole name.
bool is_secret_key(std::string_view name);

/// The same for the name of a header, where anything that ends in `token` counts.
bool is_secret_header(std::string_view name);

/// The characters by which secret_value_at can tell that a key is near.
inline constexpr std::string_view key_marks = ":=<";

/// The value of a secret key, where `pos` is at the `:` after the key of a JSON member, the `=` after a form
/// field or an attribute, or the `<` of an XML element. Empty: there is no such key, or nothing secret under
/// it. A value that does not end reaches to the end of the text.
TextRange secret_value_at(std::string_view text, std::size_t pos);

}  // namespace usersyncd
