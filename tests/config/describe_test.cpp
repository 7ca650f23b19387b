#include "config/describe.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "config/nearest.hpp"

namespace usersyncd {
namespace {

enum class Colour { red, green };

struct Part {
  std::string name;
  int weight = 1;
  Place place;
};

struct Thing {
  std::string title;
  bool shiny = false;
  int count = 3;
  std::optional<Duration> wait;
  std::uint64_t size = 0;
  std::optional<Time> made;
  Colour colour = Colour::red;
  std::vector<Part> parts;
  std::map<std::string, Written<int>> marks;
  std::string source;
};

void describe(Shape& shape, Part& part) {
  shape.place(part.place);
  shape.shorthand(part.name, "Only the name.", filled_text());
  shape.required("name", part.name, "What it is called.", filled_text());
  shape.optional("weight", part.weight, "In grams.", in_range(1, 100));
}

void describe(Shape& shape, Thing& thing) {
  shape.about("A thing.");
  shape.required("title", thing.title, "What stands on it.");
  shape.optional("shiny", thing.shiny, "Whether it shines.");
  shape.optional("count", thing.count, "How many.", in_range(1, 64));
  shape.optional("wait", thing.wait, "How long.", in_range(Duration{1000}, Duration{60'000}));
  shape.optional("size", thing.size, "How large.", size_in_range(0, 1ULL << 30U));
  shape.optional("made", thing.made, "When.");
  shape.optional("colour", thing.colour, "Which.",
                 one_of<Colour>({{"red", Colour::red}, {"green", Colour::green}}));
  shape.optional("parts", thing.parts, "Of what.");
  shape.optional("marks", thing.marks, "By whom.");
  shape.alternative("file", thing.source, "From a file.");
  shape.alternative("web", thing.source, "From the web.");
  if (shape.readable() && thing.title == "bad") shape.refuse("title", "a bad title");
}

std::optional<Thing> read(const std::string& text, Problems& problems) {
  const auto document = parse_yaml("t.yaml", text, problems);
  if (!document) return std::nullopt;
  return read_described<Thing>(*document, problems);
}

TEST_CASE("a described struct is read, and what is not written keeps its default") {
  Problems problems;
  const auto thing = read(
      "title: 007\nshiny: true\nwait: 30s\nsize: 64MiB\nmade: 2027-01-31\ncolour: green\n"
      "parts: [wheel, {name: axle, weight: 7}]\nmarks: {ann: 5, \"bob\": -2}\nfile: x\n",
      problems);
  CHECK(problems.text() == "");
  REQUIRE(thing);
  CHECK(thing->title == "007");
  CHECK(thing->shiny);
  CHECK(thing->count == 3);
  CHECK(thing->wait == Duration{30'000});
  CHECK(thing->size == (64ULL << 20U));
  CHECK(thing->made == parse_time("2027-01-31"));
  CHECK(thing->colour == Colour::green);
  REQUIRE(thing->parts.size() == 2);
  CHECK(thing->parts[0].name == "wheel");
  CHECK(thing->parts[1].weight == 7);
  CHECK(thing->parts[1].place == Place{"t.yaml", 7, 16});
  CHECK(thing->marks.at("bob").value == -2);
  CHECK(thing->marks.at("ann").place == Place{"t.yaml", 8, 14});
}

// Property: all that is wrong is told at once, and nothing that only follows from what was told.
TEST_CASE("a mistake in the text hides no mistake in what is described") {
  struct Row {
    std::string text;
    std::vector<std::string> told;
  };
  const std::vector<Row> rows{
      {"title: yes\ncuont: 4\nshiny: 5\nfile: a",
       {"1:8: error: `yes` is a word", "2:1: error: unknown key `cuont`", "3:8: error: expected true or"}},
      {"title: x\ntitle: [z]\nshiny: no\nfile: a",
       {"2:1: error: the key `title` is written twice", "3:8: error: `no` is a word"}},
      {"title: *t\nfile: a\ncount: 65", {"1:8: error: an alias", "3:8: error: expected a whole number"}},
      {"parts: *t\ntitle: x\nfile: a\nwait: 5h", {"1:8: error: an alias", "4:7: error: expected a dur"}},
      {"count: !x 5.0\ntitle: null\nfile: a", {"1:8: error: a tag", "2:8: error: expected a text"}},
      {"<<: {title: x}\ncuont: 4", {"1:1: error: a merge key", "2:1: error: unknown key `cuont`"}},
      {"? [title]\n: x\nshiny: 5", {"1:3: error: a key must be", "3:8: error: expected true or false"}},
      {"on: x\nshiny: 5", {"1:1: error: `on` is a word", "2:8: error: expected true or false"}},
      {"title: x\tz\nfile: a\ncount: 65", {"1:9: error: a tab", "3:8: error: expected a whole number"}},
      {"count:\t65\ncuont: 1\nfile: a", {"1:7: error: a tab", "2:1: error: unknown"}},
      {"ti\x01tle: x\ncuont: 4", {"1:3: error: the control character", "2:1: error: unknown key `cuont`"}},
      // How deep a tab indents is not known, and so not what `count` belongs to.
      {"title: x\n\tcount: 65\nfile: a\ncuont: 1", {"2:1: error: a tab"}},
      {"cuont: 4\nparts: [{nme: 1}, {weight: 0, ",
       {"1:1: error: unknown key `cuont`", "2:10: error: unknown key `nme`", "2:9: error: the key",
        "2:28: error: expected a whole", "3:1: error: this is not"}},
      {"cuont: 4\ntitle: \"x", {"1:1: error: unknown key `cuont`", "2:8: error: a quote that is not closed"}},
      {"cuont: 4\ntitle: x\nfile: a\n---\nshiny: 5",
       {"1:1: error: unknown key `cuont`", "4:1: error: a second document"}},
      {"title: x\nfile: &f a", {"2:7: error: an anchor"}},
      {"]", {"1:1: error: this is not YAML"}},
  };
  for (const auto& row : rows) {
    const auto& text = row.text;
    const auto& told = row.told;
    CAPTURE(text);
    Problems problems;
    CHECK_FALSE(read(text, problems));
    CHECK_MESSAGE(problems.count() == told.size(), problems.text());
    for (const auto& message : told)
      CHECK_MESSAGE(problems.text().find("t.yaml:" + message) != std::string::npos, problems.text());
  }
}

// Property: each kind of mistake says what was expected and what was found, at its place.
TEST_CASE("what is not described is refused") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{}", "1:1: error: the key `title` is missing here"},
      {"[a]", "1:1: error: expected a map with keys such as `title`, `shiny`"},
      {"title: x", "1:1: error: one of `file` or `web` is missing here"},
      {"title: x\nfile: a\nweb: b", "3:6: error: `file` and `web` exclude each other"},
      {"title: x\nfile: a\ncuont: 4", "3:1: error: unknown key `cuont`; did you mean `count`?"},
      {"title: x\nfile: a\nzzzzzz: 4", "3:1: error: unknown key `zzzzzz`; known are `"},
      {"title: null\nfile: a", "1:8: error: expected a text, found nothing (null)"},
      {"title:\nfile: a", "1:1: error: expected a text, found nothing (null)"},
      {"title: true\nfile: a",
       "1:8: error: expected a text, found `true`; if the word is meant, put it in quotes"},
      {"title: [a]\nfile: a", "1:8: error: expected a text, found a list"},
      {"title: bad\nfile: a", "1:8: error: a bad title"},
      {"title: x\nfile: a\nshiny: 'true'",
       "3:8: error: expected true or false (without quotes), found the text"},
      {"title: x\nfile: a\nshiny: True", "3:8: error: expected true or false"},
      {"title: x\nfile: a\nshiny: 1", "3:8: error: expected true or false"},
      {"title: x\nfile: a\ncount: 65", "3:8: error: expected a whole number from 1 to 64, found `65`"},
      {"title: x\nfile: a\ncount: 010", "3:8: error: expected a whole number"},
      {"title: x\nfile: a\ncount: 0x10", "3:8: error: expected a whole number"},
      {"title: x\nfile: a\ncount: 1.0", "3:8: error: expected a whole number"},
      {"title: x\nfile: a\ncount: '1'", "3:8: error: expected a whole number"},
      {"title: x\nfile: a\ncount: +1", "3:8: error: expected a whole number"},
      {"title: x\nfile: a\ncount: 99999999999999999999", "3:8: error: expected a whole number"},
      {"title: x\nfile: a\nwait: 30", "3:7: error: expected a duration such as 500ms, 30s"},
      {"title: x\nfile: a\nwait: 500ms", "3:7: error: expected a duration of at least 1s and at most"},
      {"title: x\nfile: a\nsize: 64MB", "3:7: error: expected a size such as 64MiB"},
      {"title: x\nfile: a\nsize: 99999999999GiB", "3:7: error: expected a size such as 64MiB"},
      {"title: x\nfile: a\nsize: 2GiB", "3:7: error: expected a size from 0 to 1073741824 bytes"},
      {"title: x\nfile: a\nmade: 2027-02-30", "3:7: error: expected a date such as"},
      {"title: x\nfile: a\ncolour: gren",
       "3:9: error: expected one of `red` or `green`, found `gren`; did you"},
      {"title: x\nfile: a\nparts: wheel", "3:8: error: expected a list, found `wheel`"},
      {"title: x\nfile: a\nparts: [{weight: 1}]", "3:9: error: the key `name` is missing here"},
      {"title: x\nfile: a\nparts: ['']", "3:9: error: this may not be empty"},
      {"title: x\nfile: a\nmarks: [1]", "3:8: error: expected a map, found a list"},
  };
  for (const auto& [text, start] : cases) {
    const std::string shown = text;
    CAPTURE(shown);
    Problems problems;
    CHECK_FALSE(read(text, problems));
    CHECK_MESSAGE(problems.text().starts_with("t.yaml:" + start), problems.text());
    CHECK(problems.count() == 1);
  }
}

TEST_CASE("the schema says what the reader accepts") {
  const auto schema = boost::json::parse(schema_of<Thing>("thing"));
  const auto& object = schema.as_object();
  CHECK(object.at("$schema") == "https://json-schema.org/draft/2020-12/schema");
  CHECK(object.at("additionalProperties") == false);
  CHECK(object.at("required") == boost::json::array{"title"});
  CHECK(object.at("oneOf").as_array().size() == 2);
  const auto& properties = object.at("properties").as_object();
  CHECK(properties.size() == 11);
  CHECK(properties.at("count").as_object().at("maximum") == 64);
  CHECK(properties.at("shiny").as_object().at("type") == "boolean");
  CHECK(properties.at("shiny").as_object().at("description") == "Whether it shines.");
  CHECK(properties.at("colour").as_object().at("enum") == boost::json::array{"red", "green"});
  const auto& part = properties.at("parts").as_object().at("items").as_object().at("anyOf").as_array();
  CHECK(part.at(0).as_object().at("type") == boost::json::array{"string", "number"});
  CHECK(part.at(1).as_object().at("properties").as_object().contains("weight"));
  CHECK(properties.at("marks").as_object().at("additionalProperties").as_object().at("type") == "integer");
}

TEST_CASE("the nearest word is found") {
  CHECK(suggestion("pollIntervall", {"provider", "pollInterval"}) == "did you mean `pollInterval`?");
  CHECK(suggestion("POLLINTERVAL", {"provider", "pollInterval"}) == "did you mean `pollInterval`?");
  CHECK(suggestion("eamil", {"enabled", "email"}) == "did you mean `email`?");
  CHECK(suggestion("quite another", {"b", "a"}) == "known are `a`, `b`");
  CHECK(suggestion("x", {}) == "");
}

}  // namespace
}  // namespace usersyncd
