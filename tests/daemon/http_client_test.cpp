#include <boost/asio/co_spawn.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <vector>

#include "tests/daemon/http_fixture.hpp"

namespace usersyncd::test {
namespace {

using Kind = HttpFailure::Kind;

/// Answers each of these in turn on one connection.
Script answer_in_turn(std::vector<std::string> answers) {
  return [answers](Peer& peer) {
    for (const std::string& answer : answers) {
      if (peer.read_request().empty()) return;
      peer.send(answer);
    }
    peer.wait_until_closed();
  };
}

HttpOptions within(Duration timeout) {
  HttpOptions options;
  options.timeout = timeout;
  return options;
}

/// Lets nobody through before `count` have come.
class Gate {
 public:
  explicit Gate(int count) : missing_(count) {}
  void pass() {
    std::unique_lock lock{mutex_};
    if (--missing_ == 0) all_here_.notify_all();
    all_here_.wait_for(lock, std::chrono::seconds{20}, [this] { return missing_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  int missing_;
};

}  // namespace

TEST_CASE("http: a request goes out as it should, and its answer comes back whole") {
  ScriptedServer server{
      {answer_with("HTTP/1.1 201 Created\r\nX-One: 1\r\nContent-Length: 4\r\nX-One: 2\r\n\r\nbody")}};
  HttpFixture client{server.url() + "/api"};
  HttpRequest request = request_of("POST", "/users?a=%40", "{\"a\":1}");
  request.headers = {{"Accept", "application/json"},
                     {"Host", "evil"},
                     {"Transfer-Encoding", "chunked"},
                     {"Content-Length", "3"}};
  const Answer answer = client.send(request);
  REQUIRE(answer.has_value());
  CHECK(answer->status == 201);
  CHECK(answer->body == "body");
  REQUIRE(answer->headers.size() == 3);
  CHECK(answer->headers[0].second == "1");
  CHECK(answer->headers[1].second == "2");

  REQUIRE(server.requests().size() == 1);
  const std::string sent = server.requests()[0];
  CHECK(sent.starts_with("POST /api/users?a=%40 HTTP/1.1\r\n"));
  for (const std::string line : {"Host: 127.0.0.1:", "User-Agent: usersyncd/", "Accept: application/json\r\n",
                                 "Accept-Encoding: identity\r\n", "Content-Length: 7\r\n"}) {
    CAPTURE(line);
    CHECK(sent.find(line) != std::string::npos);
  }
  CHECK(sent.find("evil") == std::string::npos);
  CHECK(sent.find("chunked") == std::string::npos);
  CHECK(sent.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_CASE("http: answers that are taken as they are") {
  struct Row {
    std::string what, answer;
    int status;
    std::string body;
  };
  const std::vector<Row> rows{
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
       200, "abcde"},
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
      {"a redirect is not followed",
       "HTTP/1.1 302 Found\r\nLocation: https://evil/\r\nContent-Length: 0\r\n\r\n", 302, ""},
      {"an error page", "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", 503, "busy"},
      {"interim answers",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok("x"), 200, "x"},
      {"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 200,
       "x"},
      {"said to be identity", "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 1\r\n\r\nx",
       200, "x"},
      {"HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server{{answer_with(row.answer)}};
    HttpFixture client{server.url()};
    const Answer answer = client.get();
    REQUIRE(answer.has_value());
    CHECK(answer->status == row.status);
    CHECK(answer->body == row.body);
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("http: the answer to HEAD has a length and no body") {
  ScriptedServer server{{answer_in_turn({"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", ok("next")})}};
  HttpFixture client{server.url()};
  const Answer head = client.send(request_of("HEAD", "/"));
  REQUIRE(head.has_value());
  CHECK(head->body.empty());
  const Answer next = client.get();
  REQUIRE(next.has_value());
  CHECK(next->body == "next");
}

TEST_CASE("http: an answer of which nobody can tell that it is whole is refused") {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  struct Row {
    std::string what, answer;
    Kind kind;
    std::string words;
  };
  const std::vector<Row> rows{
      {"unframed", head + "\r\n{\"users\":[]}", Kind::bad_framing, "cannot tell whether it is whole"},
      {"cut by length", head + "Content-Length: 100\r\n\r\n{\"users\":", Kind::truncated, "cut off"},
      {"cut chunk", head + "Transfer-Encoding: chunked\r\n\r\n10\r\nabc", Kind::truncated, "cut off"},
      {"no last chunk", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Kind::truncated, "cut off"},
      {"cut header", head + "Content-Le", Kind::truncated, "cut off"},
      {"two lengths", head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", Kind::bad_framing,
       "Content-Length"},
      {"list of lengths", head + "Content-Length: 3, 4\r\n\r\nabcd", Kind::bad_framing, "Content-Length"},
      {"negative length", head + "Content-Length: -1\r\n\r\n", Kind::bad_framing, "Content-Length"},
      {"length and chunked", head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       Kind::bad_framing, "Transfer-Encoding"},
      {"chunked and length", head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
       Kind::bad_framing, "Content-Length"},
      {"gzip coding", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Kind::bad_framing,
       "other than chunked"},
      {"bad chunk", head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", Kind::bad_framing, "chunk"},
      {"compressed", head + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", Kind::bad_framing,
       "compressed"},
      {"not HTTP", "220 mail.example ESMTP\r\n", Kind::bad_framing, "not valid HTTP"},
      {"another protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", Kind::bad_framing, "another protocol"},
      {"closed at once", "", Kind::reset, "closed before an answer came"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server{{answer_with(row.answer)}};
    HttpFixture client{server.url()};
    const Answer answer = client.get();
    check_failure(answer, row.kind, row.words);
    CHECK(answer.error().may_have_arrived);
    CHECK(answer.error().message.find("127.0.0.1:" + std::to_string(server.port())) != std::string::npos);
  }
}

TEST_CASE("http: endless interim answers come to an end") {
  std::string interim;
  for (int i = 0; i < 20; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  ScriptedServer server{{answer_with(interim + ok("x"))}};
  HttpFixture client{server.url()};
  check_failure(client.get(), Kind::bad_framing, "not valid HTTP");
}

TEST_CASE("http: bodies up to the limit are taken, larger ones refused, by length and by chunks") {
  HttpOptions options;
  options.max_response_bytes = 2048;
  const auto chunked = [](std::size_t size) {
    const std::string half = "400\r\n" + std::string(0x400, 'x') + "\r\n";
    const std::string rest = size > 2048 ? "1\r\nx\r\n" : "";
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + half + half + rest + "0\r\n\r\n";
  };
  for (const std::string& fits : {ok(std::string(2048, 'x')), chunked(2048)}) {
    ScriptedServer server{{answer_with(fits)}};
    HttpFixture client{server.url(), options};
    const Answer answer = client.get();
    REQUIRE(answer.has_value());
    CHECK(answer->body.size() == 2048);
  }
  for (const std::string& too_large : {ok(std::string(2049, 'x')), chunked(2049)}) {
    ScriptedServer server{{answer_with(too_large)}};
    HttpFixture client{server.url(), options};
    check_failure(client.get(), Kind::too_large, "larger than 2 KiB");
  }
}

TEST_CASE("http: a body beyond Beast's own default limit is taken when ours allows it") {
  const std::string body(9U << 20, 'x');
  ScriptedServer server{{answer_with(ok(body))}};
  HttpFixture client{server.url()};
  const Answer answer = client.get();
  REQUIRE(answer.has_value());
  CHECK(answer->body == body);
}

TEST_CASE("http: headers larger than 16 KiB are refused") {
  const std::string header =
      "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\nContent-Length: 0\r\n\r\n";
  ScriptedServer server{{answer_with(header)}};
  HttpFixture client{server.url()};
  check_failure(client.get(), Kind::too_large, "headers");
}

TEST_CASE("http: one deadline holds for the whole request, however busily the server drips") {
  const std::vector<std::pair<std::string, Script>> rows{
      {"silent",
       [](Peer& peer) {
         peer.read_request();
         peer.wait_until_closed();
       }},
      {"drips its header",
       [](Peer& peer) {
         peer.read_request();
         peer.drip("HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x'));
       }},
      {"drips its body",
       [](Peer& peer) {
         peer.read_request();
         peer.drip(ok(std::string(9000, 'x')));
       }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    ScriptedServer server{{row.second}};
    HttpFixture client{server.url(), within(Duration{200})};
    const auto started = std::chrono::steady_clock::now();
    const Answer answer = client.get();
    check_failure(answer, Kind::timeout, "within 200ms");
    CHECK(answer.error().may_have_arrived);
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{10});
  }
}

TEST_CASE("http: the deadline holds while a name is looked up") {
  HttpFixture client{"https://no-such-host.invalid", within(Duration{300})};
  const auto started = std::chrono::steady_clock::now();
  const Answer answer = client.post();
  REQUIRE_FALSE(answer.has_value());
  const bool as_expected = answer.error().kind == Kind::resolve || answer.error().kind == Kind::timeout;
  CHECK(as_expected);
  CHECK_FALSE(answer.error().may_have_arrived);
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds{4});
}

TEST_CASE("http: a refused connection is a definite no") {
  const std::string port = std::to_string(closed_port());
  HttpFixture client{"http://127.0.0.1:" + port};
  const Answer answer = client.post();
  check_failure(answer, Kind::connect, "connection refused by 127.0.0.1:" + port);
  CHECK_FALSE(answer.error().may_have_arrived);
}

TEST_CASE("A29: a write that was sent and not answered may have arrived, and is not sent again") {
  const std::vector<std::pair<std::string, Script>> rows{
      {"reset",
       [](Peer& peer) {
         peer.read_request();
         peer.reset();
       }},
      {"closed", [](Peer& peer) { peer.read_request(); }},
      {"reset in the answer",
       [](Peer& peer) {
         peer.read_request();
         peer.send("HTTP/1.1 20");
         peer.reset();
       }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    ScriptedServer server{{row.second}};
    HttpFixture client{server.url()};
    const Answer answer = client.post();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().may_have_arrived);
    CHECK(server.requests().size() == 1);
  }
}

TEST_CASE("http: nothing is repeated on a fresh connection, not even a GET") {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.reset();
  }}};
  HttpFixture client{server.url()};
  REQUIRE_FALSE(client.get().has_value());
  CHECK(server.connections() == 1);
}

TEST_CASE("http: a connection is kept for the next request when the answer allows it") {
  struct Row {
    std::string what, first;
    std::size_t connections;
  };
  const std::vector<Row> rows{
      {"kept", ok("a"), 1},
      {"chunked and kept", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 1},
      {"said to close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", 2},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 2},
      {"more than was asked", ok("a") + ok("smuggled"), 2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server{{answer_in_turn({row.first, ok("b")}), answer_with(ok("b"))}};
    HttpFixture client{server.url()};
    REQUIRE(client.get().has_value());
    const Answer second = client.post();
    REQUIRE(second.has_value());
    CHECK(second->body == "b");
    CHECK(server.connections() == row.connections);
  }
}

TEST_CASE(
    "http: a kept connection that the server closed is noticed before anything is sent, also for a write") {
  std::promise<void> closed;
  const Script answer_and_close = [&closed](Peer& peer) {
    peer.read_request();
    peer.send(ok("a"));
    peer.close();
    closed.set_value();
  };
  ScriptedServer server{{answer_and_close, answer_with(ok("b"))}};
  HttpFixture client{server.url()};
  REQUIRE(client.get().has_value());
  closed.get_future().wait();
  const Answer second = client.post();
  REQUIRE(second.has_value());
  CHECK(second->body == "b");
  CHECK(server.connections() == 2);
}

TEST_CASE("http: on a kept connection that dies under the request, GET is sent once more and POST is not") {
  const Script dies_under_second = [](Peer& peer) {
    peer.read_request();
    peer.send(ok("a"));
    peer.read_request();
    peer.reset();
  };
  SUBCASE("GET") {
    ScriptedServer server{{dies_under_second, answer_with(ok("b"))}};
    HttpFixture client{server.url()};
    REQUIRE(client.get().has_value());
    const Answer second = client.get();
    REQUIRE(second.has_value());
    CHECK(second->body == "b");
    CHECK(server.requests().size() == 3);
  }
  SUBCASE("GET, and the new connection dies too") {
    ScriptedServer server{{dies_under_second, [](Peer& peer) { peer.read_request(); }}};
    HttpFixture client{server.url()};
    REQUIRE(client.get().has_value());
    REQUIRE_FALSE(client.get().has_value());
    CHECK(server.requests().size() == 3);
  }
  SUBCASE("POST") {
    ScriptedServer server{{dies_under_second, answer_with(ok("b"))}};
    HttpFixture client{server.url()};
    REQUIRE(client.get().has_value());
    const Answer second = client.post();
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().may_have_arrived);
    CHECK(server.requests().size() == 2);
  }
}

TEST_CASE("http: eight requests at once use eight connections, and the next ones use them again") {
  constexpr int count = 8;
  Gate gate{count};
  ScriptedServer server{{[&gate](Peer& peer) {
    peer.read_request();
    gate.pass();
    while (true) {
      peer.send(ok("x"));
      if (peer.read_request().empty()) return;
    }
  }}};
  HttpFixture client{server.url()};
  int answered = 0;
  const auto count_answer = [&answered](std::exception_ptr failure, const Answer& answer) {
    if (!failure && answer && answer->body == "x") ++answered;
  };
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < count; ++i) {
      boost::asio::co_spawn(client.io(), client.http().send(request_of("GET", "/")), count_answer);
    }
    client.io().restart();
    client.io().run();
    CHECK(answered == round * count);
    CHECK(server.connections() == count);
  }
}

TEST_CASE("http: a request that could say two things is not sent") {
  const std::vector<std::pair<std::string, HttpRequest>> rows{
      {"method", request_of("GET /x HTTP/1.1\r\nX:", "/")},
      {"blank in target", request_of("GET", "/a b")},
      {"line end in target", request_of("GET", "/a\r\nX: y")},
      {"not encoded", request_of("GET", "/\xC3\xA9")},
      {"absolute", request_of("GET", "https://evil/")},
      {"header value",
       [] {
         HttpRequest request = request_of("GET", "/");
         request.headers = {{"X", "a\r\nAuthorization: b"}};
         return request;
       }()},
      {"header name",
       [] {
         HttpRequest request = request_of("GET", "/");
         request.headers = {{"X:", "a"}};
         return request;
       }()},
  };
  ScriptedServer server{{answer_with(ok("x"))}};
  HttpFixture client{server.url()};
  for (const auto& row : rows) {
    CAPTURE(row.first);
    const Answer answer = client.send(row.second);
    check_failure(answer, Kind::bad_framing, "not sent");
    CHECK_FALSE(answer.error().may_have_arrived);
  }
  CHECK(server.connections() == 0);
}

}  // namespace usersyncd::test
