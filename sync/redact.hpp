#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sync/ports.hpp"
#include "sync/secret.hpp"
#include "sync/secret_keys.hpp"

namespace usersyncd {

/// Takes secrets out of whatever is about to be logged or stored. Two nets, and both are always drawn:
///
/// by value: the registered values wherever they stand, as they are or written in JSON (also JSON within a
/// JSON string), XML, a URL or a form, or base64 (both alphabets, padded or not, also as a part of what was
/// encoded, such as Basic credentials);
///
/// by key: what stands under a name such as `password`, `client_secret` or `access_token` as a JSON member
/// (also within a JSON string), an XML element or attribute, or a form field, whether it is registered or
/// not.
///
/// It rather takes too much than too little; the result need not be valid JSON or XML.
class Redactor {
 public:
  /// Values shorter than this are not looked for, because they would be found everywhere; keys still cover
  /// them.
  static constexpr std::size_t shortest_value = 4;
  /// How many values a slot remembers: an answer may still quote the token before this one.
  static constexpr std::size_t kept_per_slot = 3;

  /// What is registered here is registered with `wider`, too, if there is one: the texts of one account are
  /// searched for its own secrets, the log for those of all. `wider` outlives this one.
  explicit Redactor(Redactor* wider = nullptr);
  Redactor(const Redactor&) = delete;
  Redactor& operator=(const Redactor&) = delete;

  /// Registers a value until remove() is called with it.
  void add(std::string_view value);
  /// Registers the current value of something that changes, such as the token of an account, and forgets the
  /// oldest values of the same slot beyond kept_per_slot.
  void rotate(std::string_view slot, std::string_view value);
  /// Forgets a value, for one that has been handed over and lives nowhere any more.
  void remove(std::string_view value);

  /// The text with `[redacted]` in place of every secret.
  std::string redact(std::string_view text) const;
  /// Values of headers that carry credentials are redacted whole, the others like any text.
  void redact_headers(Headers& headers) const;
  /// Everything in the record that came from outside or went there.
  void redact(ExchangeRecord& record) const;

 private:
  /// One spelling of a value, compared through whatever escapes its bytes may be written with.
  struct Pattern {
    Secret bytes;
    bool base64 = false;
  };
  struct Entry {
    std::string slot;
    Secret value;
    std::vector<Pattern> patterns;
  };
  using Entries = std::list<Entry>;
  using Bucket = std::vector<const Pattern*>;
  static std::vector<Pattern> patterns_of(std::string_view value);
  void drop(Entries::iterator entry);
  void index(const Entry& entry);
  static std::size_t pair_of(char first, char second);
  void mark_pair(char first, char second);
  void mark_all_pairs(char first);
  void redact_in_place(std::string& text) const;
  std::vector<TextRange> secret_ranges(std::string_view text) const;
  TextRange known_value_at(std::string_view text, std::size_t pos) const;
  const Bucket& candidates(char first, char second) const;

  Redactor* wider_;
  Entries entries_;
  std::map<std::string, std::deque<Entries::iterator>, std::less<>> slots_;  ///< the oldest value first
  std::array<Bucket, 256> by_first_byte_;                                    ///< into entries_
  std::unordered_map<std::size_t, Bucket> by_pair_;                          ///< into entries_
  std::bitset<256> single_;             ///< first bytes of patterns that are no longer
  std::bitset<256 * 256> interesting_;  ///< pairs of bytes at which a secret may begin or a key end
};

}  // namespace usersyncd
