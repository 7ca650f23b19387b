#pragma once

#include "simulator/message.hpp"

namespace usersyncd::sim {

/// How an answer is to be put on the wire.
struct Delivery {
  Micros delay{};                  ///< before the first byte
  Micros per_byte{};               ///< between any two bytes
  bool reset = false;              ///< a reset connection instead of the answer
  std::optional<double> truncate;  ///< this share of the body, then the end of the connection
  bool unframed = false;           ///< no Content-Length; ends with the connection
};

struct Reply {
  Response response;
  Delivery delivery;
};

/// What a server serves: one simulated provider, or many. One thread asks.
class Service {
 public:
  virtual ~Service() = default;
  virtual Reply answer(const Request& request, Instant now) = 0;
  virtual bool stop_requested() const = 0;
};

}  // namespace usersyncd::sim
