#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "config/config_file.hpp"
#include "config/desired_file.hpp"
#include "config/yaml.hpp"
#include "tests/support/schema_check.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

/// The schema of the map that `node` may be: itself, or the last of the forms that it may have.
const json::object& map_form(const json::object& schema) {
  const auto* forms = schema.if_contains("anyOf");
  return forms ? forms->as_array().back().as_object() : schema;
}

/// Checks that every key of the file is in the schema, with a description.
void check_known(const YamlNode& node, const json::object& schema) {
  for (const YamlNode& item : node.items) check_known(item, schema.at("items").as_object());
  if (node.kind != YamlNode::Kind::map) return;
  const json::object& form = map_form(schema);
  if (!form.contains("properties")) {
    for (const YamlEntry& entry : node.entries)
      check_known(entry.value, form.at("additionalProperties").as_object());
    return;
  }
  CHECK(form.at("additionalProperties") == false);
  for (const YamlEntry& entry : node.entries) {
    CAPTURE(entry.key);
    const json::value* property = form.at("properties").as_object().if_contains(entry.key);
    REQUIRE(property);
    CHECK(property->as_object().at("description").as_string().size() > 0);
    check_known(entry.value, property->as_object());
  }
}

void check_schema(const std::string& text, const std::string& example) {
  const json::value schema = json::parse(text);
  Problems problems;
  const auto document = load_yaml(SOURCE_DIR "/tests/config/data/" + example, problems);
  REQUIRE(document);
  check_known(document->root, schema.as_object());
  for (const auto& trouble : test::violations(test::seen_by_editor(document->root), schema.as_object()))
    FAIL_CHECK(trouble);
}

TEST_CASE("the schemas are JSON and know every key of the contract's examples") {
  check_schema(config_schema(), "contract_config.yaml");
  check_schema(desired_schema(), "contract_desired.yaml");
}

TEST_CASE("the schema of the desired state is strict") {
  const json::object schema = json::parse(desired_schema()).as_object();
  CHECK(schema.at("$schema") == "https://json-schema.org/draft/2020-12/schema");
  CHECK(schema.at("required") == json::array{"version", "account", "users"});
  const auto& user = schema.at("properties").as_object().at("users").as_object().at("items").as_object();
  CHECK(user.at("required") == json::array{"username"});
  CHECK(user.at("properties").as_object().at("username").as_object().at("maxLength") == 100);
  CHECK(schema.at("properties").as_object().at("version").as_object().at("const") == 1);
}

TEST_CASE("the schemas take a text that is written as a number, as the reader does") {
  const json::object schema = json::parse(desired_schema()).as_object();
  const auto& user = schema.at("properties").at("users").at("items").as_object();
  const json::array text_or_number{"string", "number"};
  for (const char* key : {"username", "firstName", "phone"}) {
    CAPTURE(key);
    CHECK(user.at("properties").at(key).at("type") == text_or_number);
  }
  CHECK(user.at("properties").at("validUntil").at("type") == "string");
}

}  // namespace
}  // namespace usersyncd
