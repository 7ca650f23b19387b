#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/world.hpp"

// JSON and XML bodies as one tree (a JSON value).

namespace usersyncd::sim {

/// XML with that root: a list under `Roles` becomes `<Roles><Role>…</Role></Roles>`, everything else an
/// element.
std::string to_xml(std::string_view root, const boost::json::object& tree);

/// The content of the root element: repeated siblings become a list, leaves become strings. Nothing if it is
/// not well-formed, or nested deeper than any body of this API.
std::optional<boost::json::value> from_xml(const std::string& text);

/// `{"Roles":[…]}` to `{"Roles":{"Role":[…]}}` at every depth; with one entry, the entry itself.
boost::json::value collapse_lists(const boost::json::value& tree);

/// Reads a list in every shape that the dashboard shows one in: an array, `{"Role":[…]}`, `{"Role":{…}}`,
/// a lone entry, empty text, null.
std::vector<boost::json::value> entries_of(const boost::json::value& list, std::string_view singular);

/// A request body's fields, each of which is taken out when it is read; what is left is unknown to the API.
class BodyFields {
 public:
  explicit BodyFields(boost::json::object fields) : fields_(std::move(fields)) {}

  /// Absent and null: not sent. Not a string: remembered as a refusal.
  std::optional<std::string> text(std::string_view name);
  /// true, false, and the same as text (as XML has it).
  std::optional<bool> flag(std::string_view name);
  /// Entries in any shape; an entry's id is itself, or the first of `keys` that it has.
  std::optional<std::vector<std::string>> ids(std::string_view name, std::string_view singular,
                                              std::initializer_list<std::string_view> keys);
  void drop(std::string_view name) { fields_.erase(name); }
  bool has(std::string_view name) const { return fields_.contains(name); }

  const std::optional<Refusal>& refusal() const { return refusal_; }
  boost::json::object rest() const { return fields_; }

 private:
  std::optional<boost::json::value> take(std::string_view name);
  void refuse(std::string_view name, std::string_view wanted);

  boost::json::object fields_;
  std::optional<Refusal> refusal_;
};

}  // namespace usersyncd::sim
