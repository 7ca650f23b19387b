#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>

#include "daemon/admin_server.hpp"
#include "store/schema.hpp"
#include "store/store.hpp"
#include "tests/fuzz/targets.hpp"

// What others may have left in our file or send to our socket.

namespace usersyncd::fuzz {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string scratch(const std::string& name) {
  static const std::string directory = [] {
    std::string made = "/tmp/usersyncd-fuzz-XXXXXX";
    require(::mkdtemp(made.data()) != nullptr);
    return made;
  }();
  return directory + "/" + name;
}

// A store whose audit log has one good record; the guard rails against changes are taken down.
class TamperedStore {
 public:
  TamperedStore() : path_(scratch("store.db")), store_(path_, Access::read_write) {
    AuditEntry entry;
    entry.time = *parse_time("2026-11-21T19:05:00Z");
    entry.actor = "fuzz";
    store_.audit().append(entry);
    raw_.execute("PRAGMA synchronous = OFF");
    raw_.execute("DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted");
  }

  void replace(std::string_view record) {
    auto update = raw_.prepare("UPDATE audit SET record = ?, hash = ? WHERE seq = 1");
    update.bind(record, audit_hash(record)).run();
  }

  Store& store() { return store_; }

 private:
  std::string path_;
  Store store_;
  Database raw_{path_, Access::read_write, store_schema()};
};

}  // namespace

void feed_audit(std::string_view bytes) {
  static TamperedStore tampered;
  tampered.replace(bytes);
  // Whoever writes a record with a hash that fits it still differs from the head of the chain.
  const auto verified = tampered.store().audit().verify();
  require(verified.broken.has_value());
  try {
    tampered.store().audit().show(1);
    tampered.store().audit().for_each({}, [](const AuditRow& row) { require(row.seq == 1); });
  } catch (const StoreError&) {
    // The one exception that the store promises, for a file that was tampered with.
  }
}

void feed_admin(std::string_view bytes) {
  static boost::asio::io_context io;
  static const std::string path = scratch("admin.sock");
  static const auto server = [] {
    AdminPages pages;
    pages.metrics = [] { return std::string{"# EOF\n"}; };
    pages.health = [] { return Health{true, "fine"}; };
    pages.readiness = [] { return Health{false, "not yet"}; };
    auto made = AdminServer::listen(io, "unix:" + path, std::move(pages));
    require(made.has_value());
    return std::move(*made);
  }();
  const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  require(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  if (!bytes.empty() && ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
  }
  ::shutdown(client, SHUT_WR);
  for (int i = 0; i < 16; ++i) io.poll();
  char answer[4096];
  const auto got = ::recv(client, answer, sizeof answer, 0);
  require(got <= 0 || std::string_view(answer, static_cast<std::size_t>(got)).starts_with("HTTP/1."));
  ::close(client);
  for (int i = 0; i < 4; ++i) io.poll();
}

}  // namespace usersyncd::fuzz
