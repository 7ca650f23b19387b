#include "tests/program/daemon_world.hpp"


namespace usersyncd::test {

namespace json = boost::json;

const std::string two_users =
    "  - { username: ada, firstName: Ada, lastName: First, email: ada@example.com, phone: \"+19195550001\" "
    "}\n"
    "  - { username: bob, firstName: Bob, lastName: Second, email: bob@example.com, phone: \"+19195550002\" "
    "}\n";

const std::string no_limits = "  - { name: blast-radius, effect: allow }\n";

void add_two_users(Bench& bench) {
  bench.simulator().put_user("ada", R"({"firstName":"Ada","lastName":"First","email":"ada@example.com",)"
                                    R"("phone":"+19195550001","accounts":["5500001"]})");
  bench.simulator().put_user("bob", R"({"firstName":"Bob","lastName":"Second","email":"bob@example.com",)"
                                    R"("phone":"+19195550002","accounts":["5500001"]})");
  bench.wish_file("two.yaml", "version: 1\naccount: \"" + bench.setup().account + "\"\nusers:\n" + two_users);
}

Setup quick(const std::string& mode) {
  Setup setup;
  setup.mode = mode;
  setup.poll_interval = "1s";
  return setup;
}

void wish_more(Bench& bench, const std::string& users) {
  bench.wish_file("more.yaml", "version: 1\naccount: \"" + bench.setup().account + "\"\nusers:\n" + users);
}

std::string people(const std::string& prefix, int count, const std::string& last_name) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string digits = std::to_string(1000 + i).substr(1);
    const std::string name = prefix + digits;
    text += "  - { username: " + name + ", firstName: " + name + ", lastName: " + last_name +
            ", email: " + name + "@example.com }\n";
  }
  return text;
}

bool cycles(const Daemon& daemon, std::size_t count, std::size_t since) {
  return eventually([&] { return daemon.events("cycle.summary", since).size() >= count; });
}

std::string text_of(const json::object& object, const std::string& member) {
  const auto* value = object.if_contains(member);
  return value && value->is_string() ? std::string{value->as_string()} : "";
}

std::vector<json::object> about(const Daemon& daemon, const std::string& event, const std::string& username,
                                std::size_t since) {
  auto found = daemon.events(event, since);
  std::erase_if(found, [&](const json::object& one) { return text_of(one, "username") != username; });
  return found;
}

json::object status_of(Bench& bench) {
  const auto run = bench.run({"status", "--format", "json"});
  return parse_output(run.out).at("accounts").at(0).as_object();
}

}  // namespace usersyncd::test
