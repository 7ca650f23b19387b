#include "simulator/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>

namespace usersyncd::sim {
namespace {

/// What CLI11 reads as text and this file turns into values.
struct Texts {
  std::string listen = "127.0.0.1:0";
  std::string account = "5500001";
  std::vector<std::string> extra_accounts;
  std::string apis = "both";
  std::string role_shape;
  std::string list_shape = "wrapped";
  std::string latency = "0ms";
  std::string jitter = "0ms";
  std::int64_t token_ttl = 3600;
  bool item_wrapped = false;
  bool item_bare = false;
};

void add_network_options(CLI::App& app, CommandLine& line, Texts& texts) {
  app.add_option("--listen", texts.listen, "Loopback address and port; port 0 takes any free one")
      ->capture_default_str();
  CLI::Option* tls = app.add_flag("--tls", line.listen.tls, "HTTPS with --cert and --key");
  CLI::Option* cert =
      app.add_option("--cert", line.listen.files.certificate, "Certificate chain, PEM")->needs(tls);
  CLI::Option* key = app.add_option("--key", line.listen.files.key, "Its private key, PEM")->needs(cert);
  app.add_option("--tls-self-signed", line.self_signed,
                 "HTTPS with a CA and certificate made in this directory; trust its ca.pem")
      ->excludes(cert)
      ->excludes(key);
  app.add_option("--port-file", line.port_file, "Write the port here once listening");
  app.add_option("--latency", texts.latency, "Time before every answer, e.g. 20ms")->capture_default_str();
  app.add_option("--jitter", texts.jitter, "Added to or taken from the latency at random")
      ->capture_default_str();
}

void add_world_options(CLI::App& app, CommandLine& line, Texts& texts) {
  app.add_option("--account", texts.account, "Id of the main account")->capture_default_str();
  app.add_option("--extra-account", texts.extra_accounts,
                 "Another account of the credential; may be repeated")
      ->allow_extra_args(false);
  CLI::Option* users = app.add_option("--users", line.population.users, "Make so many users")
                           ->capture_default_str()
                           ->check(CLI::Range(0, 1'000'000));
  app.add_option("--seed", line.population.seed, "Seed of the users that are made")->capture_default_str();
  CLI::Option* world =
      app.add_option("--world", line.world_file, "JSON file to start from, as GET /sim/state shows one")
          ->excludes(users);
  app.add_option(
      "--write-desired", line.desired_file,
      "Write a desired-state file of the starting world here; with --tenants, a directory of them");
  app.add_option(
         "--tenants", line.tenants,
         "So many providers in this process: N is below /tenant/N, its account is the main one's id and -N")
      ->excludes(world)
      ->check(CLI::Range(1, 100'000));
  Credentials& accepted = line.simulator.credentials;
  app.add_option("--client-id", accepted.client_id, "OAuth 2.0 client id")->capture_default_str();
  app.add_option("--client-secret", accepted.client_secret, "OAuth 2.0 client secret")->capture_default_str();
  app.add_option("--username", accepted.username, "HTTP Basic username, also a user of the world")
      ->capture_default_str();
  app.add_option("--password", accepted.password, "HTTP Basic password")->capture_default_str();
  app.add_option("--token-ttl", texts.token_ttl, "Seconds that a token lives")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
}

void add_dialect_options(CLI::App& app, CommandLine& line, Texts& texts) {
  Dialect& dialect = line.simulator.dialect;
  app.add_option("--api", texts.apis, "Which API to speak")
      ->check(CLI::IsMember({"v1", "dashboard", "both"}))
      ->capture_default_str();
  app.add_option("--role-shape", texts.role_shape, "How a user's roles are shown")
      ->check(CLI::IsMember({"objects", "ids", "permissions"}));
  app.add_option("--list-shape", texts.list_shape, "v1 list: data.items, or data itself")
      ->check(CLI::IsMember({"wrapped", "bare"}))
      ->capture_default_str();
  app.add_option("--not-found", dialect.not_found_status, "Status of an unknown user")
      ->check(CLI::IsMember({404, 403}))
      ->capture_default_str();
  app.add_option("--taken", dialect.taken_status, "Status of a username or e-mail that exists")
      ->check(CLI::IsMember({409, 400}))
      ->capture_default_str();
  CLI::Option* wrapped =
      app.add_flag("--item-wrapped", texts.item_wrapped, "One user as {\"data\":…} or {\"User\":…}");
  app.add_flag("--item-bare", texts.item_bare, "One user without anything around it")->excludes(wrapped);
  app.add_flag("--location-only", dialect.location_only,
               "Create answers only with Location, v1 update with 204");
  app.add_flag("--no-total", dialect.no_total, "v1 list without totalCount");
  app.add_flag("--whole-list", dialect.whole_list, "v1 list ignores limit and offset");
  app.add_flag("--xml", dialect.xml, "Dashboard answers XML whatever was asked");
  app.add_flag("--collapse", dialect.collapse,
               "Dashboard JSON as converted from XML: one entry is an object");
  app.add_flag("--thin-list", dialect.thin_list, "Dashboard list without roles, accounts and enabled");
  app.add_flag("--no-user-ids", dialect.no_user_ids, "Dashboard without UserId; usernames in paths");
  app.add_flag("--no-delete", dialect.no_delete, "Dashboard answers DELETE with 405");
  app.add_flag("--ignore-enabled", dialect.ignore_enabled, "An update never enables or disables");
}

void add_trouble_options(CLI::App& app, CommandLine& line) {
  app.add_option("--limiter", line.simulator.limiter, "Rate limiter, e.g. token-bucket:rate=5,burst=10")
      ->capture_default_str();
  app.add_option("--hint", line.simulator.hint, "What a 429 says, e.g. seconds,body=json")
      ->capture_default_str();
  app.add_option("--faults", line.faults_file, "Fault script, JSON");
  app.add_option("--journal", line.simulator.journal, "Append every request here, one JSON object a line")
      ->excludes("--tenants");
}

void set_address(const std::string& text, ListenOptions& listen) {
  const std::size_t colon = text.rfind(':');
  const char* const end = text.data() + text.size();
  const char* const digits = colon == std::string::npos ? end : text.data() + colon + 1;
  const auto [stop, error] = std::from_chars(digits, end, listen.port);
  if (error != std::errc{} || stop != end) {
    throw InputError("--listen: '" + text + "' is not ADDRESS:PORT");
  }
  listen.address = text.substr(0, colon);
  if (listen.address.starts_with('[') && listen.address.ends_with(']')) {
    listen.address = listen.address.substr(1, listen.address.size() - 2);
  }
}

void set_values(const Texts& texts, CommandLine& line) {
  set_address(texts.listen, line.listen);
  if (line.listen.tls && line.self_signed.empty() && line.listen.files.key.empty()) {
    throw InputError("--tls needs --cert and --key; or use --tls-self-signed DIR");
  }
  line.listen.tls = line.listen.tls || !line.self_signed.empty();
  line.population.accounts = {texts.account};
  for (const std::string& account : texts.extra_accounts) {
    line.population.accounts.push_back(account);
  }
  line.population.own_username = line.simulator.credentials.username;
  Dialect& dialect = line.simulator.dialect;
  dialect.apis = texts.apis == "v1" ? Apis::v1 : texts.apis == "dashboard" ? Apis::dashboard : Apis::both;
  if (!texts.role_shape.empty()) {
    dialect.role_shape = texts.role_shape == "ids"       ? RoleShape::ids
                         : texts.role_shape == "objects" ? RoleShape::objects
                                                         : RoleShape::permissions;
  }
  if (texts.item_wrapped || texts.item_bare) {
    dialect.item_wrapped = texts.item_wrapped;
  }
  dialect.list_bare = texts.list_shape == "bare";
  line.simulator.latency = parse_micros(texts.latency, "--latency");
  line.simulator.jitter = parse_micros(texts.jitter, "--jitter");
  line.simulator.token_ttl = std::chrono::seconds(texts.token_ttl);
}

}  // namespace

std::optional<CommandLine> read_command_line(const std::vector<std::string>& arguments) {
  CLI::App app("Speaks both Bandwidth user APIs from memory, with rate limits and faults on demand.",
               "usersyncd-sim");
  app.set_version_flag("--version", std::string("usersyncd-sim ") + USERSYNCD_VERSION);
  CommandLine line;
  Texts texts;
  add_network_options(app, line, texts);
  add_world_options(app, line, texts);
  add_dialect_options(app, line, texts);
  add_trouble_options(app, line);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::Success& asked) {
    app.exit(asked);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw InputError(std::string(error.what()) + "; see usersyncd-sim --help");
  }
  set_values(texts, line);
  return line;
}

}  // namespace usersyncd::sim
