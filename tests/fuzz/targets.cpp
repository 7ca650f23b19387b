#include "tests/fuzz/targets.hpp"

namespace usersyncd::fuzz {

// Apart from the targets, so that the program of one target has nothing of the others in it.
const std::vector<Target>& targets() {
  static const std::vector<Target> all{
      {"config", feed_config}, {"desired", feed_desired}, {"policy", feed_policy}, {"profile", feed_profile},
      {"list", feed_list},     {"item", feed_item},       {"answer", feed_answer}, {"http", feed_http},
      {"audit", feed_audit},   {"admin", feed_admin}};
  return all;
}

}  // namespace usersyncd::fuzz
