#pragma once

#include <string>

#include "simulator/service.hpp"

namespace usersyncd::sim {

/// An answer as bytes, and what happens to the connection after them.
struct WireText {
  std::string bytes;
  bool close = false;
};

/// HTTP/1.1 text of a reply, cut short where its delivery says so. `keep_alive` is what the client asked for.
WireText wire_text(const Reply& reply, bool keep_alive, Instant now);

}  // namespace usersyncd::sim
