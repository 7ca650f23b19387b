#include "config/plain_yaml.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "config/characters.hpp"

namespace usersyncd {
namespace {

std::string shown(const YamlNode& node) {
  std::string text = std::to_string(node.line) + ":" + std::to_string(node.column);
  if (node.kind == YamlNode::Kind::null) return text + " null";
  if (node.kind == YamlNode::Kind::scalar)
    return text + (node.quoted ? " quoted <" : " plain <") + node.text + ">";
  text += node.kind == YamlNode::Kind::map ? " {" : " [";
  for (const auto& item : node.items) text += shown(item) + ", ";
  for (const auto& entry : node.entries)
    text += std::to_string(entry.line) + ":" + std::to_string(entry.column) + " <" + entry.key +
            "> = " + shown(entry.value) + ", ";
  return text + "}";
}

/// Whether the plain reader reads `text`, and if so, as the library does.
enum class Came { to_the_same, to_nothing, to_something_else };

Came compare(const std::string& text) {
  Problems unfit;
  if (!check_characters("f.yaml", text, unfit)) return Came::to_nothing;
  const auto plain = parse_plain_yaml(text);
  if (!plain) return Came::to_nothing;
  Problems problems;
  const auto by_library = parse_by_library("f.yaml", text, problems);
  const bool same = by_library && problems.empty() && shown(by_library->root) == shown(*plain);
  if (same) return Came::to_the_same;
  MESSAGE("this text:\n"
          << text << "\nis read as\n"
          << shown(*plain) << "\nand not as\n"
          << (by_library ? shown(by_library->root) : problems.text()));
  return Came::to_something_else;
}

std::vector<std::string> files_of_this_project() {
  std::vector<std::string> texts;
  for (const char* folder :
       {"policies", "providers/profiles", "systemd", "tests/config/data", "tests/fuzz/corpus/config",
        "tests/fuzz/corpus/desired", "tests/fuzz/corpus/policy", "tests/fuzz/corpus/profile"}) {
    const std::string path = std::string(SOURCE_DIR "/") + folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file() || entry.file_size() > 100'000) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      std::ostringstream text;
      text << file.rdbuf();
      texts.push_back(text.str());
    }
  }
  return texts;
}

std::vector<std::string> usual_forms() {
  return {
      "a: 1\n",
      "a: 1",
      "# a comment\n\na: b c  # another\n  # and one that is indented\nb: \"c # d\" # e\n",
      "users:\n  - username: ann\n    roles: [TN Lookup, \"x, y\"]\n  - username: 'bob'\n    roles: []\n",
      "users:\n- username: ann\n  roles:\n  - a\n  - b\nlast: z\n",
      "a: { b: c, d: [e, {}], f: { g: /x/y.z } }\nb: +1 (919) 555-1234\nurl: http://127.0.0.1:80/a\n",
      "- a\n- b: c\n  d: e\n-   f: g\n    h: i\n",
      "name: Zoë's  mother-in-law\nother: Ünal\n",
  };
}

// Property: what people mostly write is read without the library.
TEST_CASE("plain YAML: the usual forms are plain") {
  for (const auto& text : usual_forms()) {
    CAPTURE(text);
    CHECK(compare(text) == Came::to_the_same);
  }
}

// Property: everything else is left to the library, also what looks alike.
TEST_CASE("plain YAML: what is not plain is left to the library") {
  const std::vector<std::string> texts{
      "",
      "# nothing\n",
      "word\n",
      "a: 1\na: 2\n",
      "a:\nb: 1\n",
      "a: ~\n",
      "a: null\n",
      "a: yes\n",
      "a: &x 1\n",
      "a: !str 1\n",
      "a: b\n  c\n",
      "a: 'it''s'\n",
      "a: \"\\n\"\n",
      "a: \"b\n",
      "a: |\n  b\n",
      "a: [b,\n  c]\n",
      "a: [b, ]\n",
      "a: [b: c]\n",
      "a: b: c\n",
      "a: b#c\nd:#e\n",
      "\"a\": b\n",
      "a: 1\n---\nb: 2\n",
      "--- \na: 1\n",
      "a: 1\r\n",
      "- - a\n",
      "-\n  a\n",
      "a:\n   b: 1\n  c: 2\n",
      " a: 1\n",
      "a: -1\n",
      "? a\n: b\n",
      std::string("a: ") + std::string(16, '[') + std::string(16, ']'),
  };
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(compare(text) == Came::to_nothing);
  }
}

/// `text` after somebody has leaned on the keyboard.
std::string spoilt(std::string text, std::mt19937& dice) {
  constexpr std::string_view typed = "  \n\n-:#,[]{}'\"ab&*!|>%@?~.\\x\xC3\xA9";
  for (auto changes = dice() % 3 + 1; changes > 0 && !text.empty(); --changes) {
    const auto at = dice() % text.size();
    const auto what = dice() % 4;
    if (what == 0) text.erase(at, dice() % 8 + 1);
    if (what == 1) text.insert(at, 1, typed[dice() % typed.size()]);
    if (what == 2) text[at] = typed[dice() % typed.size()];
    if (what == 3) text.insert(at, text.substr(dice() % text.size(), dice() % 30));
  }
  return text;
}

// Property: whatever is read plainly is read as the library reads it, with the same places.
TEST_CASE("plain YAML: it is never read otherwise than the library reads it") {
  const auto files = files_of_this_project();
  REQUIRE(files.size() > 20);
  for (const auto& text : files) CHECK(compare(text) != Came::to_something_else);

  std::mt19937 dice{20261130};
  std::size_t plain = 0;
  std::size_t left = 0;
  const auto try_spoilt = [&](const std::string& text, int times) {
    for (int i = 0; i < times; ++i) {
      const auto came = compare(spoilt(text, dice));
      REQUIRE(came != Came::to_something_else);
      ++(came == Came::to_the_same ? plain : left);
    }
  };
  for (const auto& text : files) try_spoilt(text.substr(0, 1'500), 20);
  for (const auto& text : usual_forms()) try_spoilt(text, 2'000);
  CHECK(plain > 2'000);
  CHECK(left > 5'000);
}

}  // namespace
}  // namespace usersyncd
