#include "config/plain_yaml.hpp"

#include <algorithm>
#include <utility>

namespace usersyncd {
namespace {

constexpr std::size_t longest_key = 100;  // the library looks for the colon of a key no further than 1,024
constexpr std::size_t most_keys = 64;     // of a map; each is compared with those before it

/// Ends the reading: the text is not plain.
struct NotPlain {};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// What may stand inside plain text, in block style and in flow style, and never means anything there.
bool is_plain(char c) {
  constexpr std::string_view others = " .@+/-()'";
  return is_word(c) || static_cast<unsigned char>(c) >= 0x80U || others.find(c) != std::string_view::npos;
}

bool is_null_word(std::string_view text) {
  return text == "null" || text == "Null" || text == "NULL";
}

class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : text_(text) {}

  YamlNode document() {
    skip_to_content();
    if (indent_ != 0) throw NotPlain{};
    YamlNode root = block(1);
    if (indent_ != at_the_end) throw NotPlain{};
    return root;
  }

 private:
  static constexpr int at_the_end = -1;

  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n'; }

  void skip_blanks() {
    while (peek() == ' ') ++at_;
  }

  /// From the start of a line to the first character of the next line that says something.
  void skip_to_content() {
    while (true) {
      line_start_ = counted_ = at_;
      column_ = 1;
      skip_blanks();
      if (at_ >= text_.size()) {
        indent_ = at_the_end;
        return;
      }
      indent_ = static_cast<int>(at_ - line_start_);
      if (peek() != '\n' && peek() != '#') return;
      leave_line();
    }
  }

  void leave_line() {
    at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    ++line_;
  }

  /// Past blanks and a comment: true if nothing else is left of the line.
  bool is_line_done() {
    const auto before = at_;
    skip_blanks();
    return peek() == '\n' || (peek() == '#' && at_ > before);
  }

  void end_line() {
    if (!is_line_done()) throw NotPlain{};
    leave_line();
    skip_to_content();
  }

  int column() {
    for (; counted_ < at_; ++counted_)
      if ((static_cast<unsigned char>(text_[counted_]) & 0xC0U) != 0x80U) ++column_;
    return column_;
  }

  YamlNode node_here(YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = line_;
    node.column = column();
    return node;
  }

  bool is_dash() const { return peek() == '-' && peek(1) == ' '; }

  /// Of the key that starts here; 0 if none does.
  std::size_t key_length() const {
    if (!is_word(peek())) return 0;
    std::size_t length = 1;
    while (length < longest_key && (is_word(peek(length)) || peek(length) == '.' || peek(length) == '-'))
      ++length;
    const bool ends = peek(length) == ':' && (peek(length + 1) == ' ' || peek(length + 1) == '\n');
    return ends ? length : 0;
  }

  YamlNode block(std::size_t depth) {
    return is_dash() ? block_list(indent_, depth) : block_map(indent_, depth);
  }

  // A map of which the first key starts here, in column `indent`.
  YamlNode block_map(int indent, std::size_t depth) {
    YamlNode map = open(YamlNode::Kind::map, depth);
    do {
      YamlEntry entry = key(map);
      if (is_line_done()) {
        leave_line();
        skip_to_content();
        const bool deeper = indent_ > indent || (indent_ == indent && is_dash());
        if (!deeper) throw NotPlain{};
        entry.value = block(depth + 1);
      } else {
        entry.value = value(depth, false);
        end_line();
      }
      map.entries.push_back(std::move(entry));
      if (indent_ > indent) throw NotPlain{};
    } while (indent_ == indent);
    return map;
  }

  YamlNode block_list(int indent, std::size_t depth) {
    YamlNode list = open(YamlNode::Kind::sequence, depth);
    do {
      ++at_;
      if (is_line_done() || is_dash()) throw NotPlain{};
      if (key_length() > 0) {
        list.items.push_back(block_map(static_cast<int>(at_ - line_start_), depth + 1));
      } else {
        list.items.push_back(value(depth, false));
        end_line();
      }
      if (indent_ > indent) throw NotPlain{};
    } while (indent_ == indent && is_dash());
    return list;
  }

  YamlNode open(YamlNode::Kind kind, std::size_t depth) {
    if (depth > deepest_yaml) throw NotPlain{};
    return node_here(kind);
  }

  YamlEntry key(const YamlNode& map) {
    const auto length = key_length();
    YamlEntry entry{std::string(text_.substr(at_, length)), line_, column(), {}};
    const bool taken = std::any_of(map.entries.begin(), map.entries.end(),
                                   [&](const YamlEntry& other) { return other.key == entry.key; });
    if (taken || map.entries.size() >= most_keys || !is_clear(entry.key)) throw NotPlain{};
    at_ += length + 1;
    return entry;
  }

  YamlNode value(std::size_t depth, bool in_flow) {
    switch (peek()) {
      case '"':
      case '\'':
        return quoted();
      case '[':
        return flow_list(depth + 1);
      case '{':
        return flow_map(depth + 1);
      default:
        return plain(in_flow);
    }
  }

  YamlNode quoted() {
    YamlNode node = node_here(YamlNode::Kind::scalar);
    const char quote = text_[at_++];
    const auto start = at_;
    while (peek() != quote) {
      if (peek() == '\n' || (quote == '"' && peek() == '\\')) throw NotPlain{};
      ++at_;
    }
    node.quoted = true;
    node.text = text_.substr(start, at_ - start);
    ++at_;
    if (quote == '\'' && peek() == quote) throw NotPlain{};  // which stands for one of them
    return node;
  }

  YamlNode plain(bool in_flow) {
    YamlNode node = node_here(YamlNode::Kind::scalar);
    const auto start = at_;
    const bool begins =
        is_word(peek()) || peek() == '/' || peek() == '+' || static_cast<unsigned char>(peek()) >= 0x80U;
    if (!begins) throw NotPlain{};
    while (is_plain(peek()) || (!in_flow && (peek() == ',' || is_inner_colon()))) ++at_;
    while (text_[at_ - 1] == ' ') --at_;
    node.text = text_.substr(start, at_ - start);
    if (!is_clear(node.text)) throw NotPlain{};
    return node;
  }

  bool is_inner_colon() const { return peek() == ':' && peek(1) != ' ' && peek(1) != '\n'; }

  static bool is_clear(std::string_view text) {
    return !text.empty() && !is_null_word(text) && !is_ambiguous_word(text);
  }

  YamlNode flow_list(std::size_t depth) {
    YamlNode list = open(YamlNode::Kind::sequence, depth);
    while (goes_on(']', list.items.empty())) list.items.push_back(value(depth, true));
    return list;
  }

  YamlNode flow_map(std::size_t depth) {
    YamlNode map = open(YamlNode::Kind::map, depth);
    while (goes_on('}', map.entries.empty())) {
      YamlEntry entry = key(map);
      skip_blanks();
      entry.value = value(depth, true);
      map.entries.push_back(std::move(entry));
    }
    return map;
  }

  /// Past the bracket that opens, or the comma between two items, to the next one. False, past the bracket
  /// that closes, if that comes first.
  bool goes_on(char closing, bool is_first) {
    skip_blanks();
    const bool closes = peek() == closing;
    if (!is_first && !closes && peek() != ',') throw NotPlain{};
    ++at_;
    if (closes) return false;
    skip_blanks();
    if (peek() != closing) return true;
    if (!is_first) throw NotPlain{};  // a comma before the bracket
    ++at_;
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  std::size_t counted_ = 0;  ///< up to here `column_` is right
  int column_ = 1;
  int line_ = 1;
  int indent_ = 0;  ///< of the line that was come to last
};

}  // namespace

std::optional<YamlNode> parse_plain_yaml(std::string_view text) {
  if (text.find('\r') != std::string_view::npos) return std::nullopt;
  try {
    return PlainReader{text}.document();
  } catch (const NotPlain&) {
    return std::nullopt;
  }
}

}  // namespace usersyncd
