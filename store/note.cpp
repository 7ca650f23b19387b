#include "store/note.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "sync/base64.hpp"
#include "sync/plan.hpp"

namespace usersyncd {
namespace {

constexpr std::string_view dash = "\u2014 ";
constexpr std::string_view private_mark = "PRIVATE+KEY+";
constexpr char ed25519_type = 1;
constexpr std::size_t key_size = 32;
constexpr std::size_t key_hash_size = 4;
constexpr std::size_t signature_size = 64;

struct PkeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Pkey = std::unique_ptr<EVP_PKEY, PkeyDeleter>;
using Context = std::unique_ptr<EVP_MD_CTX, PkeyDeleter>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Pkey private_key(std::string_view seed) {
  Pkey key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size())};
  if (!key) throw std::runtime_error("OpenSSL refuses an Ed25519 key");
  return key;
}

std::string public_key_of(std::string_view seed) {
  std::string key(key_size, '\0');
  std::size_t size = key.size();
  const Pkey pair = private_key(seed);
  if (EVP_PKEY_get_raw_public_key(pair.get(), reinterpret_cast<unsigned char*>(key.data()), &size) != 1) {
    throw std::runtime_error("OpenSSL has no public key for an Ed25519 key");
  }
  return key;
}

/// The first 4 bytes of SHA-256(name, newline, type, key).
std::string key_hash(const std::string& name, const std::string& key) {
  const auto digest = digest_from_hex(sha256_hex(name + '\n' + ed25519_type + key));
  return std::string(reinterpret_cast<const char*>(digest->data()), key_hash_size);
}

std::string hex_text(std::string_view bytes) {
  Digest padded{};
  std::copy(bytes.begin(), bytes.end(), padded.begin());
  return hex_of(padded).substr(0, bytes.size() * 2);
}

bool is_key_name(std::string_view name) {
  const auto bad = [](char c) { return c == '+' || static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  return !name.empty() && std::none_of(name.begin(), name.end(), bad);
}

Error malformed(std::int64_t line, const std::string& what) {
  return Error{ErrorKind::malformed, "line " + std::to_string(line) + ": " + what, ""};
}

struct NamedKey {
  std::string name, hash, key;
};

/// The three parts of `name+hash+base64(0x01, 32 bytes)`; base64 may have pluses of its own.
std::optional<NamedKey> split_key(std::string_view text) {
  const auto first = text.find('+');
  const auto second = first == text.npos ? text.npos : text.find('+', first + 1);
  if (second == text.npos) return std::nullopt;
  auto key = from_base64(text.substr(second + 1));
  if (!key || key->size() != key_size + 1 || key->front() != ed25519_type) return std::nullopt;
  NamedKey named{std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1)),
                 key->substr(1)};
  wipe(*key);
  if (!is_key_name(named.name)) return std::nullopt;
  return named;
}

/// Reads notes line by line.
class NoteReader {
 public:
  explicit NoteReader(std::string_view text) : rest_(text) {}

  Result<std::vector<SignedNote>> read() {
    std::vector<SignedNote> notes;
    while (skip_empty_lines()) {
      SignedNote note;
      note.line = number_;
      std::vector<std::string_view> body;
      while (has_line_ && !line_.empty()) {
        body.push_back(line_);
        next();
      }
      if (!has_line_) break;  // cut off in the body
      if (const auto fault = read_body(body, note); fault) return *fault;
      next();
      if (!has_line_ || (is_cut_ && dash.starts_with(line_))) break;
      if (!line_.starts_with(dash)) return malformed(number_, "expected a signature, `— name base64`");
      if (const auto fault = read_signatures(note); fault) return *fault;
      if (!note.signatures.empty()) notes.push_back(std::move(note));
    }
    return notes;
  }

 private:
  void next() {
    has_line_ = !rest_.empty();
    if (!has_line_) return;
    ++number_;
    const auto end = rest_.find('\n');
    is_cut_ = end == rest_.npos;
    line_ = rest_.substr(0, end);
    rest_ = end == rest_.npos ? std::string_view{} : rest_.substr(end + 1);
  }

  bool skip_empty_lines() {
    if (number_ == 0) next();
    while (has_line_ && line_.empty()) next();
    return has_line_;
  }

  std::optional<Error> read_body(const std::vector<std::string_view>& body, SignedNote& note) const {
    if (body.size() != 3)
      return malformed(note.line, "expected the three lines of a checkpoint: origin, size, root");
    note.head.origin = body[0];
    const auto* end = body[1].data() + body[1].size();
    const auto [stopped, error] = std::from_chars(body[1].data(), end, note.head.size);
    if (error != std::errc{} || stopped != end || note.head.size < 0 ||
        std::to_string(note.head.size) != body[1]) {
      return malformed(note.line + 1, "expected the number of records");
    }
    const auto root = from_base64(body[2]);
    if (!root || root->size() != note.head.root.size())
      return malformed(note.line + 2, "expected the root, 32 bytes in base64");
    std::copy(root->begin(), root->end(), note.head.root.begin());
    return std::nullopt;
  }

  std::optional<Error> read_signatures(SignedNote& note) {
    for (; has_line_ && line_.starts_with(dash); next()) {
      const auto text = line_.substr(dash.size());
      const auto blank = text.find(' ');
      const auto bytes = blank == text.npos ? std::nullopt : from_base64(text.substr(blank + 1));
      const bool whole = bytes && (is_cut_ ? bytes->size() == key_hash_size + signature_size
                                           : bytes->size() > key_hash_size);
      if (whole) {
        note.signatures.push_back({std::string(text.substr(0, blank)), *bytes});
      } else if (!is_cut_) {
        return malformed(number_, "expected `— name base64`");
      }
    }
    if (has_line_ && !line_.empty()) return malformed(number_, "expected an empty line after a checkpoint");
    return std::nullopt;
  }

  std::string_view rest_, line_;
  std::int64_t number_ = 0;
  bool has_line_ = false;
  bool is_cut_ = false;  ///< the line has no end
};

}  // namespace

std::string TreeHead::text() const {
  const std::string_view bytes(reinterpret_cast<const char*>(root.data()), root.size());
  return origin + '\n' + std::to_string(size) + '\n' + to_base64(bytes) + '\n';
}

Result<std::vector<SignedNote>> parse_notes(std::string_view text) {
  return NoteReader(text).read();
}

std::string VerifyingKey::text() const {
  return name_ + '+' + hex_text(key_hash(name_, key_)) + '+' + to_base64(ed25519_type + key_);
}

bool VerifyingKey::verifies(const SignedNote& note) const {
  const Pkey key{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(key_), key_.size())};
  const std::string text = note.head.text();
  const std::string hash = key_hash(name_, key_);
  const auto is_good = [&](const SignedNote::Signature& signature) {
    if (signature.key_name != name_ || !signature.bytes.starts_with(hash)) return false;
    const std::string_view bytes = std::string_view(signature.bytes).substr(key_hash_size);
    const Context context{EVP_MD_CTX_new()};
    return key && bytes.size() == signature_size &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(bytes), bytes.size(), bytes_of(text), text.size()) == 1;
  };
  return std::any_of(note.signatures.begin(), note.signatures.end(), is_good);
}

Result<std::vector<VerifyingKey>> parse_verifying_keys(std::string_view text) {
  std::vector<VerifyingKey> keys;
  std::int64_t number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto named = split_key(line);
    if (named && named->hash == hex_text(key_hash(named->name, named->key))) {
      keys.emplace_back(named->name, named->key);
      continue;
    }
    return malformed(number, "expected a public key, `name+hash+base64`");
  }
  return keys;
}

SigningKey::SigningKey(std::string name, Secret seed)
    : name_(name), seed_(std::move(seed)), public_(std::move(name), public_key_of(seed_.reveal())) {}

SigningKey SigningKey::generate(std::string name) {
  std::string seed(key_size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size())) != 1) {
    throw std::runtime_error("the system's random source failed");
  }
  return SigningKey(std::move(name), Secret{std::move(seed)});
}

Result<SigningKey> SigningKey::parse(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const Error fault{ErrorKind::malformed,
                    "this is not a signing key, `PRIVATE+KEY+name+hash+base64` on one line", ""};
  if (!text.starts_with(private_mark)) return fault;
  auto named = split_key(text.substr(private_mark.size()));
  if (!named) return fault;
  const std::string hash = hex_text(key_hash(named->name, public_key_of(named->key)));
  Secret seed{std::move(named->key)};
  if (hash != named->hash) return fault;
  return SigningKey(named->name, std::move(seed));
}

Secret SigningKey::text() const {
  std::string bytes(1, ed25519_type);
  bytes += seed_.reveal();
  const std::string public_text = public_.text();
  std::string encoded = to_base64(bytes);
  wipe(bytes);
  // name+hash+ of the public key stands for the private one, too.
  const auto hash_end = public_text.find('+', name_.size() + 1) + 1;
  std::string text = std::string(private_mark) + public_text.substr(0, hash_end) + encoded;
  wipe(encoded);
  return Secret{std::move(text)};
}

std::string SigningKey::sign(const TreeHead& head) const {
  const std::string text = head.text();
  const Pkey key = private_key(seed_.reveal());
  const Context context{EVP_MD_CTX_new()};
  std::string signature(signature_size, '\0');
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(text),
                     text.size()) != 1) {
    throw std::runtime_error("OpenSSL could not sign a checkpoint");
  }
  const std::string hash = key_hash(name_, public_key_of(seed_.reveal()));
  return text + '\n' + std::string(dash) + name_ + ' ' + to_base64(hash + signature) + '\n';
}

}  // namespace usersyncd
