#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/error.hpp"

namespace usersyncd {

/// The body of an answer as one tree, whether it came as JSON or as XML.
///
/// XML elements become members (repeated ones an array, an empty one the empty string); attributes and
/// namespace prefixes are dropped, `xsi:nil="true"` is null. What decides is the first byte, because servers
/// answer in XML whatever was asked for; `content_type` only helps to name what cannot be read.
///
/// A number with a fraction or an exponent is kept as it was written, as a text that only tree_text and
/// scalar_text know from others: an update sends back 1.50 and not 1.5E0.
///
/// Fails with kind `malformed` on HTML, an empty body, a document type declaration, duplicate JSON members,
/// nesting deeper than 32, invalid UTF-8, integers beyond 64 bits, and anything that is not one whole
/// document.
Result<boost::json::value> parse_tree(std::string_view content_type, std::string_view body);

/// Whether a body is a web page: an answer of something in between, not of the API (A10).
bool looks_like_html(std::string_view content_type, std::string_view body);

/// JSON text of a tree, with every number as it was written. Trees are written with nothing else.
std::string tree_text(const boost::json::value& tree);

/// One element, many, an empty one and none, all as a list (A70).
std::vector<const boost::json::value*> as_list(const boost::json::value& value);

/// A string as it is, a number as its digits (5500001 is "5500001"), a bool as `true` or `false`; nothing for
/// the rest.
std::optional<std::string> scalar_text(const boost::json::value& value);

/// A whole number that is not negative, written as a number or as digits in a text; nothing for the rest.
std::optional<std::uint64_t> whole_number(const boost::json::value& value);

/// The text as a number if it is a whole one and written as JSON writes it (`8`, not `08`), else as a text.
boost::json::value as_number(const std::string& text);

/// The member of an object at a dotted path (`name.given`): the one that has the whole path for its name,
/// else what stands below the part before the dot. Null if absent.
const boost::json::value* member_at(const boost::json::object& object, std::string_view path);

/// Puts a member in that place, and makes the objects that lead there. False, and nothing is changed, if
/// something else than an object stands in the way.
bool put_at(boost::json::object& object, std::string_view path, boost::json::value value);

/// The value at a dotted path (`UsersResponse.Users.User`); the empty path is the value itself. Null if
/// absent.
const boost::json::value* find_path(const boost::json::value& tree, std::string_view path);

}  // namespace usersyncd
