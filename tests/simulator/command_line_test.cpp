#include "simulator/command_line.hpp"

#include "tests/simulator/support.hpp"

namespace usersyncd::sim {

TEST_CASE("every option reaches what it is for") {
  const auto line = read_command_line({"--listen",
                                       "[::1]:8080",
                                       "--tls-self-signed",
                                       "/tmp/x",
                                       "--api",
                                       "dashboard",
                                       "--account",
                                       "1",
                                       "--extra-account",
                                       "2",
                                       "--extra-account",
                                       "3",
                                       "--users",
                                       "9",
                                       "--seed",
                                       "4",
                                       "--username",
                                       "me",
                                       "--token-ttl",
                                       "60",
                                       "--latency",
                                       "20ms",
                                       "--jitter",
                                       "5ms",
                                       "--limiter",
                                       "none",
                                       "--hint",
                                       "date",
                                       "--xml",
                                       "--thin-list",
                                       "--no-delete",
                                       "--ignore-enabled",
                                       "--role-shape",
                                       "permissions",
                                       "--no-total",
                                       "--whole-list",
                                       "--list-shape",
                                       "bare",
                                       "--item-wrapped",
                                       "--location-only",
                                       "--not-found",
                                       "403",
                                       "--taken",
                                       "400",
                                       "--no-user-ids"});
  REQUIRE(line.has_value());
  CHECK(line->listen.address == "::1");
  CHECK(line->listen.port == 8080);
  CHECK(line->listen.tls);
  CHECK(line->population.accounts == std::vector<std::string>{"1", "2", "3"});
  CHECK(line->population.users == 9);
  CHECK(line->population.seed == 4);
  CHECK(line->population.own_username == "me");
  CHECK(line->simulator.token_ttl == std::chrono::seconds(60));
  CHECK(line->simulator.latency == std::chrono::milliseconds(20));
  CHECK(line->simulator.jitter == std::chrono::milliseconds(5));
  CHECK(line->simulator.hint == "date");
  const Dialect& dialect = line->simulator.dialect;
  CHECK(dialect.apis == Apis::dashboard);
  CHECK(dialect.role_shape == RoleShape::permissions);
  CHECK(dialect.item_wrapped == true);
  CHECK((dialect.xml && dialect.thin_list && dialect.no_delete && dialect.ignore_enabled &&
         dialect.no_total && dialect.whole_list && dialect.list_bare && dialect.location_only &&
         dialect.no_user_ids));
  CHECK(dialect.not_found_status == 403);
  CHECK(dialect.taken_status == 400);
}

TEST_CASE("without options both APIs are spoken as wire.md names them first") {
  const auto line = read_command_line({});
  REQUIRE(line.has_value());
  CHECK(line->listen.address == "127.0.0.1");
  CHECK(line->listen.port == 0);
  CHECK_FALSE(line->listen.tls);
  CHECK(line->simulator.dialect.apis == Apis::both);
  CHECK_FALSE(line->simulator.dialect.role_shape.has_value());
  CHECK_FALSE(line->simulator.dialect.item_wrapped.has_value());
}

TEST_CASE("what cannot be meant is refused") {
  const std::vector<std::vector<std::string>> lines{{"--nope"},
                                                    {"stray"},
                                                    {"--api", "v2"},
                                                    {"--listen", "8080"},
                                                    {"--tls"},
                                                    {"--cert", "a.pem"},
                                                    {"--latency", "20"},
                                                    {"--users", "-1"},
                                                    {"--token-ttl", "0"},
                                                    {"--not-found", "500"},
                                                    {"--listen", "127.0.0.1:99999"},
                                                    {"--item-wrapped", "--item-bare"},
                                                    {"--tls", "--cert", "a.pem"},
                                                    {"--users", "5", "--world", "w.json"}};
  for (const auto& line : lines) {
    CAPTURE(line.front());
    CHECK_THROWS_AS(read_command_line(line), InputError);
  }
}

TEST_CASE("tenants are counted, and are not from a file") {
  CHECK(read_command_line({"--tenants", "17"})->tenants == 17);
  CHECK(read_command_line({})->tenants == 0);
  CHECK_THROWS_AS(read_command_line({"--tenants", "0"}), InputError);
  CHECK_THROWS_AS(read_command_line({"--tenants", "2", "--world", "w.json"}), InputError);
  CHECK_THROWS_AS(read_command_line({"--tenants", "2", "--journal", "j"}), InputError);
}

}  // namespace usersyncd::sim
