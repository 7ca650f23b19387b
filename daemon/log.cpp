#include "daemon/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "config/utf8.hpp"

namespace usersyncd {
namespace {

using Format = Config::LogFormat;

constexpr std::size_t longest_value = 4096;  // bytes, as written
constexpr std::string_view ellipsis = "…";
constexpr std::string_view replacement = "\uFFFD";

/// `<N>` at the start of a line, from which the journal takes the priority.
class PriorityFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view priority = priority_of(message.level);
    out.append(priority.data(), priority.data() + priority.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<PriorityFlag>();
  }

 private:
  static std::string_view priority_of(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err) return "<3>";
    if (level == spdlog::level::warn) return "<4>";
    if (level == spdlog::level::info) return "<6>";
    return "<7>";
  }
};

/// What stands around the fields of a line.
std::string pattern_of(Format format) {
  switch (format) {
    case Format::journal:
      return "%*%v";
    case Format::text:
      return "%Y-%m-%dT%H:%M:%SZ %^%-7l%$ %v";
    case Format::json:
    case Format::automatic:
      break;
  }
  return R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
}

spdlog::level::level_enum level_of(Event::Level level) {
  switch (level) {
    case Event::Level::debug:
      return spdlog::level::debug;
    case Event::Level::info:
      return spdlog::level::info;
    case Event::Level::warning:
      return spdlog::level::warn;
    case Event::Level::error:
      break;
  }
  return spdlog::level::err;
}

spdlog::level::level_enum level_of(Config::LogLevel level) {
  switch (level) {
    case Config::LogLevel::debug:
      return spdlog::level::debug;
    case Config::LogLevel::info:
      return spdlog::level::info;
    case Config::LogLevel::warn:
      return spdlog::level::warn;
    case Config::LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

/// Characters that end a line, steer a terminal, or hide or reorder what a reader sees.
bool is_deceptive(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

std::string escape_sequence(char32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(c));
  return buffer.data();
}

/// The character at `offset` as it is written, and how many bytes of `text` it took.
std::pair<std::string, std::size_t> written_character(std::string_view text, std::size_t offset) {
  const auto point = code_point_at(text, offset);
  if (!point) return {std::string(replacement), 1};
  if (point->value == '"' || point->value == '\\') return {'\\' + std::string(1, text[offset]), 1};
  if (is_deceptive(point->value)) return {escape_sequence(point->value), point->length};
  return {std::string(text.substr(offset, point->length)), point->length};
}

/// A JSON string, which is also what a quoted value looks like in the other formats.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t offset = 0; offset < text.size();) {
    const auto [piece, taken] = written_character(text, offset);
    if (out.size() + piece.size() + ellipsis.size() + 1 > longest_value) {
      out += ellipsis;
      break;
    }
    out += piece;
    offset += taken;
  }
  return out + '"';
}

/// Whether a value can stand without quotes after `key=`.
bool is_plain(std::string_view text) {
  constexpr std::string_view also = "._:/@+-,";
  for (const char c : text) {
    const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter_or_digit && also.find(c) == also.npos) return false;
  }
  return !text.empty() && text.size() <= longest_value;
}

/// The fields of one line, in one of the two notations.
class Line {
 public:
  Line(Format format, const Log::Redact& redact) : json_(format == Format::json), redact_(redact) {}

  void add(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    const std::string shown = redact_ ? redact_(value) : std::string(value);
    if (!text_.empty()) text_ += json_ ? ',' : ' ';
    text_ += json_ ? '"' + std::string(key) + "\":" : std::string(key) + '=';
    text_ += !json_ && is_plain(shown) ? shown : quoted(shown);
  }

  const std::string& text() const { return text_; }

 private:
  bool json_;
  const Log::Redact& redact_;
  std::string text_;
};

std::shared_ptr<spdlog::sinks::sink> stderr_sink() {
  const bool plain = std::getenv("NO_COLOR") != nullptr;
  return std::make_shared<spdlog::sinks::stderr_color_sink_st>(plain ? spdlog::color_mode::never
                                                                     : spdlog::color_mode::automatic);
}

}  // namespace

Log::Log() : Log(stderr_sink()) {
  configure(Config::LogLevel::info, Format::automatic);
}

Log::Log(std::shared_ptr<spdlog::sinks::sink> sink)
    : logger_(std::make_shared<spdlog::logger>("usersyncd", std::move(sink))) {
  configure(Config::LogLevel::info, Format::json);
}

void Log::configure(Config::LogLevel level, Config::LogFormat format) {
  if (format == Format::automatic) format = fitting_format(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
  format_ = format;
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<PriorityFlag>('*').set_pattern(pattern_of(format));
  logger_->set_formatter(std::move(formatter));
  logger_->set_level(level_of(level));
}

void Log::redact_with(Redact redact) {
  redact_ = std::move(redact);
}

void Log::emit(const Event& event) {
  if (!logger_->should_log(level_of(event.level))) return;
  Line line(format_, redact_);
  line.add("event", event.name);
  line.add("account", event.account);
  line.add("username", event.username);
  line.add("field", event.field);
  line.add("desired", event.desired);
  line.add("actual", event.actual);
  line.add("run", event.run);
  line.add("rule", event.rule);
  line.add("reason", event.reason);
  logger_->log(level_of(event.level), line.text());
}

void Log::message(Event::Level level, std::string_view text) {
  if (!logger_->should_log(level_of(level))) return;
  Line line(format_, redact_);
  line.add("msg", text);
  logger_->log(level_of(level), line.text());
}

Config::LogFormat fitting_format(int descriptor, const char* journal_stream) {
  struct stat file {};
  if (journal_stream != nullptr && fstat(descriptor, &file) == 0) {
    const std::string opened = std::to_string(file.st_dev) + ':' + std::to_string(file.st_ino);
    if (opened == journal_stream) return Format::journal;
  }
  return isatty(descriptor) == 1 ? Format::text : Format::json;
}

}  // namespace usersyncd
