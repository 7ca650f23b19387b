#include "config/yaml.hpp"

#include <yaml.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/characters.hpp"
#include "config/file.hpp"

namespace usersyncd {
namespace {

constexpr std::size_t deepest = 16;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Ends the parse after a problem that makes the rest meaningless. The problem has been reported.
struct Abandoned {};

/// Some readers of YAML take these for booleans, others for words.
bool is_ambiguous_word(std::string_view text) {
  constexpr std::array<std::string_view, 6> words{"yes", "no", "on", "off", "y", "n"};
  if (text.size() > 3) return false;
  std::string folded(text);
  for (char& letter : folded)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return std::find(words.begin(), words.end(), folded) != words.end();
}

bool is_null_word(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

std::string_view as_text(const yaml_char_t* bytes, std::size_t length) {
  return {reinterpret_cast<const char*>(bytes), length};
}

/// One event of libyaml, which owns what its pointers point to.
class Event {
 public:
  /// The next one, if the parser has one; the parser knows why not.
  explicit Event(yaml_parser_t& parser) : is_there_(yaml_parser_parse(&parser, &event_) == 1) {}
  ~Event() { yaml_event_delete(&event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  bool is_there() const { return is_there_; }
  const yaml_event_t& operator*() const { return event_; }

 private:
  yaml_event_t event_{};
  bool is_there_;
};

/// Reads byte by byte what libyaml counts in characters; the positions that it is asked for never go back.
class Characters {
 public:
  explicit Characters(std::string_view text) : text_(text) {}

  char at(std::size_t index) {
    for (; index_ < index && offset_ < text_.size(); ++index_) {
      do {
        ++offset_;
      } while (offset_ < text_.size() && (static_cast<unsigned char>(text_[offset_]) & 0xC0U) == 0x80U);
    }
    return offset_ < text_.size() ? text_[offset_] : '\0';
  }

 private:
  std::string_view text_;
  std::size_t index_ = 0, offset_ = 0;
};

/// Builds the tree from the parser's events, and reports on the way everything that strict YAML refuses.
class TreeBuilder {
 public:
  /// On `doubtful` lines it was said already what is wrong.
  TreeBuilder(const std::string& file, std::string_view text, std::set<int> doubtful, Problems& problems)
      : file_(file), characters_(text), doubtful_(std::move(doubtful)), problems_(problems) {
    root_.told = true;  // until there is one
  }

  YamlNode take_root() { return std::move(root_); }
  /// The same where the end was not reached.
  YamlNode take_torso() {
    while (!frames_.empty()) {
      frames_.back().node.told = true;
      close();
    }
    return take_root();
  }
  bool has_root() const { return documents_ > 0; }

  void add(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        return start_document(event.start_mark);
      case YAML_ALIAS_EVENT:
        return add_alias(event.start_mark);
      case YAML_SCALAR_EVENT:
        return add_scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        refuse_properties(event.start_mark, event.data.sequence_start.anchor);
        return open(event.start_mark, YamlNode::Kind::sequence);
      case YAML_MAPPING_START_EVENT:
        refuse_properties(event.start_mark, event.data.mapping_start.anchor);
        return open(event.start_mark, YamlNode::Kind::map);
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return close();
      case YAML_NO_EVENT:
      case YAML_STREAM_START_EVENT:
      case YAML_STREAM_END_EVENT:
      case YAML_DOCUMENT_END_EVENT:
        return;
    }
  }

  void report(const yaml_mark_t& mark, std::string message) {
    const auto [line, column] = line_and_column(mark);
    problems_.add({file_, line, column}, std::move(message));
  }

 private:
  /// A collection that is still open.
  struct Frame {
    YamlNode node;
    std::optional<YamlEntry> key;     ///< of a map: waits for its value
    bool refused_key = false;         ///< it was said what is wrong with `key`: its value is left out
    std::map<std::string, int> keys;  ///< of a map: the line of each
  };

  static std::pair<int, int> line_and_column(const yaml_mark_t& mark) {
    return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
  }

  YamlNode node_at(const yaml_mark_t& mark, YamlNode::Kind kind) const {
    YamlNode node;
    node.kind = kind;
    std::tie(node.line, node.column) = line_and_column(mark);
    node.told = doubtful_.contains(node.line);
    return node;
  }

  void add_alias(const yaml_mark_t& mark) {
    report(mark, "an alias; write the value out");
    YamlNode node = node_at(mark, YamlNode::Kind::null);
    node.told = true;
    attach(std::move(node));
  }

  void start_document(const yaml_mark_t& mark) {
    if (++documents_ < 2) return;
    report(mark, "a second document; one file holds one document");
    throw Abandoned{};
  }

  void add_scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    const bool tagged = !refuse_properties(event.start_mark, scalar.anchor);
    const std::string_view text = as_text(scalar.value, scalar.length);
    const bool quoted = scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!quoted && is_null_word(text)) {
      YamlNode node = node_at(event.start_mark, YamlNode::Kind::null);
      node.told = node.told || tagged;
      if (text.empty()) move_to_its_start(node);
      return attach(std::move(node));
    }
    YamlNode node = node_at(event.start_mark, YamlNode::Kind::scalar);
    node.quoted = quoted;
    node.text = text;
    const bool ambiguous = !quoted && is_ambiguous_word(text);
    node.told = node.told || tagged || ambiguous;
    if (ambiguous)
      report(event.start_mark, "`" + node.text +
                                   "` is a word to some readers of YAML and true or false to others; " +
                                   "write true or false, or put the word in quotes");
    attach(std::move(node));
  }

  /// A value that is not written has the place of its key, or of the dash that ends where it would begin.
  void move_to_its_start(YamlNode& node) const {
    if (frames_.empty()) return;
    const Frame& frame = frames_.back();
    if (frame.key) {
      node.line = frame.key->line;
      node.column = frame.key->column;
    } else if (frame.node.kind == YamlNode::Kind::sequence) {
      --node.column;
    }
  }

  /// An event begins with its anchor or its tag, if it has one. Its own tag cannot be trusted: `! word` has
  /// none. False: there is a tag, so the value need not be what it looks like.
  bool refuse_properties(const yaml_mark_t& mark, const yaml_char_t* anchor) {
    const bool tag = anchor == nullptr && characters_.at(mark.index) == '!';
    if (anchor != nullptr) report(mark, "an anchor; write the value out where it is needed");
    if (tag) report(mark, "a tag; types are known from where a value stands");
    return !tag;
  }

  void open(const yaml_mark_t& mark, YamlNode::Kind kind) {
    if (frames_.size() >= deepest) {
      report(mark, "nested deeper than " + std::to_string(deepest) + " levels");
      throw Abandoned{};
    }
    frames_.push_back({node_at(mark, kind), std::nullopt, false, {}});
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
      if (!std::exchange(frame.refused_key, false)) frame.node.entries.push_back(std::move(*frame.key));
      frame.key.reset();
    }
  }

  YamlEntry key_from(YamlNode node, Frame& frame) {
    YamlEntry entry{std::move(node.text), node.line, node.column, {}};
    const Place place{file_, entry.line, entry.column};
    // What such a key was meant to be is among what the map then seems to lack.
    bool unclear = node.told;
    if (node.kind != YamlNode::Kind::scalar) {
      if (!node.told) problems_.add(place, "a key must be a single word or text");
      unclear = true;
    } else if (!node.quoted && entry.key == "<<") {
      problems_.add(place, "a merge key (<<); write the keys out");
      unclear = true;
    }
    frame.node.told = frame.node.told || unclear;
    frame.refused_key = unclear || !is_first(entry, place, frame);
    return entry;
  }

  bool is_first(const YamlEntry& entry, const Place& place, Frame& frame) {
    const auto [first, is_new] = frame.keys.emplace(entry.key, entry.line);
    if (!is_new)
      problems_.add(place, "the key `" + entry.key + "` is written twice; the first is in line " +
                               std::to_string(first->second));
    return is_new;
  }

  const std::string& file_;
  Characters characters_;
  std::set<int> doubtful_;
  Problems& problems_;
  std::vector<Frame> frames_;
  YamlNode root_;
  int documents_ = 0;
};

/// What libyaml could not read, where it says that it is.
void report_error(const yaml_parser_t& parser, TreeBuilder& builder) {
  const std::string_view context = parser.context == nullptr ? "" : parser.context;
  if (context == "while scanning a quoted scalar")
    return builder.report(parser.context_mark, "a quote that is not closed");
  std::string problem = parser.problem == nullptr ? "it cannot be read" : parser.problem;
  // Its word for a line further left than the first one, or for anything behind the end of the document.
  if (problem == "did not find expected <document start>")
    problem = "this does not belong to what stands before it";
  builder.report(parser.problem_mark, "this is not YAML: " + problem +
                                          " (is the indentation right, and every bracket and quote closed?)");
}

/// Runs the parser over all documents: the builder refuses a second one. False: it did not get to the end.
bool run_parser(std::string_view text, TreeBuilder& builder) {
  yaml_parser_t parser;
  if (yaml_parser_initialize(&parser) == 0) throw std::bad_alloc{};
  const std::unique_ptr<yaml_parser_t, decltype(&yaml_parser_delete)> owner(&parser, yaml_parser_delete);
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  try {
    while (true) {
      const Event event(parser);
      if (!event.is_there()) {
        report_error(parser, builder);
        return false;
      }
      if ((*event).type == YAML_STREAM_END_EVENT) return true;
      builder.add(*event);
    }
  } catch (const Abandoned&) {
    return false;
  }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

std::optional<YamlDocument> parse_yaml(const std::string& file, std::shared_ptr<const std::string> text,
                                       Problems& problems) {
  const std::size_t before = problems.count();
  problems.add_source(file, text);
  const CharacterCheck characters = check_characters(file, *text, problems);
  if (!characters.readable) return std::nullopt;
  std::string_view body = characters.lines.empty() ? *text : characters.mended;
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());

  TreeBuilder builder(file, body, characters.lines, problems);
  const bool to_its_end = run_parser(body, builder);
  if (!builder.has_root()) {
    if (problems.count() == before) problems.add({file, 1, 1}, "the file is empty");
    return std::nullopt;
  }
  YamlDocument document{file, to_its_end ? builder.take_root() : builder.take_torso()};
  document.faulty = problems.count() != before;
  return document;
}

std::optional<YamlDocument> parse_yaml(const std::string& file, std::string text, Problems& problems) {
  return parse_yaml(file, std::make_shared<const std::string>(std::move(text)), problems);
}

YamlGlimpse glimpse_yaml(std::string text) {
  std::replace(text.begin(), text.end(), '\t', ' ');
  Problems ignored;
  const std::string nameless;
  TreeBuilder builder(nameless, text, {}, ignored);
  YamlGlimpse glimpse;
  glimpse.to_its_end = run_parser(text, builder);
  glimpse.root = builder.take_torso();
  return glimpse;
}

std::optional<YamlDocument> load_yaml(const std::string& path, Problems& problems) {
  const std::optional<FileText> file = read_file(path, largest_yaml, problems);
  if (!file) return std::nullopt;
  return parse_yaml(path, file->text, problems);
}

}  // namespace usersyncd
