#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "config/desired_file.hpp"
#include "tests/config/scratch_directory.hpp"

// Several files, which are read account by account, and not at all where they are known.

namespace usersyncd {
namespace {

std::string file_of(const std::string& account, const std::string& user) {
  return "version: 1\naccount: " + account + "\nusers: [{username: " + user + "}]\n";
}

/// What one reading came to.
struct Came {
  std::optional<std::map<std::string, DesiredSource>> sources;
  std::map<std::string, std::vector<std::string>> users;  ///< by account, as received last
  std::string order;                                      ///< of what was received
  std::string problems;

  DesiredSource source(const std::string& account) const {
    REQUIRE_MESSAGE(sources, problems);
    REQUIRE(sources->contains(account));
    return sources->at(account);
  }
};

struct Folder {
  ScratchDirectory scratch;
  KnownDesired known;
  std::function<void()> meanwhile = [] {};

  Came read() {
    Came came;
    Problems problems;
    DesiredReading reading;
    reading.known = known;
    reading.receive = [&](const Desired& desired, const std::string&) {
      auto& users = came.users[desired.account];
      users.clear();
      for (const auto& user : desired.users) users.push_back(user.username);
      came.order += desired.account + ' ';
      meanwhile();
    };
    const std::vector<std::string> accounts{"3", "1", "2"};
    came.sources = read_desired_files(scratch.path(), accounts, reading, problems);
    came.problems = problems.text();
    return came;
  }

  void remember(const Came& came) {
    REQUIRE_MESSAGE(came.sources, came.problems);
    for (const auto& [account, source] : *came.sources) {
      if (source.sound) known[source.files][account] = source.revision;
    }
  }
};

using Users = std::vector<std::string>;

TEST_CASE("the files of each account are read together, however they spell it, and wherever they lie") {
  Folder folder;
  folder.scratch.write("a.yaml", file_of("\"1\"", "ann"));
  folder.scratch.write("b.yaml", file_of("'2'  # the other one", "bob"));
  folder.scratch.write("c/c.yaml", "# first a word\n" + file_of("\"1\"", "cid"));
  const auto came = folder.read();
  CHECK(came.problems.empty());
  CHECK(came.order == "1 2 ");
  CHECK(came.users.at("1") == Users{"ann", "cid"});
  CHECK(came.users.at("2") == Users{"bob"});
  CHECK(came.source("1").sound);
  CHECK(came.source("1").files != came.source("2").files);
}

// Property: nothing is concluded from how a file looks before its YAML is read.
TEST_CASE("files that do not look as if they spoke of the same account are read together all the same") {
  for (const std::string other :
       {"{version: 1, account: \"1\", users: [{username: eve}]}\n",
        "version: 1\nroleSets: {x: [z]}\n\"account\": \"1\"\nusers: [{username: eve}]\n"}) {
    CAPTURE(other);
    Folder folder;
    folder.scratch.write("a.yaml", file_of("\"1\"", "ann"));
    folder.scratch.write("b.yaml", other);
    folder.scratch.write("c.yaml", file_of("\"2\"", "bob"));
    for (int i = 0; i < 2; ++i) {  // the second time with what the first one knows
      const auto came = folder.read();
      CHECK(came.problems.empty());
      CHECK(came.users.at("1") == Users{"ann", "eve"});
      CHECK(came.users.at("2") == Users{"bob"});
      folder.remember(came);
    }
    folder.scratch.write("b.yaml", file_of("\"1\"", "Ann"));
    CHECK(folder.read().problems.find("the user `Ann` is written twice") != std::string::npos);
  }
}

TEST_CASE("only the account whose file has changed is read anew") {
  Folder folder;
  for (const std::string account : {"1", "2", "3"})
    folder.scratch.write(account + ".yaml", file_of('"' + account + '"', "ann"));
  const auto first = folder.read();
  CHECK(first.order == "1 2 3 ");
  folder.remember(first);
  const auto second = folder.read();
  CHECK(second.order.empty());
  CHECK(second.source("2").files == first.source("2").files);
  CHECK(second.source("2").revision == first.source("2").revision);

  folder.scratch.write("2.yaml", file_of("\"2\"", "bob"));
  const auto third = folder.read();
  CHECK(third.order == "2 ");
  CHECK(third.users.at("2") == Users{"bob"});
  CHECK(third.source("1").files == first.source("1").files);
  CHECK(third.source("2").files != first.source("2").files);

  // A second file for a known account, and one less.
  folder.scratch.write("more.yaml", file_of("\"1\"", "eve"));
  std::filesystem::remove(folder.scratch.path("3.yaml"));
  const auto fourth = folder.read();
  CHECK(fourth.users.at("1") == Users{"ann", "eve"});
  CHECK(fourth.sources->size() == 2);
}

TEST_CASE("a file with a problem is never known, and one whose account has left the config neither") {
  Folder folder;
  folder.scratch.write("1.yaml", file_of("\"1\"", "ann"));
  folder.scratch.write("2.yaml", "version: 1\naccount: \"2\"\nusers: [{username: bob, email: none}]\n");
  const auto first = folder.read();
  CHECK(first.source("1").sound);
  CHECK_FALSE(first.source("2").sound);
  CHECK(first.problems.find("2.yaml:3:") != std::string::npos);
  folder.remember(first);
  const auto second = folder.read();
  CHECK(second.order == "2 ");
  CHECK(second.problems == first.problems);

  folder.scratch.write("2.yaml", file_of("\"9\"", "bob"));
  folder.known[first.source("2").files] = {{"2", "r"}};
  CHECK_FALSE(folder.read().sources);
}

// Property: all files are of one moment, or nothing is believed.
TEST_CASE("a deploy while the files are read is noticed, whichever of them it has come to") {
  for (const std::string changed : {"1.yaml", "3.yaml"}) {
    CAPTURE(changed);
    Folder folder;
    for (const std::string account : {"1", "2", "3"})
      folder.scratch.write(account + ".yaml", file_of('"' + account + '"', "ann"));
    folder.meanwhile = [&] {
      folder.scratch.write(changed, file_of('"' + changed.substr(0, 1) + '"', "bob"));
    };
    const auto came = folder.read();
    CHECK_FALSE(came.sources);
    CHECK(came.problems.find(changed) != std::string::npos);
  }
  Folder folder;
  folder.scratch.write("1.yaml", file_of("\"1\"", "ann"));
  folder.meanwhile = [&] { folder.scratch.write("new.yaml", file_of("\"2\"", "ann")); };
  CHECK_FALSE(folder.read().sources);
}

// What is in force is kept under the digest of its files, and read again as long as one of them has a fault.
TEST_CASE("of an account whose files change while they are read nothing is received") {
  Folder folder;
  folder.scratch.write("1.yaml", file_of("\"1\"", "ann"));
  folder.scratch.write("2a.yaml", "version: 1\naccount: \"2\"\nusers: [{username: bob, email: none}]\n");
  folder.scratch.write("2b.yaml", file_of("\"2\"", "cid"));
  CHECK(folder.read().users.at("2") == Users{"bob", "cid"});
  folder.meanwhile = [&] { folder.scratch.write("2b.yaml", file_of("\"2\"", "dan")); };
  const auto came = folder.read();
  CHECK_FALSE(came.sources);
  CHECK(came.order == "1 ");
}

}  // namespace
}  // namespace usersyncd
