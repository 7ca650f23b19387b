#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/merkle.hpp"
#include "sync/error.hpp"
#include "sync/secret.hpp"

// Checkpoints: signed statements that a log of so many records had this Merkle root, in the formats of
// C2SP (signed-note, tlog-checkpoint) with Ed25519, which witnesses and verifiers elsewhere understand.
//
//   usersyncd/0123456789abcdef        the origin: which log
//   256                               how many records
//   base64 of the root
//                                     an empty line
//   — key name base64(4 bytes of key hash, 64 bytes of signature)

namespace usersyncd {

/// What a checkpoint says.
struct TreeHead {
  std::string origin;
  std::int64_t size = 0;
  Digest root{};

  std::string text() const;  ///< what is signed
};

/// A checkpoint and the places of its signatures, none of which has been looked at.
struct SignedNote {
  struct Signature {
    std::string key_name;
    std::string bytes;  ///< 4 bytes of key hash, then the signature
  };
  TreeHead head;
  std::vector<Signature> signatures;
  std::int64_t line = 0;  ///< of the text that it was read from, from 1
};

/// The notes in a text, with empty lines between them. A last one that was cut off is left out. An Error of
/// kind malformed names the line that is not part of a note.
Result<std::vector<SignedNote>> parse_notes(std::string_view text);

/// A public key in C2SP's form: `name+hash+base64(0x01, key)`.
class VerifyingKey {
 public:
  VerifyingKey(std::string name, std::string key) : name_(std::move(name)), key_(std::move(key)) {}
  const std::string& name() const { return name_; }
  std::string text() const;
  /// Whether one of the note's signatures is of this key and right.
  bool verifies(const SignedNote& note) const;

 private:
  std::string name_;
  std::string key_;  ///< 32 bytes
};

/// Public keys, one a line. An Error of kind malformed for anything else.
Result<std::vector<VerifyingKey>> parse_verifying_keys(std::string_view text);

/// A private key in the form of Go's note package: `PRIVATE+KEY+name+hash+base64(0x01, seed)`.
class SigningKey {
 public:
  /// From the system's random numbers.
  static SigningKey generate(std::string name);
  /// An Error of kind malformed without anything of the text in it.
  static Result<SigningKey> parse(std::string_view text);

  Secret text() const;
  const VerifyingKey& verifying_key() const { return public_; }
  /// The whole note, signed.
  std::string sign(const TreeHead& head) const;

 private:
  SigningKey(std::string name, Secret seed);
  std::string name_;
  Secret seed_;  ///< 32 bytes
  VerifyingKey public_;
};

}  // namespace usersyncd
