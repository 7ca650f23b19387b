// Makes a store with so many audit records, as a daemon leaves it that has polled and written for long.
#include <cstdio>
#include <string>

#include "store/audit.hpp"
#include "store/schema.hpp"
#include "store/store.hpp"

namespace usersyncd {
namespace {

constexpr std::size_t batch = 10'000;

AuditEntry entry_of(std::size_t number) {
  AuditEntry entry;
  entry.time = time_from_millis(1'750'000'000'000) + Duration{static_cast<Duration::rep>(number) * 20'000};
  entry.run = "20250615T" + std::to_string(100'000 + number / 6 % 900'000) + "Z-bench";
  entry.account = "5500001";
  entry.actor = "daemon";
  entry.username = "person." + std::to_string(number * 7919 % 10'007);
  if (number % 2 == 0) {
    entry.kind = AuditKind::decision;
    entry.action = "update";
    entry.detail["verdict"] = "apply";
    entry.detail["reason"] = "phone is \"+19195550666\", wanted \"+19195551234\"";
    return entry;
  }
  entry.kind = AuditKind::exchange;
  const std::string url = "https://api.example.com/api/v1/users/" + entry.username;
  entry.request = AuditRequest{"GET", url, Headers{{"Accept", "application/json"}}, {}};
  entry.response = AuditResponse{200,
                                 {{"Content-Type", "application/json"}},
                                 "{\"links\":[],\"data\":{\"username\":\"" + entry.username +
                                     "\",\"phone\":\"+19195550666\",\"active\":true},\"errors\":[]}"};
  entry.duration = Duration{21};
  return entry;
}

void fill(const std::string& path, std::size_t count) {
  Store made{path, Access::read_write};
  Database database{path, Access::read_write, store_schema()};
  AuditLog audit{database};
  for (std::size_t number = 0; number < count;) {
    Transaction transaction{database};
    for (std::size_t i = 0; i < batch && number < count; ++i, ++number) audit.append(entry_of(number));
    transaction.commit();
  }
  made.tidy_up();
}

}  // namespace
}  // namespace usersyncd

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: fill-audit STORE RECORDS\n", stderr);
    return 64;
  }
  usersyncd::fill(argv[1], std::stoul(argv[2]));
  return 0;
}
