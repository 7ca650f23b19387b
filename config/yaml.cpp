#include "config/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/characters.hpp"
#include "config/file.hpp"
#include "config/plain_yaml.hpp"

namespace usersyncd {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Ends the parse after a problem that makes the rest meaningless. The problem has been reported.
struct Abandoned {};

/// Byte positions of yaml-cpp as lines and columns. Columns count characters, as editors do.
class Positions {
 public:
  explicit Positions(std::string_view text) : text_(text) {}

  std::pair<int, int> line_and_column(const YAML::Mark& mark) {
    const auto position = std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size());
    const auto start = position - std::min(position, static_cast<std::size_t>(std::max(mark.column, 0)));
    // Going on from the last position keeps a file of one long line from costing the square of its length.
    if (start != start_ || position < counted_) {
      start_ = counted_ = start;
      column_ = 1;
    }
    for (; counted_ < position; ++counted_)
      if ((static_cast<unsigned char>(text_[counted_]) & 0xC0U) != 0x80U) ++column_;
    return {std::max(mark.line, 0) + 1, column_};
  }

  /// The dash of a list item without a value. The parser's mark is that of the token after it; between the
  /// two there are only blank lines and comments.
  std::optional<std::pair<int, int>> dash_before(const YAML::Mark& mark) const {
    std::size_t line_start = static_cast<std::size_t>(std::max(mark.pos - mark.column, 0));
    for (int line = mark.line; line > 0 && line_start > 0; --line) {
      const std::size_t end = line_start - 1;
      line_start = end == 0 ? 0 : text_.rfind('\n', end - 1) + 1;
      const std::string_view content = text_.substr(line_start, end - line_start);
      const std::size_t first = content.find_first_not_of(" \r");
      if (first == std::string_view::npos || content[first] == '#') continue;
      if (content[first] != '-') return std::nullopt;
      return std::pair{line, static_cast<int>(first) + 1};
    }
    return std::nullopt;
  }

  /// False if a quote starts here and never ends: yaml-cpp takes the end of a file for the end of a quote
  /// when a line break comes before it, and then a half-written file would be believed.
  bool quote_is_closed(const YAML::Mark& mark) const {
    const char quote = byte_at(mark);
    if (quote != '"' && quote != '\'') return true;
    std::size_t at = static_cast<std::size_t>(mark.pos) + 1;
    for (; at < text_.size(); ++at) {
      if (quote == '"' && text_[at] == '\\') {
        ++at;
      } else if (text_[at] == quote) {
        const bool doubled = quote == '\'' && at + 1 < text_.size() && text_[at + 1] == quote;
        if (!doubled) return true;
        ++at;
      }
    }
    return false;
  }

  char byte_at(const YAML::Mark& mark) const {
    const auto position = static_cast<std::size_t>(std::max(mark.pos, 0));
    return position < text_.size() ? text_[position] : '\0';
  }

 private:
  std::string_view text_;
  std::size_t start_ = 0;    ///< of the line that was counted last
  std::size_t counted_ = 0;  ///< up to here
  int column_ = 1;           ///< at `counted_`
};

/// Builds the tree from the parser's events, and reports on the way everything that strict YAML refuses.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, std::string_view text, Problems& problems)
      : file_(file), positions_(text), problems_(problems) {}

  YamlNode take_root() { return std::move(root_); }
  bool has_root() const { return documents_ > 0; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ < 2) return;
    report(mark, "a second document; one file holds one document");
    throw Abandoned{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    YamlNode node = node_at(mark, YamlNode::Kind::null);
    const char first = positions_.byte_at(mark);
    const bool spelled = first == '~' || first == 'n' || first == 'N';
    // The mark of a value that is not written is that of the next token, often on a later line.
    if (!spelled && !frames_.empty()) move_to_its_start(node, mark);
    attach(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    report(mark, "an alias; write the value out");
    attach(node_at(mark, YamlNode::Kind::null));
  }

  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    report(mark, "an anchor; write the value out where it is needed");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    refuse_tag(mark);
    YamlNode node = node_at(mark, YamlNode::Kind::scalar);
    node.quoted = tag != "?";
    if (node.quoted && !positions_.quote_is_closed(mark)) report(mark, "a quote that is not closed");
    node.text = value;
    if (!node.quoted && is_ambiguous_word(value))
      report(mark, "`" + value + "` is a word to some readers of YAML and true or false to others; " +
                       "write true or false, or put the word in quotes");
    attach(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

  void report(const YAML::Mark& mark, std::string message) {
    const auto [line, column] = positions_.line_and_column(mark);
    problems_.add({file_, line, column}, std::move(message));
  }

 private:
  /// A collection that is still open.
  struct Frame {
    YamlNode node;
    std::optional<YamlEntry> key;     ///< of a map: waits for its value
    std::map<std::string, int> keys;  ///< of a map: the line of each
  };

  YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    std::tie(node.line, node.column) = positions_.line_and_column(mark);
    return node;
  }

  void move_to_its_start(YamlNode& node, const YAML::Mark& mark) const {
    const Frame& frame = frames_.back();
    if (frame.key) {
      node.line = frame.key->line;
      node.column = frame.key->column;
    } else if (frame.node.kind == YamlNode::Kind::sequence) {
      const auto dash = positions_.dash_before(mark);
      if (dash) std::tie(node.line, node.column) = *dash;
    }
  }

  void refuse_tag(const YAML::Mark& mark) {
    // The event's own tag cannot be trusted: `! word` has the same one as a quoted word.
    if (positions_.byte_at(mark) == '!') report(mark, "a tag; types are known from where a value stands");
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind) {
    refuse_tag(mark);
    if (frames_.size() >= deepest_yaml) {
      report(mark, "nested deeper than " + std::to_string(deepest_yaml) + " levels");
      throw Abandoned{};
    }
    frames_.push_back({node_at(mark, kind), std::nullopt, {}});
  }

  void close() {
    YamlNode node = std::move(frames_.back().node);
    frames_.pop_back();
    attach(std::move(node));
  }

  void attach(YamlNode node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == YamlNode::Kind::sequence) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      frame.key = key_from(std::move(node), frame);
    } else {
      frame.key->value = std::move(node);
      frame.node.entries.push_back(std::move(*frame.key));
      frame.key.reset();
    }
  }

  YamlEntry key_from(YamlNode node, Frame& frame) {
    YamlEntry entry{std::move(node.text), node.line, node.column, {}};
    const Place place{file_, entry.line, entry.column};
    if (node.kind != YamlNode::Kind::scalar) {
      problems_.add(place, "a key must be a single word or text");
    } else if (!node.quoted && entry.key == "<<") {
      problems_.add(place, "a merge key (<<); write the keys out");
    } else {
      const auto [first, is_new] = frame.keys.emplace(entry.key, entry.line);
      if (!is_new)
        problems_.add(place, "the key `" + entry.key + "` is written twice; the first is in line " +
                                 std::to_string(first->second));
    }
    return entry;
  }

  const std::string& file_;
  Positions positions_;
  Problems& problems_;
  std::vector<Frame> frames_;
  YamlNode root_;
  int documents_ = 0;
};

/// Runs the parser over all documents: the builder refuses a second one. Nothing that yaml-cpp throws gets
/// out.
void run_parser(std::string_view text, TreeBuilder& builder) {
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& exception) {
    builder.report(exception.mark, "this is not YAML: " + exception.msg +
                                       " (is the indentation right, and every bracket and quote closed?)");
  } catch (const Abandoned&) {
    return;
  }
}

}  // namespace

bool is_ambiguous_word(std::string_view text) {
  constexpr std::array<std::string_view, 6> words{"yes", "no", "on", "off", "y", "n"};
  if (text.size() > 3) return false;
  std::string folded(text);
  for (char& letter : folded)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return std::find(words.begin(), words.end(), folded) != words.end();
}

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

std::optional<YamlDocument> parse_yaml(const std::string& file, std::shared_ptr<const std::string> text,
                                       Problems& problems) {
  std::string_view body = *text;
  problems.add_source(file, text);
  if (!check_characters(file, body, problems)) return std::nullopt;
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  if (auto plain = parse_plain_yaml(body)) return YamlDocument{file, std::move(*plain)};
  return parse_by_library(file, body, problems);
}

std::optional<YamlDocument> parse_by_library(const std::string& file, std::string_view text,
                                             Problems& problems) {
  const std::size_t before = problems.count();
  TreeBuilder builder(file, text, problems);
  run_parser(text, builder);
  if (problems.count() != before) return std::nullopt;
  if (!builder.has_root()) {
    problems.add({file, 1, 1}, "the file is empty");
    return std::nullopt;
  }
  return YamlDocument{file, builder.take_root()};
}

std::optional<YamlDocument> parse_yaml(const std::string& file, std::string text, Problems& problems) {
  return parse_yaml(file, std::make_shared<const std::string>(std::move(text)), problems);
}

std::optional<YamlDocument> load_yaml(const std::string& path, Problems& problems) {
  const std::optional<FileText> file = read_file(path, largest_yaml, problems);
  if (!file) return std::nullopt;
  return parse_yaml(path, file->text, problems);
}

}  // namespace usersyncd
