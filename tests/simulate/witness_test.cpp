#include "simulate/witness.hpp"

#include <doctest/doctest.h>

using namespace usersyncd;
using namespace usersyncd::simulate;

namespace {

sim::User person(const std::string& name) {
  Dice dice{1, "person"};
  return make_person(name, dice);
}

Entry entry(const std::string& name) {
  Entry made;
  made.username = name;
  made.last_name = "Last";
  return made;
}

// A story in which the file wants `wanted` and has `leaver` go.
Story small_story() {
  Story story;
  FileVersion version;
  version.entries = {entry("wanted"), entry("leaver")};
  version.entries.back().absent = true;
  version.desired.emplace();
  story.files.push_back(version);
  return story;
}

SentWrite write(const std::string& method, const std::string& key) {
  SentWrite made;
  made.method = method;
  made.key = key;
  return made;
}

struct Scene {
  Story story = small_story();
  Timeline timeline;
  Witness witness{story, timeline};
  sim::User before = person("wanted");
  sim::User after = before;
  std::size_t complaints() const { return witness.complaints().size(); }
};

}  // namespace

TEST_CASE("witness: a create is sent once, and only for somebody who is wanted") {
  Scene scene;
  scene.witness.wrote(write("POST", "wanted"), nullptr, &scene.after);
  CHECK(scene.complaints() == 0);
  scene.witness.wrote(write("POST", "wanted"), &scene.after, &scene.after);
  CHECK(scene.complaints() == 1);
  scene.witness.wrote(write("POST", "stranger"), nullptr, &scene.after);
  CHECK(scene.complaints() == 2);
}

TEST_CASE("witness: nobody loses access whom the file does not let go") {
  Scene scene;
  scene.after.enabled = false;
  scene.witness.wrote(write("PUT", "leaver"), &scene.before, &scene.after);
  CHECK(scene.complaints() == 0);
  scene.witness.wrote(write("PUT", "wanted"), &scene.before, &scene.after);
  CHECK(scene.complaints() > 0);
}

TEST_CASE("witness: a delete needs a policy that deletes, and a person") {
  Scene scene;
  scene.witness.wrote(write("DELETE", "leaver"), &scene.before, nullptr);
  CHECK(scene.complaints() == 2);
  scene.story.regime.deletes = true;
  scene.witness.approved("leaver");
  scene.witness.wrote(write("DELETE", "leaver"), &scene.before, nullptr);
  CHECK(scene.complaints() == 2);
}

TEST_CASE("witness: an update changes nothing that nobody manages") {
  Scene scene;
  scene.after.last_name = "Last";
  scene.after.phone = "+1";
  scene.witness.wrote(write("PUT", "wanted"), &scene.before, &scene.after);
  CHECK(scene.complaints() == 1);
  // What the process had read before somebody else changed it is an update that was lost.
  auto late = write("PUT", "wanted");
  late.based = scene.after;
  scene.witness.wrote(late, &scene.before, &scene.after);
  CHECK(scene.complaints() == 1);
  CHECK(scene.witness.lost_updates().contains("wanted"));
}

TEST_CASE("witness: nothing leaves after a pause") {
  Scene scene;
  auto sent = write("PUT", "wanted");
  sent.paused = true;
  scene.witness.wrote(sent, &scene.before, &scene.before);
  CHECK(scene.complaints() == 1);
}
