#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <utility>

#include "daemon/http_client.hpp"
#include "tests/support/run.hpp"
#include "tests/support/scripted_server.hpp"

namespace usersyncd::test {

using Answer = boost::system::result<HttpResponse, HttpFailure>;

inline HttpRequest request_of(std::string method, std::string target, std::string body = {}) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.body = std::move(body);
  return request;
}

/// An answer with the given body, framed by its length.
inline std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// The client under test with a context to run it in.
class HttpFixture {
 public:
  explicit HttpFixture(const std::string& url, HttpOptions options = {}) {
    auto origin = parse_base_url(url);
    REQUIRE(origin.has_value());
    options.origin = *origin;
    auto http = make_http_client(io_.get_executor(), std::move(options));
    REQUIRE(http.has_value());
    http_ = std::move(*http);
  }

  Answer send(HttpRequest request) { return run(io_, http_->send(std::move(request))); }
  Answer get(std::string target = "/") { return send(request_of("GET", std::move(target))); }
  Answer post(std::string body = "{}") { return send(request_of("POST", "/", std::move(body))); }

  boost::asio::io_context& io() { return io_; }
  Http& http() { return *http_; }

 private:
  boost::asio::io_context io_;
  std::unique_ptr<Http> http_;
};

/// The request must have failed in this way, with these words in its message.
inline void check_failure(const Answer& answer, HttpFailure::Kind kind, const std::string& words) {
  REQUIRE_FALSE(answer.has_value());
  INFO(answer.error().message);
  CHECK(answer.error().kind == kind);
  CHECK(answer.error().message.find(words) != std::string::npos);
}

}  // namespace usersyncd::test
