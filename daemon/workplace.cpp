#include "daemon/workplace.hpp"

#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

namespace usersyncd {

std::string invoking_user() {
  if (const char* caller = std::getenv("SUDO_USER"); caller && *caller && ::getuid() == 0) return caller;
  if (const auto* entry = ::getpwuid(::getuid())) return entry->pw_name;
  return "uid " + std::to_string(::getuid());
}

Workplace::Workplace(const Config& config, EventSink& events, std::string actor)
    : store_(config.store_path, Access::read_write),
      events_(events),
      keeper_(store_, clock_, events, config.audit),
      actor_(std::move(actor)) {}

Process Workplace::process() {
  return Process{io_, store_, clock_, *random_, events_, redactor_, metrics_, keeper_, actor_};
}

void Workplace::run(Awaitable<void> work) {
  boost::asio::signal_set signals{io_, SIGINT, SIGTERM};
  signals.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) clock_.stop();
  });
  boost::asio::co_spawn(io_, std::move(work), [&signals](std::exception_ptr failure) {
    boost::system::error_code ignored;
    signals.cancel(ignored);
    if (failure) std::rethrow_exception(failure);
  });
  io_.run();
  keeper_.sign();
  if (!keeper_.trouble().empty()) std::cerr << "warning: " << keeper_.trouble() << '\n';
}

}  // namespace usersyncd
