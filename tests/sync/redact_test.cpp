#include "sync/redact.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace usersyncd {
namespace {

std::string base64(const std::string& plain) {
  std::string encoded((plain.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                  reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
  encoded.pop_back();
  return encoded;
}

std::string without_padding(std::string encoded) {
  while (encoded.ends_with('=')) encoded.pop_back();
  return encoded;
}

enum class Hex { upper, lower };

/// As in a URL: every byte but letters and digits, or every byte, as `%` and two digits.
std::string percent_encoded(const std::string& plain, Hex hex, bool every_byte) {
  const std::string_view digits = hex == Hex::upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string result;
  for (const char c : plain) {
    const auto byte = static_cast<unsigned char>(c);
    if (!every_byte && byte < 0x80 && std::isalnum(byte) != 0) {
      result += c;
    } else {
      result += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return result;
}

std::string xml_escaped(const std::string& plain) {
  std::string result;
  for (const char c : plain) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&apos;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string json(const std::string& plain) {
  return boost::json::serialize(boost::json::value(plain));
}

std::string slashes_escaped(const std::string& plain) {
  std::string result;
  for (const char c : plain) result += c == '/' ? std::string{"\\/"} : std::string{c};
  return result;
}

std::string hexadecimal(const std::string& secret, std::string_view digits) {
  std::string text;
  for (const char c : secret) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte / 16];
    text += digits[byte % 16];
  }
  return text;
}

/// What must never come through: marks of every format, and text that looks encoded already.
const std::vector<std::string> canaries{
    "canary-8Zq!xY2w",
    "pa%ss&wo\"rd<1>'/+\\x",
    "100%25sure&amp;done",
    "back\\slash\\\\twice\\n",
    "sp ace and=equals",
    "gr\xC3\xBC\xC3\x9F"
    "e-\xF0\x9F\x94\x91-key",
    "tab\tand\nline",
    "a/b+c/d+e/f+",
};

std::vector<std::pair<std::string, std::string>> spellings_of(const std::string& secret) {
  return {
      {"raw", secret},
      {"JSON", json(secret)},
      {"JSON in JSON", json(json(secret))},
      {"JSON in JSON in JSON", json(json(json(secret)))},
      {"JSON with escaped slashes", slashes_escaped(json(secret))},
      {"XML", xml_escaped(secret)},
      {"XML in JSON", json(xml_escaped(secret))},
      {"URL, upper", percent_encoded(secret, Hex::upper, false)},
      {"URL, lower", percent_encoded(secret, Hex::lower, false)},
      {"URL, every byte", percent_encoded(secret, Hex::upper, true)},
      {"base64", base64(secret)},
      {"base64 without padding", without_padding(base64(secret))},
      {"base64 in JSON", slashes_escaped(base64(secret))},
      {"base64 in a form", percent_encoded(base64(secret), Hex::upper, false)},
      {"Basic", base64("user:" + secret)},
      {"Basic, shifted by one", base64("user1:" + secret)},
      {"Basic, shifted by two", base64("user12:" + secret)},
      {"hexadecimal", hexadecimal(secret, "0123456789abcdef")},
      {"hexadecimal, upper", hexadecimal(secret, "0123456789ABCDEF")},
      {"within base64", base64("{\"a\":\"" + secret + "\",\"b\":1}")},
  };
}

}  // namespace

TEST_CASE("A58: a registered value is taken out in every spelling") {
  for (const std::string& secret : canaries) {
    Redactor redactor;
    redactor.add(secret);
    for (const auto& spelling : spellings_of(secret)) {
      CAPTURE(secret);
      CAPTURE(spelling.first);
      CAPTURE(spelling.second);
      // JSON brings its own quotes, which stay.
      std::string redacted = redactor.redact("[" + spelling.second + "] and [" + spelling.second + "]");
      std::erase_if(redacted, [](char c) { return c == '"' || c == '\\'; });
      CHECK(redacted == "[[redacted]] and [[redacted]]");
    }
  }
}

TEST_CASE("A58: base64 with the alphabet of URLs is known too") {
  const std::string secret = "~~~?!?>>>~~~?!?";
  std::string encoded = base64("u:" + secret);
  for (char& c : encoded) c = c == '+' ? '-' : c == '/' ? '_' : c;
  Redactor redactor;
  redactor.add(secret);
  CHECK(redactor.redact("Basic " + encoded) == "Basic [redacted]");
}

TEST_CASE("A58: characters of JSON may be written as \\u") {
  Redactor redactor;
  redactor.add("<k\xC3\xBC&\xF0\x9F\x94\x91>");
  CHECK(redactor.redact("\"\\u003ck\\u00FC\\u0026\\ud83d\\udd11\\u003E\"") == "\"[redacted]\"");
  CHECK(redactor.redact("\\\"\\\\u003ck\\\\u00fc\\\\u0026\\\\ud83d\\\\udd11\\\\u003e\\\"") ==
        "\\\"[redacted]\\\"");
}

TEST_CASE("redact: what is no secret stays as it is") {
  Redactor redactor;
  redactor.add("canary-8Zq!xY2w");
  const std::vector<std::string> texts{
      "",
      "canary-8Zq!xY2",
      "canary-8Zq%21xY2x & 100% \\ \\\\ &amp; %",
      R"({"username":"ann","roles":["ResetPassword"],"nextPageToken":"abc"})",
      R"({"mustChangePassword":true,"password":null})",
      "<User><Username>ann</Username><Password/></User>",
      "limit=100&offset=0&passenger=ann",
      "a:b:c <d> =e",
  };
  for (const std::string& text : texts) {
    CAPTURE(text);
    CHECK(redactor.redact(text) == text);
  }
}

TEST_CASE("redact: by key, in JSON, XML, forms, attributes and URLs") {
  struct Row {
    std::string text, redacted;
  };
  const std::vector<Row> rows{
      {R"({"password":"hush"})", R"({"password":"[redacted]"})"},
      {R"({"Password" : "hu\"sh\\", "a":1})", R"({"Password" : "[redacted]", "a":1})"},
      {R"({"new_password":"hush","client_secret":"hush"})",
       R"({"new_password":"[redacted]","client_secret":"[redacted]"})"},
      {R"({"clientSecret":"hush","apiKey":"hush","API-Key-Secret":"hush"})",
       R"({"clientSecret":"[redacted]","apiKey":"[redacted]","API-Key-Secret":"[redacted]"})"},
      {R"({"access_token":"hush","refreshToken":"hush","token":"hush"})",
       R"({"access_token":"[redacted]","refreshToken":"[redacted]","token":"[redacted]"})"},
      {R"({"headers":{"Authorization":"Basic aHVzaA=="}})", R"({"headers":{"Authorization":"[redacted]"}})"},
      {R"({"password":12345,"a":1})", R"({"password":[redacted],"a":1})"},
      {R"({"secret":{"value":"hu}sh","n":[1]},"a":1})", R"({"secret":[redacted],"a":1})"},
      {R"({"password":["hush","hush"]})", R"({"password":[redacted]})"},
      {R"({"password":"cut of)", R"({"password":"[redacted])"},
      {"<Password>hush</Password><A>1</A>", "<Password>[redacted]</Password><A>1</A>"},
      {"<b:Password a=\"1\">hush<i/></b:Password>", "<b:Password a=\"1\">[redacted]</b:Password>"},
      {"<Password><![CDATA[hu</sh]]></Password>", "<Password>[redacted]</Password>"},
      {"<Secret>cut of", "<Secret>[redacted]"},
      {"<User password=\"hush\" name='ann'/>", "<User password=\"[redacted]\" name='ann'/>"},
      {"grant_type=client_credentials&client_secret=hush&scope=a",
       "grant_type=client_credentials&client_secret=[redacted]&scope=a"},
      {"password=hush", "password=[redacted]"},
      {"https://host/path?access_token=hush&a=1", "https://host/path?access_token=[redacted]&a=1"},
  };
  const Redactor redactor;
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(redactor.redact(row.text) == row.redacted);
  }
}

TEST_CASE("A59: a secret in JSON in a JSON string, at any depth, is found by its key") {
  const Redactor redactor;
  std::string text = R"({"a":"x\\","password":"hu\"sh\\","b":"y"})";
  for (int depth = 0; depth < 4; ++depth) {
    CAPTURE(depth);
    CAPTURE(text);
    const std::string redacted = redactor.redact(text);
    CHECK(redacted.find("hu") == std::string::npos);
    CHECK(redacted.find("[redacted]") != std::string::npos);
    CHECK(redacted.find('y') != std::string::npos);
    CHECK(redacted.find('x') != std::string::npos);
    text = json(text);
  }
}

TEST_CASE("A59: a form and an XML document in a JSON string are found by their keys") {
  const Redactor redactor;
  CHECK(redactor.redact(R"({"body":"client_secret=hush&a=1"})") ==
        R"({"body":"client_secret=[redacted]&a=1"})");
  CHECK(redactor.redact(R"({"body":"<Password>hush<\/Password>"})") ==
        R"({"body":"<Password>[redacted]<\/Password>"})");
}

TEST_CASE("redact: headers that carry credentials are redacted whole, the others by value") {
  Redactor redactor;
  redactor.add("canary-8Zq");
  Headers headers{{"Authorization", "Bearer other"},
                  {"proxy-authorization", "Basic other"},
                  {"Cookie", "a=b"},
                  {"Set-Cookie", "a=b"},
                  {"X-Api-Key", "other"},
                  {"X-Auth-Token", "other"},
                  {"Location", "/x?k=canary-8Zq"},
                  {"Content-Type", "application/json"}};
  redactor.redact_headers(headers);
  for (std::size_t i = 0; i < 6; ++i) CHECK(headers[i].second == "[redacted]");
  CHECK(headers[6].second == "/x?k=[redacted]");
  CHECK(headers[7].second == "application/json");
}

TEST_CASE("A58: nothing of an exchange keeps a secret") {
  const std::string secret = "canary-8Zq";
  Redactor redactor;
  redactor.add(secret);
  ExchangeRecord record;
  record.url = "https://host/?a=" + secret;
  record.request_headers = {{"Authorization", "Basic " + base64("id:" + secret)}, {"X-Other", secret}};
  record.request_body = "a=" + secret;
  record.response_headers = {{"X-Echo", secret}};
  record.response_body = json(secret);
  record.error = "server said " + secret;
  redactor.redact(record);
  for (const std::string& text :
       {record.url, record.request_headers[0].second, record.request_headers[1].second, record.request_body,
        record.response_headers[0].second, record.response_body, record.error}) {
    CAPTURE(text);
    CHECK(text.find(secret) == std::string::npos);
    CHECK(text.find("[redacted]") != std::string::npos);
  }
}

TEST_CASE("redact: a slot remembers its last three values, other values stay until they are removed") {
  Redactor redactor;
  redactor.add("constant-value");
  for (const std::string token : {"token-1111", "token-2222", "token-3333", "token-4444", "token-4444"}) {
    redactor.rotate("account 5500001", token);
  }
  CHECK(redactor.redact("token-1111 token-2222 token-3333 token-4444 constant-value") ==
        "token-1111 [redacted] [redacted] [redacted] [redacted]");
  redactor.remove("constant-value");
  CHECK(redactor.redact("constant-value") == "constant-value");
}

TEST_CASE("redact: values too short to look for are left to the keys") {
  Redactor redactor;
  redactor.add("abc");
  redactor.add("");
  CHECK(redactor.redact(R"({"x":"abc","password":"abc"})") == R"({"x":"abc","password":"[redacted]"})");
}

TEST_CASE("redact: hostile texts cost no more than their length") {
  Redactor redactor;
  redactor.add("a\\b%&canary");
  const std::size_t size = 1U << 20;
  const std::vector<std::string> units{
      "\\", "a\\", "%", "&", "<Password>", R"("password":")", "password=", R"("token":{)", "a\\b"};
  for (const std::string& unit : units) {
    CAPTURE(unit);
    std::string text;
    while (text.size() < size) text += unit;
    CHECK(redactor.redact(text).size() <= 2 * text.size());
  }
}

}  // namespace usersyncd
