#include "tests/hostile/target.hpp"

#include <sys/resource.h>

namespace usersyncd::hostile {

Target::Target(const std::string& url, const std::string& ca_file) {
  const auto id = home_.write("id", "api-user\n");
  const auto secret = home_.write("secret", "api-secret\n");
  home_.write("desired/main.yaml",
              "version: 1\naccount: \"5500001\"\nusers:\n  - username: ann\n    email: ann@example.com\n");
  home_.write("usersyncd.yaml",
              "version: 1\nstore: { path: usersyncd.db }\ndesired: { path: desired }\naccounts:\n"
              "  - id: \"5500001\"\n    provider: bandwidth-dashboard\n    baseUrl: " +
                  url + "\n    mode: enforce\n    credentials: { type: basic, username: { file: " + id +
                  " }, password: { file: " + secret + " } }\n" +
                  (ca_file.empty() ? "" : "    tls: { caFile: " + ca_file + " }\n") +
                  "    limits: { requestTimeout: 1s, retryFor: 300ms, maxResponseBytes: 8MiB }\n");
}

test::Run Target::apply() {
  return test::usersyncd({"apply", "--yes", "--config", home_.path("usersyncd.yaml")});
}

long peak_memory_of_children() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_maxrss;
}

test::Script besieged(const test::Script& attack) {
  return [attack](test::Peer& peer) {
    while (true) {
      const auto request = peer.read_request();
      if (request.empty()) return;
      if (request.find("/roles") != std::string::npos) {
        peer.send(ok(R"({"Roles":[{"RoleId":"r1","RoleName":"Admin"}]})"));
      } else {
        attack(peer);
        return;
      }
    }
  };
}

}  // namespace usersyncd::hostile
