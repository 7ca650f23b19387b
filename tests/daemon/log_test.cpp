#include "daemon/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <regex>
#include <sstream>

namespace usersyncd {
namespace {

using Format = Config::LogFormat;
using Level = Config::LogLevel;

/// A log that writes to a text.
struct Written {
  std::ostringstream stream;
  Log log{std::make_shared<spdlog::sinks::ostream_sink_st>(stream)};

  explicit Written(Format format, Level level = Level::debug) { log.configure(level, format); }
  std::string text() const { return stream.str(); }
};

Event drift_event() {
  Event event;
  event.level = Event::Level::warning;
  event.name = "drift.detected";
  event.account = "5500001";
  event.username = "jdoe";
  event.field = "email";
  event.desired = "jdoe@example.com";
  event.actual = "John Doe <j@example.com>";
  return event;
}

/// An event with `value` in every field that comes from outside.
Event event_full_of(const std::string& value) {
  Event event;
  event.name = "drift.detected";
  for (std::string* field : {&event.account, &event.username, &event.field, &event.desired, &event.actual,
                             &event.run, &event.rule, &event.reason})
    *field = value;
  return event;
}

std::string line_of(Format format, const Event& event) {
  Written written(format);
  written.log.emit(event);
  return written.text();
}

const std::vector<Format> all_formats{Format::journal, Format::text, Format::json};

}  // namespace

TEST_CASE("a JSON line is one object with time, level and the fields that apply") {
  const std::string line = line_of(Format::json, drift_event());
  const auto object = boost::json::parse(line).as_object();
  CHECK(object.at("level") == "warning");
  CHECK(object.at("event") == "drift.detected");
  CHECK(object.at("account") == "5500001");
  CHECK(object.at("username") == "jdoe");
  CHECK(object.at("actual") == "John Doe <j@example.com>");
  CHECK_FALSE(object.contains("rule"));
  CHECK_FALSE(object.contains("msg"));
  const std::string time(object.at("time").as_string());
  CHECK(std::regex_match(time, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
}

TEST_CASE("a journal line starts with its priority and has no time, which the journal knows") {
  CHECK(line_of(Format::journal, drift_event()) ==
        "<4>event=drift.detected account=5500001 username=jdoe field=email desired=jdoe@example.com "
        "actual=\"John Doe <j@example.com>\"\n");
}

TEST_CASE("a text line has time and level in columns, and no colour unless it is on a terminal") {
  const std::string line = line_of(Format::text, drift_event());
  CHECK(std::regex_match(
      line, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ warning event=drift\.detected .*\n)")));
}

TEST_CASE("each level has its priority in the journal") {
  const std::vector<std::pair<Event::Level, std::string>> table{{Event::Level::debug, "<7>"},
                                                                {Event::Level::info, "<6>"},
                                                                {Event::Level::warning, "<4>"},
                                                                {Event::Level::error, "<3>"}};
  for (const auto& [level, priority] : table) {
    Written written(Format::journal);
    written.log.message(level, "hello");
    CHECK(written.text() == priority + "msg=hello\n");
  }
}

TEST_CASE("lines below the configured level are left out, and the level can change") {
  Written written(Format::journal, Level::warn);
  written.log.message(Event::Level::info, "quiet");
  CHECK(written.text().empty());
  written.log.emit(drift_event());
  CHECK_FALSE(written.text().empty());
  written.stream.str("");
  written.log.configure(Level::info, Format::json);
  written.log.message(Event::Level::info, "loud");
  CHECK(boost::json::parse(written.text()).at("msg") == "loud");
}

TEST_CASE("log injection: no value ends a line, forges a field, or steers or deceives a terminal") {
  const std::vector<std::string> attacks{
      "x\nevent=stopped account=1", "x\r\n<3>event=stopped", "x\" rule=\"forged",      "x event=stopped",
      "\x1b[2J\x1b]0;title\x07",    "\u202Egnp.exe",         "\u0085\u2028\u2029next", "zero\u200Bwidth",
      std::string("nul\0byte", 8),  "back\\slash\\",         "\",\"event\":\"stopped"};
  for (const Format format : all_formats)
    for (const std::string& attack : attacks) {
      CAPTURE(attack);
      const std::string line = line_of(format, event_full_of(attack));
      CHECK(std::count(line.begin(), line.end(), '\n') == 1);
      CHECK(line.ends_with('\n'));
      const std::string body = line.substr(0, line.size() - 1);
      CHECK(
          std::none_of(body.begin(), body.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }));
      for (const std::string_view hidden : {"\u202E", "\u0085", "\u2028", "\u200B"})
        CHECK(body.find(hidden) == body.npos);
    }
}

TEST_CASE("what was escaped in JSON reads back as it was") {
  const std::string value = "tab\t quote\" back\\ line\n bell\x07 \u202E über 😀";
  const auto object = boost::json::parse(line_of(Format::json, event_full_of(value))).as_object();
  CHECK(std::string(object.at("username").as_string()) == value);
  CHECK(std::string(object.at("reason").as_string()) == value);
}

TEST_CASE("a quoted value cannot end early: every quote in it is escaped") {
  const std::string line = line_of(Format::journal, event_full_of("a\" rule=b \\"));
  CHECK(line.find(R"(username="a\" rule=b \\" field=)") != line.npos);
}

TEST_CASE("bytes that are not UTF-8 are replaced, so that every line is valid") {
  for (const std::string& bytes : {std::string("a\xff"), std::string("\xc0\xaf"), std::string("\xed\xa0\x80"),
                                   std::string("cut \xf0\x9f\x98")}) {
    const std::string line = line_of(Format::json, event_full_of(bytes));
    boost::json::error_code error;
    const auto value = boost::json::parse(line, error);
    REQUIRE_FALSE(error);
    CHECK(std::string(value.at("username").as_string()).find("\uFFFD") != std::string::npos);
  }
}

TEST_CASE("a value is cut at 4 KiB between two characters, and a line stays whole in the journal") {
  for (const Format format : all_formats)
    for (const std::string& unit :
         {std::string("a"), std::string("ä"), std::string("😀"), std::string("\x01")}) {
      std::string value;
      while (value.size() < 100'000) value += unit;
      const std::string line = line_of(format, event_full_of(value));
      CHECK(line.size() < 48 * 1024);
      CHECK(line.size() > 8 * 4000);
      CHECK(line.find("…\"") != line.npos);
      CHECK(line.find("\uFFFD") == line.npos);
    }
}

TEST_CASE("A58: every value goes through the redactor, before it is escaped or cut") {
  const std::string secret = "pa\"ss\nword";
  const auto redact = [&secret](std::string_view value) {
    std::string text(value);
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret))
      text.replace(at, secret.size(), "[redacted]");
    return text;
  };
  for (const Format format : all_formats) {
    Written written(format);
    written.log.redact_with(redact);
    written.log.emit(event_full_of("token " + secret));
    written.log.message(Event::Level::error, std::string(4090, 'x') + secret);
    const std::string text = written.text();
    CHECK(text.find("pa\\\"ss") == text.npos);
    CHECK(text.find("xpa") == text.npos);
    CHECK(text.find("token [redacted]") != text.npos);
  }
}

TEST_CASE("auto is journal for systemd's stream, text on a terminal and json for anything else") {
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  struct stat file {};
  REQUIRE(fstat(pipe_ends[1], &file) == 0);
  const std::string stream = std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
  CHECK(fitting_format(pipe_ends[1], stream.c_str()) == Format::journal);
  CHECK(fitting_format(pipe_ends[1], "1:1") == Format::json);
  CHECK(fitting_format(pipe_ends[1], nullptr) == Format::json);
  CHECK(fitting_format(-1, nullptr) == Format::json);
  close(pipe_ends[0]);
  close(pipe_ends[1]);

  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  CHECK(fitting_format(terminal, stream.c_str()) == Format::text);
  close(terminal);
}

}  // namespace usersyncd
