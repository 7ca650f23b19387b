#include "daemon/passwords.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

extern char** environ;  // POSIX: declared by nobody else

namespace usersyncd {
namespace {

constexpr std::chrono::seconds command_deadline{10};

Error delivery_error(const std::string& message) {
  return Error{ErrorKind::config, "the new password could not be handed over: " + message,
               "passwords.deliver"};
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// A username may hold nothing that leads out of the directory; the provider's own rules already forbid it.
bool is_plain_name(const std::string& username) {
  return !username.empty() && username.front() != '.' && username.find('/') == std::string::npos &&
         username.find('\0') == std::string::npos;
}

Result<bool> to_directory(const std::string& directory, const std::string& username, const Secret& password) {
  if (!is_plain_name(username)) return delivery_error("\"" + username + "\" cannot be a file name");
  const auto path = directory + "/" + username;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return delivery_error(path + ": " + std::strerror(errno));
  const bool written = ::fchmod(file, 0600) == 0 && write_all(file, password.reveal()) && ::fsync(file) == 0;
  const int failure = errno;
  ::close(file);
  if (!written) return delivery_error(path + ": " + std::strerror(failure));
  return true;
}

// Waits without a signal handler of our own, and ends a command that does not end.
Result<bool> wait_for(pid_t child, const std::string& program) {
  const auto deadline = std::chrono::steady_clock::now() + command_deadline;
  int status = 0;
  while (true) {
    const auto ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) return delivery_error(program + ": " + std::strerror(errno));
    if (std::chrono::steady_clock::now() > deadline) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return delivery_error(program + " did not end within 10 s");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  return delivery_error(program + " failed");
}

Result<bool> to_command(std::vector<std::string> command, const std::string& username,
                        const Secret& password) {
  command.push_back(username);
  std::vector<char*> arguments;
  for (auto& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);

  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return delivery_error(std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // our stdout is for results
  pid_t child = 0;
  const int failure = ::posix_spawn(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_ends[0]);
  if (failure != 0) {
    ::close(pipe_ends[1]);
    return delivery_error(command.front() + ": " + std::strerror(failure));
  }
  const bool written = write_all(pipe_ends[1], password.reveal());
  ::close(pipe_ends[1]);
  auto ended = wait_for(child, command.front());
  if (ended && !written) return delivery_error(command.front() + " did not read the password");
  return ended;
}

}  // namespace

PasswordDelivery make_password_delivery(const PasswordsConfig& config) {
  switch (config.deliver) {
    case PasswordsConfig::Deliver::none:
      break;
    case PasswordsConfig::Deliver::directory:
      return [directory = config.directory](const std::string& username, const Secret& password) {
        return to_directory(directory, username, password);
      };
    case PasswordsConfig::Deliver::command:
      return [command = config.command](const std::string& username, const Secret& password) {
        return to_command(command, username, password);
      };
  }
  return {};
}

}  // namespace usersyncd
