#include "config/yaml.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/file.hpp"
#include "tests/config/scratch_directory.hpp"

namespace usersyncd {
namespace {

struct Refused {
  std::string text;
  std::string start;  ///< `line:column: error: …` of the first problem
};

std::string problems_of(const std::string& text) {
  Problems problems;
  const auto document = parse_yaml("f.yaml", text, problems);
  CHECK((document && !document->faulty) == problems.empty());
  return problems.text();
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

/// Nine anchors that each hold the one before nine times: 387 million leaves for a reader that follows
/// aliases.
std::string anchor_bomb() {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name <= 'i'; ++name) {
    text += std::string(1, name) + ": &" + name + " [";
    for (int i = 0; i < 9; ++i) text += std::string(i ? ", *" : "*") + static_cast<char>(name - 1);
    text += "]\n";
  }
  return text;
}

// Property: everything that the contract refuses is refused, at exactly the place where it stands.
TEST_CASE("strict YAML: every kind of refusal has its line and column") {
  const std::vector<Refused> cases{
      {"", "1:1: error: the file is empty"},
      {"# nothing\n", "1:1: error: the file is empty"},
      {"a: 1\nb: 2\na: 3\n", "3:1: error: the key `a` is written twice; the first is in line 1"},
      {"m: {x: 1, x: 2}\n", "1:11: error: the key `x` is written twice"},
      {"m: {x: 1, \"x\": 2}\n", "1:11: error: the key `x` is written twice"},
      {"a: 1\n---\nb: 2\n", "2:1: error: a second document"},
      {"a: 1\n...\n---\nb: 2\n", "3:1: error: a second document"},
      {"a: 1\n---\n", "2:1: error: a second document"},
      {"a: &x 1\n", "1:4: error: an anchor"},
      {"a: &x {b: 1}\n", "1:4: error: an anchor"},
      {"a: &x 1\nb: *x\n", "1:4: error: an anchor"},
      {"- &a [*a]\n", "1:3: error: an anchor"},
      {"a: !!str 1\n", "1:4: error: a tag"},
      {"a: !secret b\n", "1:4: error: a tag"},
      {"a: ! b\n", "1:4: error: a tag"},
      {"\xc3\xbc: ! \"b\"\n", "1:4: error: a tag"},
      {"a: ! [b]\n", "1:4: error: a tag"},
      {"a: !!map {b: 1}\n", "1:4: error: a tag"},
      {"a:\n  <<: {b: 1}\n", "2:3: error: a merge key"},
      {"? [a, b]\n: 1\n", "1:3: error: a key must be"},
      {"? {a: b}\n: 1\n", "1:3: error: a key must be"},
      {"null: 1\n", "1:1: error: a key must be"},
      {"a: yes\n", "1:4: error: `yes` is a word to some"},
      {"a: No\n", "1:4: error: `No` is a word to some"},
      {"a: [ON, 1]\n", "1:5: error: `ON` is a word to some"},
      {"a: off\n", "1:4: error: `off` is a word to some"},
      {"a:\n  - y\n", "2:5: error: `y` is a word to some"},
      {"N: 1\n", "1:1: error: `N` is a word to some"},
      {"a:\n\tb: 1\n", "2:1: error: a tab"},
      {"a:\tb\n", "1:3: error: a tab"},
      {"a: 1 \t# note\n", "1:6: error: a tab"},
      {"a: \"x\ty\"\n", "1:6: error: a tab"},
      {"# note\t\na: 1\n", "1:7: error: a tab"},
      {"a: \xff\n", "1:4: error: not valid UTF-8 (byte 4 of the file)"},
      {"a: 1\nb: \xc0\xaf\n", "2:4: error: not valid UTF-8"},
      {"a: \xed\xa0\x80\n", "1:4: error: not valid UTF-8"},
      {"\xe4\xb8\xad: \xe4\xb8\n", "1:4: error: not valid UTF-8"},
      {std::string("\xff\xfe") + "a", "1:1: error: this looks like UTF-16"},
      {std::string("a: b\0c\n", 7), "1:5: error: the control character U+0000"},
      {"a: \x1b[31m\n", "1:4: error: the control character U+001B"},
      {"a: b\rc: d\n", "1:5: error: a carriage return"},
      {"a: b\xef\xbb\xbf\n", "1:5: error: a byte order mark"},
      {"a: b\xe2\x80\xa8\n", "1:5: error: U+2028, which ends a line for some readers"},
      {"a: b\xe2\x80\xa9\n", "1:5: error: U+2029, which ends a line for some readers"},
      {"a: b\xc2\x85\n", "1:5: error: U+0085, which ends a line for some readers"},
      {nested(17), "1:17: error: nested deeper than 16 levels"},
      {std::string(100'000, '['), "nested deeper than 16 levels"},
      {"a: [1, 2\nb: 3\n", "2:2: error: this is not YAML"},
      {"a: \"open\n", "1:4: error: a quote that is not closed"},
      {"a: 'it''s open\n", "1:4: error: a quote that is not closed"},
      {"a: \"open", "1:4: error: a quote that is not closed"},
      {"a: [b,\n", "error: this is not YAML"},
      {"a: {b: c\n", "error: this is not YAML"},
      {"a: 1\n  b: 2\n", "2:4: error: this is not YAML"},
      {"  a: 1\nb: 2\n", "2:1: error: this is not YAML: this does not belong to what stands before it"},
  };
  for (const Refused& refused : cases) {
    CAPTURE(refused.text.substr(0, 60));
    CHECK_MESSAGE(problems_of(refused.text).find(refused.start) != std::string::npos,
                  problems_of(refused.text));
  }
}

std::string times(std::size_t count, const std::string& piece) {
  std::string text;
  for (; count > 0; --count) text += piece;
  return text;
}

// The address sanitizer keeps what was freed for a while.
#if defined(__SANITIZE_ADDRESS__)
constexpr long most_growth = 512L << 20U;
#else
constexpr long most_growth = 32L << 20U;
#endif

/// The most that this process has ever held, in bytes.
long most_memory() {
  struct rusage usage {};
  REQUIRE(::getrusage(RUSAGE_SELF, &usage) == 0);
  return usage.ru_maxrss * 1024;
}

// Property: a damaged file takes time in proportion to its size, and little memory beside its text. Looking
// back from each tab to the start of its line would take these for hours.
TEST_CASE("strict YAML: a fault that is written millions of times is told once for each line") {
  constexpr std::size_t bytes = 4U << 20U;
  const std::string null(1, '\0');
  const std::vector<std::pair<std::string, std::size_t>> cases{
      {times(bytes, "\t"), 1},
      {times(bytes / 4, "- -\t"), 1},
      {times(bytes, null), 1},
      {times(bytes / 2, null + "\n"), bytes / 2},
  };
  const long before = most_memory();
  for (const auto& [text, count] : cases) {
    const auto shared = std::make_shared<const std::string>(text);
    CAPTURE(shared->substr(0, 4));
    Problems problems;
    CHECK_FALSE(parse_yaml("f.yaml", shared, problems));
    CHECK(problems.count() == count);
    CHECK(problems.all().front().place.line == 1);
  }
  CHECK(most_memory() - before < most_growth);
}

// Property: only a tab that something is indented with leaves open what the text would be without it.
TEST_CASE("strict YAML: a tab behind indentation ends the look, one behind text does not") {
  for (const auto& [text, looked_on] : std::vector<std::pair<std::string, bool>>{
           {"a: [\t!x 1]\n", true},
           {"- [\xc3\xa9,\t!x 1]\n", true},
           {"\tb: !x 1\n", false},
           {"a: b\n- -\t \t!x 1\n", false},
           {"\xef\xbb\xbf\tb: !x 1\n", false},
       }) {
    const std::string problems = problems_of(text);
    CAPTURE(problems);
    CHECK(problems.find("error: a tab") != std::string::npos);
    CHECK((problems.find("error: a tag") != std::string::npos) == looked_on);
  }
}

// Property: what every reader of YAML understands alike is read.
TEST_CASE("strict YAML: what is clear is accepted") {
  for (const std::string& text :
       std::vector<std::string>{"a: 1\n", "---\na: 1\n", "---\na: 1\n...\n", "a: b\r\nc: d\r\n",
                                "\xef\xbb\xbf"
                                "a: b\n",
                                nested(16), "a: 'yes'\nb: \"no\"\n", "a: yesterday\n", "a: |\n  yes\n  no\n",
                                "a: \"\\t\"\n", "a: [b, c] # d\n", "\xc3\xa9: \xf0\x9f\x98\x80\n"}) {
    CAPTURE(text);
    CHECK(problems_of(text) == "");
  }
}

// Property: a problem prints its place, the offending line, and a caret under the character.
TEST_CASE("a problem shows the offending line with a caret") {
  CHECK(
      problems_of("a: 1\n\xc3\xbc: {b: no}\n") ==
      "f.yaml:2:8: error: `no` is a word to some readers of YAML and true or false to others; write true or "
      "false, or put the word in quotes\n    \xc3\xbc: {b: no}\n           ^\n");
}

// Property: all problems of a file are reported at once, in the order of the file.
TEST_CASE("all problems are collected") {
  const std::string text = problems_of("a: yes\nb: &x 1\na: *x\n");
  CHECK(text.find("f.yaml:1:4: error") < text.find("f.yaml:2:4: error"));
  CHECK(text.find("f.yaml:2:4: error") < text.find("f.yaml:3:1: error"));
  CHECK(text.find("f.yaml:3:1: error") < text.find("f.yaml:3:4: error"));
}

// Property: the line of a problem never shows a secret that stands in it as plain text.
TEST_CASE("A58: an offending line with a secret is not quoted") {
  for (const char* line :
       {"clientSecret: hunter2\t", "{\"password\" : hunter2, a: no}", "token: 'hunter2'\t"}) {
    const std::string text = problems_of(line);
    CAPTURE(text);
    CHECK(text.find("error") != std::string::npos);
    CHECK(text.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("A44: an anchor bomb is refused at once") {
  CHECK(problems_of(anchor_bomb()).starts_with("f.yaml:1:4: error: an anchor"));
}

// Property: a value that is not written has the place of its key or dash.
TEST_CASE("the place of a missing value") {
  Problems problems;
  const auto document = parse_yaml("f.yaml", "roles:\n\nb:\n  -\n  # note\n  - a\nc: null\n", problems);
  REQUIRE(document);
  const YamlNode& root = document->root;
  CHECK(document->place_of(*root.find("roles")) == Place{"f.yaml", 1, 1});
  CHECK(document->place_of(root.find("b")->items[0]) == Place{"f.yaml", 4, 3});
  CHECK(document->place_of(*root.find("c")) == Place{"f.yaml", 7, 4});
}

TEST_CASE("a file that cannot be read is a problem that names it") {
  const ScratchDirectory scratch;
  Problems problems;
  CHECK_FALSE(load_yaml(scratch.path("missing.yaml"), problems));
  CHECK_FALSE(load_yaml(scratch.path(), problems));
  REQUIRE(::mkfifo(scratch.path("fifo.yaml").c_str(), 0600) == 0);
  CHECK_FALSE(load_yaml(scratch.path("fifo.yaml"), problems));
  CHECK_FALSE(load_yaml(scratch.write("large.yaml", std::string(largest_yaml + 1, '#')), problems));
  const std::string text = problems.text();
  CHECK(text.find("missing.yaml: error: cannot open the file: No such file or directory") !=
        std::string::npos);
  CHECK(text.find(scratch.path() + ": error: this is a directory") != std::string::npos);
  CHECK(text.find("fifo.yaml: error: this is not a regular file") != std::string::npos);
  CHECK(text.find("large.yaml: error: the file is larger than 4194304 bytes") != std::string::npos);
}

TEST_CASE("A55: a file that changed since it was read is not believed") {
  const ScratchDirectory scratch;
  const std::string path = scratch.write("a.yaml", "a: 1\n");
  Problems problems;
  const auto file = read_file(path, largest_yaml, problems);
  REQUIRE(file);
  CHECK(still_same(*file, problems));
  std::ofstream(path, std::ios::app) << "b: 2\n";
  CHECK_FALSE(still_same(*file, problems));
  std::filesystem::remove(path);
  CHECK_FALSE(still_same(*file, problems));
  CHECK(problems.count() == 2);
}

TEST_CASE("a directory stands for its YAML files, sorted; hidden and other files are skipped") {
  const ScratchDirectory scratch;
  for (const char* name :
       {"b.yaml", "a/z.yml", "c.yaml", ".hidden.yaml", ".git/x.yaml", "README.md", "a/d.yaml~"})
    scratch.write(name, "a: 1\n");
  Problems problems;
  const auto files = list_yaml_files(scratch.path(), problems);
  REQUIRE(files);
  CHECK(*files ==
        std::vector<std::string>{scratch.path("a/z.yml"), scratch.path("b.yaml"), scratch.path("c.yaml")});
}

TEST_CASE("A5: an empty, missing or unreadable directory is a problem") {
  const ScratchDirectory scratch;
  Problems problems;
  CHECK_FALSE(list_yaml_files(scratch.path(), problems));
  CHECK(problems.text().find("has no *.yaml or *.yml file") != std::string::npos);
  CHECK_FALSE(list_yaml_files(scratch.path("missing"), problems));
  CHECK(problems.text().find("missing: error: cannot read this: No such file") != std::string::npos);

  scratch.write("sub/a.yaml", "a: 1\n");
  std::filesystem::create_symlink(scratch.path("nowhere"), scratch.path("dangling"));
  CHECK_FALSE(list_yaml_files(scratch.path(), problems));
  CHECK(problems.text().find("dangling: error: cannot tell what this is: No such file") != std::string::npos);
  std::filesystem::remove(scratch.path("dangling"));

  std::filesystem::create_directory_symlink(scratch.path(), scratch.path("sub/loop"));
  CHECK_FALSE(list_yaml_files(scratch.path(), problems));
  CHECK(problems.text().find("nested too deeply") != std::string::npos);
}

TEST_CASE("a directory without permission is a problem") {
  if (::geteuid() == 0) return;  // Root reads everything.
  const ScratchDirectory scratch;
  scratch.write("a.yaml", "a: 1\n");
  scratch.write("sub/b.yaml", "a: 1\n");
  std::filesystem::permissions(scratch.path("sub"), std::filesystem::perms::none);
  Problems problems;
  CHECK_FALSE(list_yaml_files(scratch.path(), problems));
  CHECK(problems.text().find("cannot read the directory") != std::string::npos);
  std::filesystem::permissions(scratch.path("sub"), std::filesystem::perms::owner_all);
}

}  // namespace
}  // namespace usersyncd
