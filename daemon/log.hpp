#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "sync/events.hpp"

namespace spdlog {
class logger;
namespace sinks {
class sink;
}
}  // namespace spdlog

namespace usersyncd {

/// The log: one event a line, to stderr. It is for people and their tools; what must not be lost is in the
/// audit log. Usernames and answers come from outside, so no value can end a line, forge a field or steer a
/// terminal, and none takes more than 4 KiB. A line stays below the 48 KiB at which the journal would split
/// it.
class Log : public EventSink {
 public:
  /// Replaces what must not be seen in one value.
  using Redact = std::function<std::string(std::string_view)>;

  /// To stderr, from level info on, in the format that fits stderr, until `configure` is called.
  Log();
  /// To a sink of the caller's, in JSON.
  explicit Log(std::shared_ptr<spdlog::sinks::sink> sink);

  /// May be called again at any time, as when the config is reloaded.
  void configure(Config::LogLevel level, Config::LogFormat format);

  /// From now on every value goes through `redact` before anything else is done with it.
  void redact_with(Redact redact);

  void emit(const Event& event) override;

  /// A line that is no event of the contract's, such as an error at start: `msg="…"`.
  void message(Event::Level level, std::string_view text);

 private:
  std::shared_ptr<spdlog::logger> logger_;
  Redact redact_;
  Config::LogFormat format_ = Config::LogFormat::json;
};

/// What `auto` means for the file behind `descriptor`: journal if it is the one that systemd names in
/// `journal_stream` ($JOURNAL_STREAM, may be null), text on a terminal, json otherwise.
Config::LogFormat fitting_format(int descriptor, const char* journal_stream);

}  // namespace usersyncd
