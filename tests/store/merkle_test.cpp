#include "store/merkle.hpp"

#include <doctest/doctest.h>
#include <openssl/sha.h>

#include <vector>

#include "store/note.hpp"

using namespace usersyncd;

namespace {

Digest sha256_of(const std::string& bytes) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

std::string bytes_of(const Digest& digest) {
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

/// The definition in RFC 6962, section 2.1, word for word.
Digest defined_root(const std::vector<std::string>& entries) {
  if (entries.empty()) return sha256_of("");
  if (entries.size() == 1) return sha256_of(std::string(1, '\0') + entries.front());
  std::size_t left = 1;
  while (left * 2 < entries.size()) left *= 2;
  const auto middle = entries.begin() + static_cast<std::ptrdiff_t>(left);
  const auto first = defined_root({entries.begin(), middle});
  const auto second = defined_root({middle, entries.end()});
  return sha256_of('\x01' + bytes_of(first) + bytes_of(second));
}

/// The entries of the test vectors that Certificate Transparency's own tests use.
std::vector<std::string> known_entries() {
  using namespace std::string_literals;
  return {"",
          "\x00"s,
          "\x10"s,
          "\x20\x21"s,
          "\x30\x31"s,
          "\x40\x41\x42\x43"s,
          "\x50\x51\x52\x53\x54\x55\x56\x57"s,
          "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"s};
}

}  // namespace

TEST_CASE("the root is that of RFC 6962, with the published vectors") {
  MerkleFrontier tree;
  CHECK(hex_of(tree.root()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (const auto& entry : known_entries()) tree.add(sha256_of(std::string(1, '\0') + entry));
  CHECK(hex_of(tree.root()) == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

TEST_CASE("for every size up to 70 the root is the defined one, and the text brings the tree back") {
  MerkleFrontier tree;
  std::vector<std::string> entries;
  for (int size = 0; size <= 70; ++size) {
    CHECK(tree.root() == defined_root(entries));
    const auto again = MerkleFrontier::parse(tree.size(), tree.text());
    REQUIRE(again.has_value());
    CHECK(*again == tree);
    entries.push_back("entry " + std::to_string(size));
    tree.add(sha256_of(std::string(1, '\0') + entries.back()));
  }
  CHECK(!MerkleFrontier::parse(70, tree.text()));
  CHECK(!MerkleFrontier::parse(71, tree.text().substr(1) + "g"));
  CHECK(!MerkleFrontier::parse(-1, ""));
}

TEST_CASE("a checkpoint is a C2SP note that its public key verifies, and no other") {
  const auto key = SigningKey::generate("usersyncd/0123");
  TreeHead head{"usersyncd/0123", 8, sha256_of("root")};
  const std::string note = key.sign(head);
  CHECK(note.starts_with("usersyncd/0123\n8\n"));
  CHECK(note.find("\n\n\u2014 usersyncd/0123 ") != note.npos);
  const auto notes = parse_notes(note + "\n" + note);
  REQUIRE(notes.has_value());
  REQUIRE(notes->size() == 2);
  CHECK(notes->at(1).line == 7);
  CHECK(notes->front().head.root == head.root);
  CHECK(key.verifying_key().verifies(notes->front()));

  const auto same = SigningKey::parse(key.text().reveal());
  REQUIRE(same.has_value());
  CHECK(same->sign(head) == note);
  const auto published = parse_verifying_keys(key.verifying_key().text() + "\n");
  REQUIRE(published.has_value());
  CHECK(published->front().verifies(notes->front()));
  CHECK(!SigningKey::generate("usersyncd/0123").verifying_key().verifies(notes->front()));
  auto changed = notes->front();
  changed.head.size = 9;
  CHECK(!key.verifying_key().verifies(changed));
}

TEST_CASE("a public key that Go's note package made verifies what Go signed") {
  // From golang.org/x/mod/sumdb/note, example_test.go, with the three lines that a checkpoint has.
  const auto keys =
      parse_verifying_keys("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  REQUIRE(keys.has_value());
  CHECK(keys->front().name() == "PeterNeumann");
  CHECK(keys->front().text() == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  const auto secret =
      SigningKey::parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz");
  REQUIRE(secret.has_value());
  CHECK(secret->verifying_key().text() == keys->front().text());
}

TEST_CASE("garbled notes and keys are refused with their line; a note that was cut off is left out") {
  const auto key = SigningKey::generate("k");
  const std::string note = key.sign(TreeHead{"o", 1, {}});
  for (std::size_t length = 0; length < note.size() - 1; ++length) {
    const auto cut = parse_notes(note + "\n" + note.substr(0, length));
    CAPTURE(length);
    REQUIRE(cut.has_value());
    CHECK(cut->size() == 1);
  }
  const std::vector<std::pair<std::string, std::string>> bad{
      {"o\n1\n\n", "line 1"},
      {"o\nx\nAAAA\n\n", "line 2"},
      {"o\n01" + note.substr(3) + "\n", "line 2"},
      {"o\n1\nAAAA\n\n", "line 3"},
      {note.substr(0, note.find("\u2014")) + "hello\n\n", "line 5"},
      {note.substr(0, note.find("\u2014")) + "\u2014 k AAA\n\nmore\n", "line 5"},
      {note + "more\n", "line 6"}};
  for (const auto& one : bad) {
    const auto notes = parse_notes(one.first);
    CAPTURE(one.first);
    REQUIRE(!notes.has_value());
    CHECK(notes.error().message.find(one.second + ":") == 0);
  }
  for (const char* text : {"k", "k+00000000+AAAA", "PRIVATE+KEY+k+00000000+AAAA"}) {
    CHECK(!parse_verifying_keys(text).has_value());
    CHECK(!SigningKey::parse(text).has_value());
  }
  auto wrong_hash = key.verifying_key().text();
  wrong_hash[2] = wrong_hash[2] == '0' ? '1' : '0';
  CHECK(!parse_verifying_keys(wrong_hash).has_value());
}
