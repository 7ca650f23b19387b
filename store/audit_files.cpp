#include "store/audit_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "store/lock.hpp"
#include "store/private_file.hpp"

namespace usersyncd {
namespace {

constexpr std::string_view signature_mark = "\u2014 ";
constexpr std::string_view separator = "\n\n";
constexpr std::int64_t longest_note = 4096;

/// The end of the file of checkpoints.
struct Tail {
  std::string text;
  std::int64_t offset = 0;  ///< of the text in the file
};

Tail read_tail(const FileHandle& file, const std::string& path) {
  struct stat status {};
  Tail tail;
  if (::fstat(file.get(), &status) != 0) throw StoreError(path + ": cannot be looked at");
  tail.offset = std::max<std::int64_t>(0, status.st_size - 2 * longest_note);
  tail.text.resize(static_cast<std::size_t>(status.st_size - tail.offset));
  const ssize_t got = ::pread(file.get(), tail.text.data(), tail.text.size(), tail.offset);
  if (got < 0) throw StoreError(path + ": cannot be read");
  tail.text.resize(static_cast<std::size_t>(got));
  return tail;
}

/// Where the paragraph begins that ends before `end`.
std::size_t paragraph_before(std::string_view text, std::size_t end) {
  if (end < separator.size()) return 0;
  const auto found = text.rfind(separator, end - separator.size());
  return found == text.npos ? 0 : found + separator.size();
}

/// The last note that is there as a whole: two paragraphs, of which the second is signatures.
struct Span {
  std::size_t begin = 0, end = 0;
};

Span last_note(std::string_view text) {
  for (auto at = text.rfind(separator); at != text.npos;
       at = at == 0 ? text.npos : text.rfind(separator, at - 1)) {
    const std::size_t signatures = paragraph_before(text, at);
    if (!text.substr(signatures).starts_with(signature_mark) || signatures < separator.size()) continue;
    return {paragraph_before(text, signatures - separator.size()), at + separator.size()};
  }
  return {};
}

/// The file that a segment is in: it has its name only when it is whole. A crash may have come after that.
std::string present_segment(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0 ? path : path + ".part";
}

}  // namespace

std::string audit_key_path(const std::string& db_path) {
  return db_path + ".audit.key";
}
std::string audit_public_key_path(const std::string& db_path) {
  return db_path + ".audit.pub";
}
std::string audit_checkpoints_path(const std::string& db_path) {
  return db_path + ".checkpoints";
}

Result<SigningKey> load_audit_key(const std::string& db_path, const std::string& origin) {
  const std::string path = audit_key_path(db_path);
  auto text = read_private_file(path);
  if (!text) {
    const OpeningLock turn = OpeningLock::acquire(db_path);  // two processes must not both make one
    text = read_private_file(path);
    if (!text) {
      auto key = SigningKey::generate(origin);
      const Secret line = key.text();
      std::string whole(line.reveal());
      write_private_file(path, whole += '\n');
      wipe(whole);
      give_to_owner_of(db_path, open_private_file(path), path);
      return key;
    }
  }
  auto key = SigningKey::parse(*text);
  wipe(*text);
  if (key) return key;
  return Error{ErrorKind::store,
               key.error().message + "; restore it from a backup, or move it away to begin with a new one",
               path};
}

void publish_audit_key(const std::string& db_path, const VerifyingKey& key) {
  const std::string path = audit_public_key_path(db_path);
  std::string known = read_private_file(path).value_or("");
  if (known.find(key.text() + '\n') != known.npos) return;
  if (!known.empty() && !known.ends_with('\n')) known += '\n';
  write_private_file(path, known + key.text() + '\n');
  give_to_owner_of(db_path, open_private_file(path), path);
}

Result<std::vector<VerifyingKey>> read_public_keys(const std::string& db_path) {
  const std::string path = audit_public_key_path(db_path);
  auto keys = parse_verifying_keys(read_private_file(path).value_or(""));
  if (keys) return keys;
  return Error{ErrorKind::store, keys.error().message, path};
}

Result<std::optional<SignedNote>> read_last_checkpoint(const std::string& db_path) {
  const std::string path = audit_checkpoints_path(db_path);
  if (::access(path.c_str(), F_OK) != 0) return std::optional<SignedNote>{};
  const Tail tail = read_tail(open_private_file(path), path);
  const Span span = last_note(tail.text);
  auto notes = parse_notes(std::string_view(tail.text).substr(span.begin, span.end - span.begin));
  if (!notes) return Error{ErrorKind::store, "the last checkpoint is garbled", path};
  if (!notes->empty()) return std::optional<SignedNote>{notes->back()};
  if (tail.text.size() < static_cast<std::size_t>(longest_note)) return std::optional<SignedNote>{};
  return Error{ErrorKind::store, "this is not a file of checkpoints", path};
}

void append_checkpoint(const std::string& db_path, const std::string& note) {
  const std::string path = audit_checkpoints_path(db_path);
  const FileHandle file = open_private_file(path);
  const Tail tail = read_tail(file, path);
  if (tail.text.empty()) give_to_owner_of(db_path, file, path);
  const auto whole = static_cast<std::int64_t>(last_note(tail.text).end);
  write_durably(file, path, note + '\n', tail.offset + whole);
}

std::string audit_segment_path(const std::string& db_path, std::int64_t first, std::int64_t last) {
  return db_path + ".audit-" + std::to_string(first) + '-' + std::to_string(last) + ".jsonl";
}

std::int64_t audit_segment_size(const std::string& path) {
  struct stat status {};
  const std::string present = present_segment(path);
  if (::stat(present.c_str(), &status) == 0) return status.st_size;
  if (errno == ENOENT) return 0;
  throw StoreError(present + ": cannot be looked at");
}

void extend_audit_segment(const std::string& db_path, const std::string& path, std::int64_t offset,
                          const std::string& lines, bool whole) {
  const std::string present = present_segment(path);
  {
    const FileHandle file = open_private_file(present);
    write_durably(file, present, lines, offset);
    give_to_owner_of(db_path, file, present);
  }
  if (whole && present != path)
    put_in_place(present, path);
  else
    sync_directory_of(path);
}

}  // namespace usersyncd
