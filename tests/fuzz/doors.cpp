#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "daemon/admin_server.hpp"
#include "store/audit.hpp"
#include "store/schema.hpp"
#include "tests/fuzz/parts.hpp"
#include "tests/fuzz/targets.hpp"

// What others may have left in our file or send to our socket.

namespace usersyncd::fuzz {
namespace {

// Goes with the process, unless that is killed.
class Scratch {
 public:
  Scratch() { require(::mkdtemp(path_.data()) != nullptr); }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_ = "/tmp/usersyncd-fuzz-XXXXXX";
};

// An audit log of two good records; the guard rails against changes are taken down. All that the
// inputs change is one transaction that is never committed, so that none waits for the disk.
class TamperedLog {
 public:
  TamperedLog() {
    AuditEntry entry;
    entry.time = *parse_time("2026-11-21T19:05:00Z");
    entry.actor = "fuzz";
    log_.append(entry);
    log_.append(entry);
    database_.execute("DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted");
    // Not before: in a transaction that has changed the schema, each rollback of a part reads it anew.
    open_.emplace(database_);
  }

  void replace_first(std::string_view record) {
    auto update = database_.prepare("UPDATE audit SET record = ?, hash = ? WHERE seq = 1");
    update.bind(record, audit_hash(record)).run();
  }

  AuditLog& log() { return log_; }

 private:
  Scratch scratch_;
  Database database_{scratch_.file("store.db"), Access::read_write, store_schema()};
  AuditLog log_{database_};
  std::optional<Transaction> open_;
};

}  // namespace

void feed_audit(std::string_view bytes) {
  static TamperedLog tampered;
  tampered.replace_first(bytes);
  // Whoever writes a record with a hash that fits it still differs from what follows it.
  const auto verified = tampered.log().verify();
  require(verified.broken.has_value());
  try {
    tampered.log().show(1);
    tampered.log().for_each({}, [](const AuditRow& row) { require(row.seq == 1 || row.seq == 2); });
  } catch (const StoreError&) {
    // The one exception that the store promises, for a file that was tampered with.
  }
}

void feed_admin(std::string_view bytes) {
  static boost::asio::io_context io;
  static const Scratch scratch;
  static const std::string path = scratch.file("admin.sock");
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
