#include "daemon/secrets.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace usersyncd {
namespace {

constexpr std::size_t longest_secret = 64 * 1024;

Error config_error(const SecretRef& reference, const std::string& message) {
  return Error{ErrorKind::config, "error: " + message, reference.place.text()};
}

// What everybody on the machine may read, or write, is no secret. Empty: it is one.
std::string unfit(int file) {
  struct ::stat info {};
  if (::fstat(file, &info) == 0 && S_ISDIR(info.st_mode)) return " cannot be read: this is a directory";
  if (::fstat(file, &info) != 0 || (info.st_mode & (S_IROTH | S_IWOTH)) == 0) return {};
  return " is open to every user of this machine; take that away with `chmod o-rw`, and change the secret if "
         "others may have read it";
}

Result<Secret> read_file(const SecretRef& reference, const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return config_error(reference, "cannot read the secret in " + path + ": " + std::strerror(errno));
  if (const auto fault = unfit(file); !fault.empty()) {
    ::close(file);
    return config_error(reference, "the secret in " + path + fault);
  }
  std::string value;
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while (value.size() <= longest_secret && (got = ::read(file, buffer.data(), buffer.size())) > 0) {
    value.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const int failure = got < 0 ? errno : 0;
  ::close(file);
  buffer.fill('\0');
  if (failure != 0) {
    wipe(value);
    return config_error(reference, "cannot read the secret in " + path + ": " + std::strerror(failure));
  }
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  if (value.empty() || value.size() > longest_secret) {
    const char* what = value.empty() ? " is empty" : " is larger than 64 KiB";
    wipe(value);
    return config_error(reference, "the secret in " + path + what);
  }
  return Secret{std::move(value)};
}

}  // namespace

Result<Secret> read_secret(const SecretRef& reference) {
  switch (reference.from) {
    case SecretRef::From::file:
      return read_file(reference, reference.name);
    case SecretRef::From::credential: {
      const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
      if (!directory) {
        return config_error(reference,
                            "the credential \"" + reference.name +
                                "\" needs $CREDENTIALS_DIRECTORY, which systemd sets for LoadCredential=");
      }
      return read_file(reference, std::string{directory} + "/" + reference.name);
    }
    case SecretRef::From::environment:
      break;
  }
  const char* value = std::getenv(reference.name.c_str());
  if (!value || !*value)
    return config_error(reference, "the environment variable " + reference.name + " is not set");
  return Secret::copy_of(value);
}

}  // namespace usersyncd
