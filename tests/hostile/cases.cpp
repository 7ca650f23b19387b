#include "tests/hostile/cases.hpp"

#include <cstdlib>

namespace usersyncd::hostile {
namespace {

using test::Peer;
using test::Script;

constexpr std::size_t mebi = 1U << 20;
const std::string head = "HTTP/1.1 200 OK\r\n";
const std::string length = "Content-Length: " + std::to_string(true_list.size());

Script bytes(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) { peer.send(answer); };
}

// A body that is made when it is asked for: the memory of whoever starts a program counts for the program.
Script made(std::string (*body)()) {
  return [body](Peer& peer) { peer.send(ok(body())); };
}

// The size of large bodies. A parser without optimisation takes its time.
std::size_t bulk() {
  const char* wanted = std::getenv("USERSYNCD_BULK_MIB");
  return (wanted ? std::strtoul(wanted, nullptr, 10) : 1) * mebi;
}

std::string chunked(const std::string& size, const std::string& body) {
  return head + "Transfer-Encoding: chunked\r\n\r\n" + size + "\r\n" + body + "\r\n0\r\n\r\n";
}

std::string in_hex(std::size_t number) {
  std::string digits;
  for (; number > 0; number /= 16) digits.insert(digits.begin(), "0123456789abcdef"[number % 16]);
  return digits;
}

std::string repeated(const std::string& part, std::size_t times) {
  std::string all;
  all.reserve(part.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += part;
  return all;
}

// Sends a beginning and then the same thing for ever, or until the client has had enough.
Script endless(std::string beginning, std::string part, std::size_t most = 512 * mebi) {
  return [beginning = std::move(beginning), part = std::move(part), most](Peer& peer) {
    peer.send(beginning);
    for (std::size_t sent = 0; sent < most; sent += part.size()) {
      if (!peer.send(part)) return;
    }
  };
}

// Header lines that are followed by the true list.
Case with_header(const std::string& name, const std::string& lines, Expected expected) {
  return {name, bytes(head + lines + "\r\n\r\n" + true_list), expected};
}

}  // namespace

std::string ok(const std::string& body) {
  return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::vector<Case> redirect_cases(const std::string& elsewhere) {
  const auto redirect = [](int status, const std::string& location) {
    return "HTTP/1.1 " + std::to_string(status) + " Elsewhere\r\n" +
           (location.empty() ? "" : "Location: " + location + "\r\n") + "Content-Length: 0\r\n\r\n";
  };
  std::vector<Case> cases;
  for (const int status : {300, 301, 302, 303, 305, 307, 308, 399})
    cases.push_back({std::to_string(status) + " to another port", bytes(redirect(status, elsewhere + "/x"))});
  const auto port = elsewhere.substr(elsewhere.rfind(':') + 1);
  for (const std::string& location :
       {std::string{}, std::string{"https://evil.example/accounts/5500001/users"},
        "//127.0.0.1:" + port + "/x", "http://localhost:" + port + "/x",
        "http://ann:secret@127.0.0.1:" + port + "/x", "\\\\127.0.0.1:" + port + "\\x",
        "http:\\\\127.0.0.1:" + port, "http:/127.0.0.1:" + port + "/x", std::string{"ftp://127.0.0.1/x"},
        std::string{"file:///etc/passwd"}, std::string{"javascript:alert(1)"},
        std::string{"http://[::1]:"} + port + "/", std::string{"http://0x7f000001:"} + port + "/",
        std::string{"http://127.0.0.1:99999/"}, std::string{"/../../../x"}, std::string{"?a=b c"},
        std::string{"#"}, "http://127.0.0.1:" + port + "%2f@x/", std::string(9000, 'x')})
    cases.push_back({"302 to <" + location.substr(0, 50) + ">", bytes(redirect(302, location))});
  cases.push_back({"two locations", bytes("HTTP/1.1 302 Found\r\nLocation: /x\r\nLocation: " + elsewhere +
                                          "\r\nContent-Length: 0\r\n\r\n")});
  cases.push_back({"round in a circle", bytes(redirect(302, "/accounts/5500001/users"))});
  cases.push_back(
      {"a refresh header", bytes(head + "Refresh: 0; url=" + elsewhere + "\r\nContent-Length: 0\r\n\r\n")});
  return cases;
}

std::vector<Case> framing_cases() {
  const auto size = std::to_string(true_list.size());
  const auto hex = in_hex(true_list.size());
  const auto te = std::string{"Transfer-Encoding: "};
  std::vector<Case> cases{
      with_header("length and chunked", length + "\r\n" + te + "chunked", Expected::refused),
      with_header("chunked and length", te + "chunked\r\n" + length, Expected::refused),
      with_header("two lengths", "Content-Length: 2\r\n" + length, Expected::refused),
      with_header("two lengths, the second shorter", length + "\r\nContent-Length: 2", Expected::refused),
      with_header("a list of lengths", "Content-Length: 2, " + size, Expected::refused),
      with_header("the same length in a list", "Content-Length: " + size + ", " + size, Expected::taken),
      with_header("a negative length", "Content-Length: -1", Expected::refused),
      with_header("a length with a plus", "Content-Length: +" + size, Expected::refused),
      with_header("a length in hex", "Content-Length: 0x" + hex, Expected::refused),
      with_header("a length with a blank in it", "Content-Length: 1 " + size, Expected::refused),
      with_header("a length that is no number", "Content-Length: many", Expected::refused),
      with_header("an empty length", "Content-Length:", Expected::refused),
      with_header("a length beyond 64 bits", "Content-Length: 99999999999999999999999", Expected::refused),
      with_header("a length that wraps round", "Content-Length: 18446744073709551617", Expected::refused),
      with_header("no length", "X: y", Expected::refused),
      with_header("a coding that is not chunked", te + "xchunked", Expected::refused),
      with_header("chunked, then something else", te + "chunked, identity", Expected::refused),
      with_header("chunked twice", te + "chunked\r\n" + te + "chunked", Expected::refused),
      with_header("a coding in another header", "X-Transfer-Encoding: chunked", Expected::refused),
      with_header("a folded coding", "Transfer-Encoding:\r\n chunked", Expected::refused),
      with_header("a blank before the colon", "Content-Length : " + size, Expected::refused),
      with_header("a blank before the name", " " + length, Expected::refused),
      with_header("gzip", "Content-Encoding: gzip\r\n" + length, Expected::refused),
      with_header("deflate", "Content-Encoding: deflate\r\n" + length, Expected::refused),
      with_header("brotli, twice", "Content-Encoding: br, br\r\n" + length, Expected::refused),
      with_header("identity, then gzip", "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n" + length,
                  Expected::refused),
      {"a chunk size beyond 64 bits", bytes(chunked("fffffffffffffffff", true_list))},
      {"a chunk size that wraps round", bytes(chunked("1000000000000000" + hex, true_list))},
      {"a negative chunk size", bytes(chunked("-1", true_list))},
      {"a chunk size with 0x", bytes(chunked("0x" + hex, true_list))},
      {"a chunk that is longer than it says", bytes(chunked("5", true_list))},
      {"a chunk that is shorter than it says", bytes(chunked("ffff", true_list))},
      {"a chunk without its line end",
       bytes(head + te + "chunked\r\n\r\n" + hex + "\r\n" + true_list + "0\r\n\r\n")},
      {"no last chunk", bytes(head + te + "chunked\r\n\r\n" + hex + "\r\n" + true_list + "\r\n")},
      {"a chunk size ended by LF alone",
       bytes(head + te + "chunked\r\n\r\n" + hex + "\n" + true_list + "\r\n0\r\n\r\n")},
      {"lines ended by LF alone", bytes("HTTP/1.1 200 OK\n" + length + "\n\n" + true_list)},
      {"lines ended by CR alone", bytes("HTTP/1.1 200 OK\r" + length + "\r\r" + true_list)},
      {"good chunks", bytes(chunked(hex, true_list)), Expected::taken},
      {"a trailer",
       bytes(head + te + "chunked\r\n\r\n" + hex + "\r\n" + true_list + "\r\n0\r\nX-Late: 1\r\n\r\n"),
       Expected::taken},
      {"a trailer with a length", bytes(head + te + "chunked\r\n\r\n" + hex + "\r\n" + true_list +
                                        "\r\n0\r\nContent-Length: 1\r\n\r\n")},
      {"two answers in one", bytes(ok(true_list) + ok(R"({"Users":[]})")), Expected::taken},
      {"an answer and garbage", bytes(ok(true_list) + repeated("garbage", 1000)), Expected::taken},
  };
  return cases;
}

std::vector<Case> header_cases() {
  const auto rest = "\r\n" + length + "\r\n\r\n" + true_list;
  std::vector<Case> cases;
  for (const std::string line : {"HTTP/1.2 200 OK",
                                 "HTTP/2 200",
                                 "HTTP/3.1 200 OK",
                                 "HTTP/0.9 200 OK",
                                 "http/1.1 200 OK",
                                 "ICY 200 OK",
                                 "HTTP/1.1 2000 OK",
                                 "HTTP/1.1 20 OK",
                                 "HTTP/1.1 -200 OK",
                                 "HTTP/1.1 0 OK",
                                 "HTTP/1.1 099 OK",
                                 "HTTP/1.1 OK",
                                 "HTTP/1.1  200 OK",
                                 "HTTP/1.1\t200 OK",
                                 " HTTP/1.1 200 OK",
                                 "HTTP /1.1 200 OK",
                                 "HTTP/1.1 2O0 OK",
                                 "HTTP/11 200 OK",
                                 "GET / HTTP/1.1",
                                 "PRI * HTTP/2.0\r\n\r\nSM\r\n",
                                 "",
                                 "SSH-2.0-OpenSSH_9.2",
                                 "HTTP/1.1 101 Switching Protocols",
                                 "HTTP/1.1 204 No Content",
                                 "HTTP/1.1 205 Reset Content",
                                 "HTTP/1.1 206 Partial Content",
                                 "HTTP/1.1 304 Not Modified",
                                 "HTTP/1.1 999 What",
                                 "HTTP/1.1 200 OK\r\nX\r\n",
                                 "HTTP/1.1 200 OK\r\n: empty",
                                 "HTTP/1.1 200 OK\r\nX Y: z",
                                 "HTTP/1.1 200 OK\r\nX\xC3\xA9: z"})
    cases.push_back({"begins with <" + line + ">", bytes(line + rest)});
  const std::string zero(1, '\0');
  cases.push_back({"a zero in a name", bytes(head + "X" + zero + "Y: z" + rest)});
  cases.push_back({"a zero in a value", bytes(head + "X: y" + zero + "z" + rest)});
  cases.push_back({"a CR in a value", bytes(head + "X: y\rz" + rest)});
  cases.push_back({"a zero in the status line", bytes("HTTP/1.1 200 O" + zero + "K" + rest)});
  cases.push_back({"a folded header", bytes(head + "X: a\r\n b" + rest), Expected::taken});
  cases.push_back({"no words after the status", bytes("HTTP/1.1 200 " + rest), Expected::taken});
  cases.push_back({"no status line at all", bytes(true_list)});
  cases.push_back({"frames of HTTP/2", bytes(std::string("\0\0\0\4\0\0\0\0\0\0\0\0\4\0\0\0\0\0", 18))});
  cases.push_back({"a greeting of TLS", bytes("\x15\x03\x01\x02\x02\x16")});
  cases.push_back({"a status line of 64 KiB", bytes("HTTP/1.1 200 " + std::string(65'536, 'x') + rest)});
  cases.push_back({"a header of 1 MiB", bytes(head + "X: " + std::string(mebi, 'x') + rest)});
  cases.push_back({"a name of 1 MiB", bytes(head + std::string(mebi, 'x') + ": y" + rest)});
  cases.push_back(
      {"10,000 headers", bytes(head + repeated("X: y\r\n", 10'000) + length + "\r\n\r\n" + true_list)});
  cases.push_back(
      {"20 interim answers", bytes(repeated("HTTP/1.1 100 Continue\r\n\r\n", 20) + ok(true_list))});
  cases.push_back(
      {"interim answers without end", endless("", repeated("HTTP/1.1 102 Processing\r\n\r\n", 100))});
  cases.push_back({"headers without end", endless(head, repeated("X: y\r\n", 1000))});
  cases.push_back({"early hints, then the answer",
                   bytes("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok(true_list)), Expected::taken});
  return cases;
}

std::vector<Case> size_cases() {
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  const std::string sized = head + "Content-Length: ";
  return {
      {"a length of 2^62",
       endless(sized + "4611686018427387904\r\n\r\n{\"Users\":[", std::string(65'536, ' '))},
      {"a length just over the limit", endless(sized + "8388609\r\n\r\n", std::string(65'536, ' '))},
      {"a length of 7 GiB and nothing behind it", bytes(sized + "7516192768\r\n\r\n")},
      {"chunks without end", endless(head + "Transfer-Encoding: chunked\r\n\r\n", chunk)},
      {"chunks of one byte without end",
       endless(head + "Transfer-Encoding: chunked\r\n\r\n", repeated("1\r\n \r\n", 1000), 64 * mebi)},
      {"a chunk extension without end",
       endless(head + "Transfer-Encoding: chunked\r\n\r\n1;x=", std::string(65'536, 'x'))},
      {"a trailer without end",
       endless(head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", std::string(65'536, 'x'))},
      {"trailers without end",
       endless(head + "Transfer-Encoding: chunked\r\n\r\n0\r\n", repeated("X: y\r\n", 1000))},
      {"much of zeros", made([] { return std::string(bulk(), '\0'); })},
      {"much of blanks", made([] { return std::string(bulk(), ' '); })},
      {"much of text", made([] { return '"' + std::string(bulk(), 'x') + '"'; })},
      {"much in a username",
       made([] { return R"({"Users":[{"Username":")" + std::string(bulk(), 'x') + "\"}]}"; })},
      {"much of empty arrays", made([] { return "{\"Users\":[" + repeated("[],", bulk() / 3) + "[]]}"; })},
      {"much of empty objects", made([] { return "{\"Users\":[" + repeated("{},", bulk() / 3) + "{}]}"; })},
      {"much of numbers", made([] { return "{\"Users\":[" + repeated("1,", bulk() / 2) + "1]}"; })},
      {"much of members", made([] { return "{\"Users\":[" + repeated("{\"a\":0},", bulk() / 8) + "{}]}"; })},
      {"much of users without a name",
       made([] { return "{\"Users\":[" + repeated("{\"Email\":\"\"},", bulk() / 13) + "{}]}"; })},
      {"much of elements", made([] {
         return "<UsersResponse><Users>" + repeated("<User/>", bulk() / 7) + "</Users></UsersResponse>";
       })},
      {"much of short elements", made([] { return "<a>" + repeated("<b/>", bulk() / 4) + "</a>"; })},
      {"much of attributes", made([] { return "<a " + repeated("b=\"\" ", bulk() / 5) + "/>"; })},
      {"much of comments", made([] { return "<a>" + repeated("<!---->", bulk() / 7) + "</a>"; })},
      {"a very long number", made([] { return "{\"Users\":" + std::string(bulk(), '9') + "}"; })},
  };
}

std::vector<Case> content_cases() {
  std::string laughs = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"ha\">";
  for (char c = 'c'; c <= 'k'; ++c) {
    const std::string before = std::string{"&"} + static_cast<char>(c - 1) + ";";
    laughs += std::string{"<!ENTITY "} + c + " \"" + repeated(before, 10) + "\">";
  }
  laughs += "]><UsersResponse>&k;</UsersResponse>";
  const std::string outside =
      "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>"
      "<UsersResponse><Users><User><Username>&b;</Username></User></Users></UsersResponse>";
  return {
      {"a million brackets", bytes(ok(std::string(1'000'000, '[')))},
      {"33 brackets, closed", bytes(ok("{\"Users\":" + std::string(33, '[') + std::string(33, ']') + "}"))},
      {"100,000 objects in each other", bytes(ok(repeated("{\"a\":", 100'000)))},
      {"100,000 elements in each other", bytes(ok(repeated("<a>", 100'000) + repeated("</a>", 100'000)))},
      {"33 elements in each other", bytes(ok(repeated("<a>", 33) + repeated("</a>", 33)))},
      {"entities that multiply", bytes(ok(laughs))},
      {"an entity from a file", bytes(ok(outside))},
      {"a document type from elsewhere",
       bytes(ok("<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\"><UsersResponse/>"))},
      {"an instruction to include", bytes(ok("<?xml-stylesheet href=\"http://127.0.0.1:1/\"?><a/>"))},
      {"an entity nobody declared",
       bytes(ok("<UsersResponse><Users><User>&b;</User></Users></UsersResponse>"))},
      {"UTF-16", bytes(ok(std::string("\xFF\xFE{\0}\0", 6)))},
      {"UTF-7", bytes(ok("+AHsAfQ-"))},
      {"overlong UTF-8", bytes(ok(R"({"Users":[{"Username":")"
                                  "\xC0\xAE"
                                  R"("}]})"))},
      {"half a surrogate", bytes(ok(R"({"Users":[{"Username":"\ud800"}]})"))},
      {"a web page", bytes(ok("<!DOCTYPE html><html><body>Sign in</body></html>"))},
      {"an error in 200",
       bytes(ok(R"({"ResponseStatus":{"ErrorCode":1001,"Description":"Access denied"}})"))},
      {"an error in 200, in XML",
       bytes(ok(
           "<UsersResponse><ResponseStatus><ErrorCode>1001</ErrorCode></ResponseStatus></UsersResponse>"))},
      {"an unknown error in 200", bytes(ok("<UsersResponse><Oops>try again</Oops></UsersResponse>"))},
      {"two JSON documents", bytes(ok(true_list + true_list))},
      {"a JSON array of lists", bytes(ok("[" + true_list + "," + true_list + "]"))},
      {"the same user twice", bytes(ok(R"({"Users":[{"Username":"ann"},{"Username":"ANN"}]})"))},
      {"a user of another account", bytes(ok(R"({"Users":[{"Username":"ann","AccountId":"5500002"}]})"))},
      {"a list of null", bytes(ok(R"({"Users":null})"))},
      {"an endless retry",
       bytes("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 999999999999\r\nContent-Length: 0\r\n\r\n")},
      {"a retry in the past",
       bytes("HTTP/1.1 503 Busy\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n")},
      {"a retry of minus one",
       bytes("HTTP/1.1 429 Too Many Requests\r\nRetry-After: -1\r\nContent-Length: 0\r\n\r\n")},
      {"a challenge",
       bytes("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")},
      {"a proxy's challenge",
       bytes("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n")},
      {"a cookie bomb", bytes(head + repeated("Set-Cookie: a=b\r\n", 700) + length + "\r\n\r\n" + true_list),
       Expected::taken},
  };
}

std::vector<Case> slow_cases() {
  const auto silent = [](Peer& peer) { peer.wait_until_closed(); };
  const auto dripping = [](std::string answer) {
    return [answer = std::move(answer)](Peer& peer) { peer.drip(answer); };
  };
  const auto stopping_after = [](std::string beginning) {
    return [beginning = std::move(beginning)](Peer& peer) {
      peer.send(beginning);
      peer.wait_until_closed();
    };
  };
  return {
      {"silent", silent},
      {"drips a status line", dripping("HTTP/1.1 200 " + std::string(5000, 'x'))},
      {"drips headers", dripping(head + repeated("X: y\r\n", 1000))},
      {"drips a body", dripping(ok(std::string(5000, ' ')))},
      {"drips chunks", dripping(head + "Transfer-Encoding: chunked\r\n\r\n" + repeated("1\r\n \r\n", 1000))},
      {"drips interim answers", dripping(repeated("HTTP/1.1 102 Processing\r\n\r\n", 200))},
      {"stops in the status line", stopping_after("HTTP/1.1 2")},
      {"stops in the headers", stopping_after(head + "Content-Le")},
      {"stops before the body", stopping_after(head + length + "\r\n\r\n")},
      {"stops in the body", stopping_after(head + length + "\r\n\r\n" + true_list.substr(0, 40))},
      {"stops before the last chunk", stopping_after(head + "Transfer-Encoding: chunked\r\n\r\n" +
                                                     in_hex(true_list.size()) + "\r\n" + true_list + "\r\n")},
      {"closes at once", [](Peer& peer) { peer.close(); }},
      {"resets at once", [](Peer& peer) { peer.reset(); }},
  };
}

}  // namespace usersyncd::hostile
