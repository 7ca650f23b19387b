#include "sync/observed.hpp"

#include <algorithm>

namespace usersyncd {

std::optional<std::string> Catalog::role_id(std::string_view id_or_name) const {
  if (!roles) return std::nullopt;
  const auto find = [&](auto&& matches) -> const Role* {
    const auto found = std::find_if(roles->begin(), roles->end(), matches);
    return found == roles->end() ? nullptr : &*found;
  };
  const auto folded = key_of(id_or_name);
  const Role* role = find([&](const Role& r) { return r.id == id_or_name; });
  if (!role) role = find([&](const Role& r) { return r.name == id_or_name; });
  if (!role) role = find([&](const Role& r) { return key_of(r.id) == folded || key_of(r.name) == folded; });
  if (!role) return std::nullopt;
  return role->id;
}

}  // namespace usersyncd
