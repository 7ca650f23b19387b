#include "sync/ports.hpp"

namespace usersyncd {

const std::string* find_header(const Headers& headers, std::string_view name) {
  const auto wanted = key_of(name);
  for (const auto& [key, value] : headers) {
    if (key_of(key) == wanted) return &value;
  }
  return nullptr;
}

}  // namespace usersyncd
