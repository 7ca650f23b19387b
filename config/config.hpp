#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sync/desired.hpp"
#include "sync/time.hpp"

namespace usersyncd {

/// Where a secret is to be found. Its value is never in the config and never in this struct.
struct SecretRef {
  enum class From { file, credential, environment };
  From from = From::file;
  std::string name;  ///< a path, a file name below $CREDENTIALS_DIRECTORY, or a variable
  Place place;
};

struct CredentialsConfig {
  enum class Type { oauth2, basic };
  Type type = Type::oauth2;
  SecretRef user;    ///< clientId, or username
  SecretRef secret;  ///< clientSecret, or password
};

struct LimitsConfig {
  int max_in_flight = 8;
  Duration request_timeout{30'000};
  std::uint64_t max_response_bytes = 64ULL << 20;
  Duration retry_for{600'000};
};

struct PasswordsConfig {
  enum class Deliver { none, directory, command };
  Deliver deliver = Deliver::none;
  std::string directory;
  std::vector<std::string> command;
};

enum class Mode { observe, enforce };

struct AccountConfig {
  std::string id;
  std::string name;
  std::string provider;  ///< a built-in profile's name, or the path of a profile file
  std::string base_url;  ///< empty: the profile's
  Mode mode = Mode::observe;
  Duration poll_interval{60'000};
  CredentialsConfig credentials;
  std::string ca_file;  ///< empty: the system's
  LimitsConfig limits;
  PasswordsConfig passwords;
  Place place, provider_place, ca_file_place;
};

struct AuditConfig {
  std::optional<SecretRef> key;       ///< signs checkpoints; absent: one beside the database
  std::optional<Duration> retention;  ///< older records leave the database; absent: none does
};

struct Config {
  enum class LogLevel { debug, info, warn, error };
  enum class LogFormat { automatic, journal, text, json };
  std::string store_path = "/var/lib/usersyncd/usersyncd.db";
  std::string desired_path;
  std::string author_path;  ///< a file whose first line names who last changed the desired state; empty: none
  std::string policies_path;  ///< empty: only the built-in rules
  std::string admin_listen;   ///< empty: off
  AuditConfig audit;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::automatic;
  std::vector<AccountConfig> accounts;
};

}  // namespace usersyncd
