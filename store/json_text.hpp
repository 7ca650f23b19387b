#pragma once

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "sync/observed.hpp"
#include "sync/user.hpp"

// How values stand in the store: JSON text that is always valid UTF-8, the same for the same value. Reading
// text that is not of this form throws StoreError, because only the store writes it.

namespace usersyncd {

std::string fields_to_text(const Fields& fields);
Fields fields_from_text(std::string_view text);

std::string value_to_text(const Value& value);
Value value_from_text(Field field, std::string_view text);

/// A before-image or after-image; `null` where there is none.
std::string user_to_text(const std::optional<User>& user);
std::optional<User> user_from_text(std::string_view text);

std::string catalog_to_text(const Catalog& catalog);
Catalog catalog_from_text(std::string_view text);

/// Where a document lives that is soon done with: one piece of memory, given back in one go.
struct ShortMemory {
  std::array<unsigned char, 8192> first;
  boost::json::monotonic_resource resource{first.data(), first.size()};
};

/// Parses a document from the store, which then lives in `memory`.
boost::json::value parse_stored(std::string_view text, boost::json::storage_ptr memory = {});

/// The same text with every byte that is not part of well-formed UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);
/// The same where that is another text; empty if `text` is well-formed.
std::optional<std::string> mended_utf8(std::string_view text);

}  // namespace usersyncd
