#include "simulator/wire.hpp"

#include <boost/beast/http/status.hpp>
#include <cmath>

namespace usersyncd::sim {

WireText wire_text(const Reply& reply, bool keep_alive, Instant now) {
  const Response& response = reply.response;
  const Delivery& delivery = reply.delivery;
  WireText text;
  text.close = !keep_alive || delivery.unframed || delivery.truncate;
  const auto status = boost::beast::http::int_to_status(static_cast<unsigned>(response.status));
  text.bytes = "HTTP/1.1 " + std::to_string(response.status) + " " +
               std::string(boost::beast::http::obsolete_reason(status)) +
               "\r\nServer: usersyncd-sim\r\nDate: " + http_date(now) + "\r\n";
  for (const auto& [name, value] : response.headers) {
    text.bytes += name + ": " + value + "\r\n";
  }
  const bool has_body = response.status != 204 && response.status != 304;
  if (has_body && !delivery.unframed) {
    text.bytes += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  // A truncated answer does not announce its end: the connection just breaks, as it does in the wild.
  if (!keep_alive || delivery.unframed) {
    text.bytes += "Connection: close\r\n";
  }
  text.bytes += "\r\n";
  if (has_body) {
    const double share = delivery.truncate.value_or(1.0);
    text.bytes += response.body.substr(
        0, static_cast<std::size_t>(std::floor(static_cast<double>(response.body.size()) * share)));
  }
  return text;
}

}  // namespace usersyncd::sim
