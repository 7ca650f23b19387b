#include "config/config_file.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>
#include <utility>

#include "config/describe.hpp"
#include "config/file.hpp"
#include "config/nearest.hpp"
#include "config/url.hpp"

namespace usersyncd {

using std::chrono::hours;
using std::chrono::seconds;

namespace {

constexpr std::string_view no_plain_secrets =
    "a secret is not written into the config: put it where only the daemon can read it and write { file: "
    "PATH }, "
    "{ credential: NAME } (a file in $CREDENTIALS_DIRECTORY) or { env: NAME }";

/// `store: { path: … }` and its like.
struct PathSection {
  std::string path;
};

void describe(Shape& shape, PathSection& section) {
  shape.required("path", section.path, "A path; relative to the directory of this file.", filled_text());
}

struct DesiredSection {
  std::string path, author;
};

void describe(Shape& shape, DesiredSection& section) {
  shape.required("path", section.path, "A path; relative to the directory of this file.", filled_text());
  shape.optional("author", section.author,
                 "A file whose first line names who last changed the desired state, as `git log -1 "
                 "--format=%ae` writes it. Default: the owner of the file that changed last, unless that is "
                 "root.",
                 filled_text());
}

struct AdminSection {
  std::string listen;
};

void describe(Shape& shape, AdminSection& section) {
  shape.about("Where status, metrics and commands of a running daemon are served.");
  shape.required("listen", section.listen, "`unix:PATH`, or a loopback address with a port.",
                 TextCodec{fault_of_listen_address, "^(unix:.+|.+:[0-9]+)$", 0});
}

struct TlsSection {
  Written<std::string> ca_file;
};

void describe(Shape& shape, TlsSection& section) {
  shape.optional("caFile", section.ca_file, "Certificate authorities (PEM) to trust instead of the system's.",
                 written_as(filled_text()));
}

/// `deliver: none`, `deliver: { directory: … }`, `deliver: { command: […] }`.
struct Delivery {
  PasswordsConfig passwords;
};

OneOf<PasswordsConfig::Deliver> delivery_names() {
  using Deliver = PasswordsConfig::Deliver;
  return one_of<Deliver>(
      {{"none", Deliver::none}, {"directory", Deliver::directory}, {"command", Deliver::command}});
}

/// The way that is described; what `deliver` itself says does not count.
PasswordsConfig::Deliver way_of(const PasswordsConfig& passwords) {
  if (!passwords.directory.empty()) return PasswordsConfig::Deliver::directory;
  if (!passwords.command.empty()) return PasswordsConfig::Deliver::command;
  return PasswordsConfig::Deliver::none;
}

constexpr std::string_view directory_sentence = "A directory; each password becomes a file in it, mode 0600.";
constexpr std::string_view command_sentence =
    "A program and its arguments; it gets username and password on its standard input.";

void describe(Shape& shape, Delivery& delivery) {
  PasswordsConfig& passwords = delivery.passwords;
  shape.shorthand(passwords.deliver, "Which way.", delivery_names());
  if (shape.alternative("directory", passwords.directory, directory_sentence, filled_text()))
    passwords.deliver = PasswordsConfig::Deliver::directory;
  if (shape.alternative("command", passwords.command, command_sentence, list_of(filled_text())))
    passwords.deliver = PasswordsConfig::Deliver::command;
}

}  // namespace

void describe(Shape& shape, SecretRef& secret) {
  shape.about("Where a secret is to be found.");
  shape.confidential(no_plain_secrets);
  shape.place(secret.place);
  if (shape.alternative("file", secret.name, "The path of a file that holds it.", filled_text()))
    secret.from = SecretRef::From::file;
  if (shape.alternative("credential", secret.name, "The name of a file in $CREDENTIALS_DIRECTORY.",
                        filled_text()))
    secret.from = SecretRef::From::credential;
  if (shape.alternative("env", secret.name, "The name of an environment variable.", filled_text()))
    secret.from = SecretRef::From::environment;
  if (!shape.readable()) return;
  if (shape.written("credential") && secret.name.find('/') != std::string::npos)
    shape.refuse("credential", "expected the name of a file in $CREDENTIALS_DIRECTORY, without a slash");
  if (shape.written("env") && secret.name.find_first_of("= ") != std::string::npos)
    shape.refuse("env", "expected the name of an environment variable");
}

namespace {

/// A name beside secrets: what is written in its place may be one of them.
template <class E>
struct UnquotedName {
  OneOf<E> names;

  bool read(Reading& reading, const YamlNode& node, E& value) const {
    Problems unseen;
    Reading quiet{reading.document, unseen};
    if (names.read(quiet, node, value)) return true;
    std::string known;
    for (const auto& name : names.names()) known += (known.empty() ? "`" : " or `") + name + "`";
    reading.problems.hide_line(reading.document.place_of(node));
    const std::string hint = suggestion(node.text, names.names());
    reading.error(node, "expected " + known + (hint.starts_with("did you mean") ? "; " + hint : ""));
    return false;
  }
  boost::json::object schema() const { return names.schema(); }
};

}  // namespace

void describe(Shape& shape, CredentialsConfig& credentials) {
  using Type = CredentialsConfig::Type;
  std::optional<SecretRef> client_id, client_secret, username, password;
  shape.about("How to log in at the provider.");
  shape.confidential(no_plain_secrets);
  shape.optional("type", credentials.type, "OAuth 2.0 client credentials, or HTTP Basic. Default: oauth2.",
                 UnquotedName<Type>{one_of<Type>({{"oauth2", Type::oauth2}, {"basic", Type::basic}})});
  shape.optional("clientId", client_id, "For oauth2.");
  shape.optional("clientSecret", client_secret, "For oauth2.");
  shape.optional("username", username, "For basic.");
  shape.optional("password", password, "For basic.");
  if (!shape.readable()) return;

  const bool basic = credentials.type == Type::basic;
  const auto& user = basic ? username : client_id;
  const auto& secret = basic ? password : client_secret;
  const std::string needs = basic ? "type basic needs `username` and `password`"
                                  : "type oauth2 needs `clientId` and `clientSecret`";
  const std::string other =
      basic ? ", and not `clientId` or `clientSecret`" : ", and not `username` or `password`";
  for (const char* key : {"clientId", "clientSecret", "username", "password"}) {
    const bool of_basic = key == std::string_view("username") || key == std::string_view("password");
    if (shape.written(key) && of_basic != basic) return shape.refuse(key, needs + other);
  }
  if (!user || !secret) return shape.refuse("", needs);
  credentials.user = *user;
  credentials.secret = *secret;
}

void describe(Shape& shape, LimitsConfig& limits) {
  shape.optional("maxInFlight", limits.max_in_flight, "Requests at the same time. Default: 8.",
                 in_range(1, 64));
  shape.optional("requestTimeout", limits.request_timeout,
                 "For one request in all, 100ms to 10m. Default: 30s.",
                 in_range(Duration{100}, Duration{std::chrono::minutes{10}}));
  shape.optional("maxResponseBytes", limits.max_response_bytes,
                 "A longer answer is an error, 1KiB to 1GiB. Default: 64MiB.",
                 size_in_range(1ULL << 10U, 1ULL << 30U));
  shape.optional("retryFor", limits.retry_for, "How long one read is tried again, at most 24h. Default: 10m.",
                 in_range(Duration{0}, Duration{hours{24}}));
}

void describe(Shape& shape, PasswordsConfig& passwords) {
  using Deliver = PasswordsConfig::Deliver;
  Delivery delivery;
  shape.about("To whom the password of a new user is handed, where the provider wants one.");
  shape.optional("deliver", delivery, "`none` (the default), `{ directory: … }` or `{ command: […] }`.");
  shape.optional("directory", passwords.directory, directory_sentence, filled_text());
  shape.optional("command", passwords.command, command_sentence, list_of(filled_text()));
  if (!shape.readable()) return;

  const bool outside = shape.written("directory") || shape.written("command");
  const bool inside = way_of(delivery.passwords) != Deliver::none;
  if ((shape.written("directory") && shape.written("command")) || (outside && inside))
    return shape.refuse("", "passwords are delivered in one way only");
  if (shape.written("command") && passwords.command.empty())
    return shape.refuse("command", "the program is missing");
  if (inside) passwords = delivery.passwords;
  passwords.deliver = way_of(passwords);

  const bool contradicts = shape.written("deliver") && delivery.passwords.deliver != passwords.deliver;
  if (contradicts && passwords.deliver == Deliver::none)
    shape.refuse("deliver",
                 "it is not said where to: write { directory: PATH } or { command: [PROGRAM, …] }");
  else if (contradicts)
    shape.refuse("deliver", "this contradicts the other keys of `passwords`");
  if (passwords.deliver == Deliver::command && !passwords.command.front().starts_with('/'))
    shape.refuse("", "write the whole path of the program");
}

void describe(Shape& shape, AccountConfig& account) {
  TlsSection tls;
  shape.about("One login to one provider: all that its credential sees is one account.");
  shape.place(account.place);
  shape.required("id", account.id, "What desired state and policies call the account.", filled_text());
  shape.optional("name", account.name, "For people.");
  Written<std::string> provider;
  shape.required("provider", provider, "A built-in provider profile, or the path of a profile file.",
                 written_as(filled_text()));
  account.provider = provider.value;
  account.provider_place = provider.place;
  shape.optional("baseUrl", account.base_url, "Default: the profile's. http:// for loopback addresses only.",
                 TextCodec{fault_of_base_url, "^https?://", 0});
  shape.optional("mode", account.mode, "observe (the default) never writes.",
                 one_of<Mode>({{"observe", Mode::observe}, {"enforce", Mode::enforce}}));
  shape.optional("pollInterval", account.poll_interval, "Time between two polls, 100ms to 7d. Default: 60s.",
                 in_range(Duration{100}, Duration{hours{7 * 24}}));
  shape.required("credentials", account.credentials, "How to log in.");
  shape.optional("tls", tls, "Whom to trust.");
  shape.optional("limits", account.limits, "What a single account may use up.");
  shape.optional("passwords", account.passwords, "Passwords of new users.");
  account.ca_file = tls.ca_file.value;
  account.ca_file_place = tls.ca_file.place;
  if (shape.readable() && printable(account.id) != account.id)
    shape.refuse("id", "an id has no control characters");
}

void describe(Shape& shape, AuditConfig& audit) {
  shape.about("The audit log.");
  shape.optional("key", audit.key,
                 "The key that signs checkpoints. Default: one that is made beside the database.");
  shape.optional("retention", audit.retention,
                 "Older records leave the database for files beside it, 1s to 3650d. Default: none does.",
                 in_range(Duration{seconds{1}}, Duration{hours{3650 * 24}}));
}

namespace {

struct LogSection {
  Config::LogLevel level = Config::LogLevel::info;
  Config::LogFormat format = Config::LogFormat::automatic;
};

void describe(Shape& shape, LogSection& log) {
  using Level = Config::LogLevel;
  using Format = Config::LogFormat;
  shape.optional("level", log.level, "The least urgent lines to write. Default: info.",
                 one_of<Level>({{"debug", Level::debug},
                                {"info", Level::info},
                                {"warn", Level::warn},
                                {"warning", Level::warn},
                                {"error", Level::error}}));
  shape.optional("format", log.format,
                 "auto (the default): journal under systemd, text on a terminal, json otherwise.",
                 one_of<Format>({{"auto", Format::automatic},
                                 {"journal", Format::journal},
                                 {"text", Format::text},
                                 {"json", Format::json}}));
}

}  // namespace

void describe(Shape& shape, Config& config) {
  int version = 1;
  PathSection store{config.store_path}, policies;
  DesiredSection desired;
  AdminSection admin;
  LogSection log;
  shape.about("Config of usersyncd.");
  shape.required("version", version, "The version of this kind of file.", VersionCodec{});
  shape.optional("store", store, "The SQLite database. Default: /var/lib/usersyncd/usersyncd.db.");
  shape.required("desired", desired, "Desired state: a file, or a directory of *.yaml and *.yml.");
  shape.optional("policies", policies, "Policies: a file, or a directory. Default: only the built-in rules.");
  shape.optional("audit", config.audit, "The audit log: who signs its checkpoints, what leaves when.");
  shape.optional("admin", admin, "The admin interface. Default: off.");
  shape.optional("log", log, "The log.");
  shape.required("accounts", config.accounts, "The accounts to watch.");
  config.store_path = store.path;
  config.desired_path = desired.path;
  config.author_path = desired.author;
  config.policies_path = policies.path;
  config.admin_listen = admin.listen;
  config.log_level = log.level;
  config.log_format = log.format;
  if (shape.readable() && config.accounts.empty()) shape.refuse("accounts", "at least one account is needed");
}

namespace {

namespace fs = std::filesystem;

/// Makes the paths of a config absolute.
class PathResolver {
 public:
  explicit PathResolver(const std::string& config_file) {
    std::error_code error;
    const fs::path whole = fs::absolute(config_file, error);
    directory_ = (error ? fs::path(config_file) : whole).parent_path();
  }

  void resolve(std::string& path) const {
    if (!path.empty()) path = (directory_ / path).lexically_normal().string();
  }

  void resolve(SecretRef& secret) const {
    if (secret.from == SecretRef::From::file) resolve(secret.name);
  }

  void resolve(AccountConfig& account) const {
    // The name of a built-in profile has neither a slash nor an ending.
    const bool is_path = account.provider.find('/') != std::string::npos ||
                         account.provider.ends_with(".yaml") || account.provider.ends_with(".yml");
    if (is_path) resolve(account.provider);
    resolve(account.ca_file);
    resolve(account.passwords.directory);
    resolve(account.credentials.user);
    resolve(account.credentials.secret);
  }

  void resolve(Config& config) const {
    resolve(config.store_path);
    resolve(config.desired_path);
    resolve(config.author_path);
    resolve(config.policies_path);
    if (config.audit.key) resolve(*config.audit.key);
    if (config.admin_listen.starts_with("unix:")) {
      std::string path = config.admin_listen.substr(5);
      resolve(path);
      config.admin_listen = "unix:" + path;
    }
    for (AccountConfig& account : config.accounts) resolve(account);
  }

 private:
  fs::path directory_;
};

/// Hosts are compared without regard to case, and a slash at the end says nothing.
std::string comparable_url(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const std::size_t path = url.find('/', std::min(url.size(), std::string_view("https://").size()));
  std::transform(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(std::min(path, url.size())),
                 url.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return url;
}

void check_accounts(const std::vector<AccountConfig>& accounts, Problems& problems) {
  std::map<std::string, Place> ids;
  std::map<std::tuple<std::string, std::string, SecretRef::From, std::string>, Place> logins;
  for (const AccountConfig& account : accounts) {
    const auto [same_id, new_id] = ids.emplace(account.id, account.place);
    if (!new_id)
      problems.add(account.place, "the account id `" + account.id + "` is used twice; the first is at " +
                                      same_id->second.text());
    const SecretRef& user = account.credentials.user;
    const auto [same_login, new_login] = logins.emplace(
        std::tuple{account.provider, comparable_url(account.base_url), user.from, user.name}, account.place);
    if (new_id && !new_login)
      problems.add(
          account.place,
          "the same login (provider, base URL and client id or username) is used twice; the first is at " +
              same_login->second.text() + "; list it once, under the id of its main account");
  }
}

}  // namespace

std::optional<Config> read_config(const YamlDocument& document, Problems& problems) {
  std::optional<Config> config = read_described<Config>(document, problems);
  if (!config) return std::nullopt;
  PathResolver(document.file).resolve(*config);
  const std::size_t before = problems.count();
  check_accounts(config->accounts, problems);
  if (problems.count() != before) return std::nullopt;
  return config;
}

std::optional<Config> load_config(const std::string& path, Problems& problems) {
  const std::optional<YamlDocument> document = load_yaml(path, problems);
  if (!document) return std::nullopt;
  return read_config(*document, problems);
}

namespace {

std::string text_at(const YamlNode& map, std::string_view key) {
  const YamlNode* value = map.find(key);
  return value && value->kind == YamlNode::Kind::scalar ? value->text : std::string{};
}

std::string path_at(const YamlNode& root, std::string_view section) {
  const YamlNode* value = root.find(section);
  return value ? text_at(*value, "path") : std::string{};
}

}  // namespace

Config glimpse_config(const std::string& path) {
  Problems ignored;
  const auto file = read_file(path, largest_yaml, ignored);
  const YamlNode root = file ? glimpse_yaml(*file->text).root : YamlNode{};
  Config config;
  // Not the usual store if it is silent: the key may be misspelt, or behind what cannot be read.
  config.store_path = path_at(root, "store");
  config.desired_path = path_at(root, "desired");
  config.policies_path = path_at(root, "policies");
  const YamlNode* accounts = root.find("accounts");
  for (const YamlNode& entry : accounts ? accounts->items : std::vector<YamlNode>{}) {
    AccountConfig account;
    account.id = text_at(entry, "id");
    account.name = text_at(entry, "name");
    account.mode = text_at(entry, "mode") == "enforce" ? Mode::enforce : Mode::observe;
    if (!account.id.empty()) config.accounts.push_back(std::move(account));
  }
  PathResolver(path).resolve(config);
  return config;
}

std::string config_schema() {
  return schema_of<Config>("usersyncd config");
}

}  // namespace usersyncd
