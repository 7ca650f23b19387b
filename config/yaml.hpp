#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/problems.hpp"
#include "sync/desired.hpp"

// Strict YAML: what this program reads is the part of YAML that every reader understands alike. Refused, each
// with its place: duplicate keys, a second document, anchors, aliases, tags, merge keys, keys that are not
// scalars, nesting deeper than 16, the plain words `yes no on off y n`, tabs, control characters, what is not
// UTF-8.

namespace usersyncd {

struct YamlEntry;

/// A node of a YAML file. Text stays text here: what it means is decided by the codec that reads it.
struct YamlNode {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  bool quoted = false;             ///< a scalar in quotes, or a block scalar
  bool told = false;               ///< it was said what is wrong here; of a map: it may lack keys for that
  std::string text;                ///< of a scalar
  std::vector<YamlNode> items;     ///< of a sequence
  std::vector<YamlEntry> entries;  ///< of a map, in the order written; keys are unique
  int line = 0;                    ///< one-based
  int column = 0;                  ///< one-based, in characters

  /// The value of `key`; null pointer if this is no map or has no such key.
  const YamlNode* find(std::string_view key) const;
};

struct YamlEntry {
  std::string key;
  int line = 0;    ///< of the key
  int column = 0;  ///< of the key
  YamlNode value;
};

struct YamlDocument {
  std::string file;
  YamlNode root;
  bool faulty = false;  ///< something is wrong with it, and was reported; what could be read is there

  Place place_of(const YamlNode& node) const { return {file, node.line, node.column}; }
  Place place_of(const YamlEntry& entry) const { return {file, entry.line, entry.column}; }
};

/// Files above this many bytes are refused.
inline constexpr std::size_t largest_yaml = 4U << 20U;

/// Reads `text`, which is called `file` in problems. Empty if nothing can be made of it; never throws for it.
/// A document that is `faulty` is for telling what else is wrong with it, and never to be used.
std::optional<YamlDocument> parse_yaml(const std::string& file, std::shared_ptr<const std::string> text,
                                       Problems& problems);

/// The same for a literal in a program.
std::optional<YamlDocument> parse_yaml(const std::string& file, std::string text, Problems& problems);

/// What can be made out of a text that may not be valid.
struct YamlGlimpse {
  YamlNode root;            ///< as far as it could be read
  bool to_its_end = false;  ///< false: something that cannot be read hides the rest
};
YamlGlimpse glimpse_yaml(std::string text);

/// Reads a regular file; unreadable, too large, or changed while it was read are problems as well.
std::optional<YamlDocument> load_yaml(const std::string& path, Problems& problems);

}  // namespace usersyncd
