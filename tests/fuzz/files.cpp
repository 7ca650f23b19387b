#include <cstdlib>
#include <memory>
#include <string>

#include "config/config_file.hpp"
#include "config/desired_file.hpp"
#include "policies/read.hpp"
#include "providers/profile.hpp"
#include "tests/fuzz/parts.hpp"
#include "tests/fuzz/targets.hpp"

// The four kinds of files that people write.

namespace usersyncd::fuzz {

void feed_config(std::string_view bytes) {
  Problems problems;
  const auto document = parse_yaml("fuzz.yaml", std::string{bytes}, problems);
  require((document && !document->faulty) == problems.empty());
  if (!document) return;
  const auto config = read_config(*document, problems);
  require(config.has_value() == problems.empty());
  problems.text();
}

void feed_desired(std::string_view bytes) {
  Problems problems;
  const auto document = parse_yaml("fuzz.yaml", std::string{bytes}, problems);
  if (!document) return;
  const auto desired = read_desired({*document}, std::vector<std::string>{"5500001"}, problems);
  require(desired.has_value() == (problems.grave() == 0));
  problems.text();
}

void feed_policy(std::string_view bytes) {
  Problems problems;
  const auto rules = read_policy_text("fuzz.yaml", std::string{bytes}, problems);
  require(rules.has_value() == problems.empty());
  problems.text();
}

void feed_profile(std::string_view bytes) {
  Problems problems;
  const auto profile = parse_profile("fuzz.yaml", std::string{bytes}, problems);
  require(profile.has_value() == problems.empty());
  problems.text();
}

}  // namespace usersyncd::fuzz
