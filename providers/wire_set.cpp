#include "providers/wire_set.hpp"

#include <algorithm>
#include <set>

#include "providers/tree.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

/// The list within the nested shape, else the value itself.
const json::value& unwrapped(const WireSet& set, const json::value& value) {
  const json::object* object = set.element.empty() ? nullptr : value.if_object();
  const json::value* inner = object ? object->if_contains(set.element) : nullptr;
  return inner ? *inner : value;
}

std::string member_text(const json::object& object, const std::string& name) {
  const json::value* member = name.empty() ? nullptr : member_at(object, name);
  return member ? scalar_text(*member).value_or("") : std::string{};
}

std::string known_id(const Catalog* roles, const std::string& token) {
  const auto id = roles && !token.empty() ? roles->role_id(token) : std::nullopt;
  return id.value_or("");
}

/// The id of an element; empty if it has neither id nor name. What the catalogue does not know stays as it
/// is.
std::string id_of(const WireSet& set, const json::value& element, const Catalog* roles) {
  const json::object* object = element.if_object();
  // `false` in the place of a list is how some libraries write that there is none: not a role of that name.
  const bool scalar = !object && !element.is_bool();
  const std::string id = object   ? member_text(*object, set.id)
                         : scalar ? scalar_text(element).value_or("")
                                  : "";
  const std::string name = object ? member_text(*object, set.name) : std::string{};
  for (const std::string& token : {known_id(roles, id), known_id(roles, name), id}) {
    if (!token.empty()) return token;
  }
  return name;
}

std::string display_name(const Catalog* roles, const std::string& id) {
  if (!roles || !roles->roles) return id;
  const auto found = std::find_if(roles->roles->begin(), roles->roles->end(),
                                  [&](const Role& role) { return role.id == id; });
  return found == roles->roles->end() ? id : found->name;
}

/// How new elements are to look, learned from those that are there.
struct Style {
  SetShape shape = SetShape::strings;
  bool ids = true;       ///< elements carry ids
  bool names = false;    ///< elements carry names
  bool numbers = false;  ///< ids are numbers
};

Style style_of(const WireSet& set, const json::value* current, const Catalog* roles) {
  Style style{set.write, true, false, set.numbers};
  if (!current || !set.keep_shape) return style;
  const json::value& list = unwrapped(set, *current);
  const bool nested = &list != current;
  if (nested) style.shape = SetShape::nested;
  const auto elements = as_list(list);
  if (elements.empty()) return style;
  const json::object* sample = elements.front()->if_object();
  if (!nested) style.shape = sample ? SetShape::objects : SetShape::strings;
  if (sample) {
    const json::value* id = member_at(*sample, set.id);
    style.names = !set.name.empty() && member_at(*sample, set.name);
    style.ids = id || !style.names;
    style.numbers = id && id->is_number();
    return style;
  }
  style.numbers = elements.front()->is_number();
  // Plain texts are ids, unless all of them are names of roles whose ids are different.
  style.ids = !std::all_of(elements.begin(), elements.end(), [&](const json::value* element) {
    const std::string token = scalar_text(*element).value_or("");
    const std::string id = known_id(roles, token);
    return !id.empty() && id != token;
  });
  return style;
}

json::value new_element(const WireSet& set, const Style& style, bool as_object, const std::string& id,
                        const Catalog* roles) {
  const std::string name = display_name(roles, id);
  const json::value written = style.numbers ? as_number(id) : json::value(id);
  if (!as_object) return style.ids ? written : json::value(name);
  json::object element;
  if (style.ids) put_at(element, set.id, written);
  if (style.names) put_at(element, set.name, json::value(name));
  return json::value(std::move(element));
}

}  // namespace

Result<StringSet> read_set(const WireSet& set, const json::value& value, const Catalog* roles) {
  std::vector<std::string> items;
  for (const json::value* element : as_list(unwrapped(set, value))) {
    std::string id = id_of(set, *element, roles);
    if (id.empty()) return Error{ErrorKind::malformed, "an element has no id", {}};
    items.push_back(std::move(id));
  }
  return make_set(std::move(items));
}

json::value write_set(const WireSet& set, const StringSet& wanted, const json::value* current,
                      const Catalog* roles) {
  const Style style = style_of(set, current, roles);
  json::array list;
  std::set<std::string> missing(wanted.begin(), wanted.end());
  bool as_objects = style.shape != SetShape::strings;
  if (current && set.keep_shape) {
    for (const json::value* element : as_list(unwrapped(set, *current))) {
      as_objects = element->is_object();
      if (missing.erase(id_of(set, *element, roles)) > 0) list.push_back(*element);
    }
  }
  for (const std::string& id : missing) list.push_back(new_element(set, style, as_objects, id, roles));
  if (style.shape != SetShape::nested) return json::value(std::move(list));
  json::object nested;
  nested.emplace(set.element, std::move(list));
  return json::value(std::move(nested));
}

}  // namespace usersyncd
