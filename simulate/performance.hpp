#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simulate/process.hpp"

namespace usersyncd::simulate {

using FieldTexts = std::map<std::string, std::string>;  ///< of a user, by the program's name of the field

/// What came of one story: who exists in the end and how often each user was made and deleted by us.
struct Ending {
  std::map<std::string, FieldTexts> users;  ///< everything about them, by key
  std::map<std::string, std::pair<int, int>> history;
  std::vector<std::string> complaints;
  std::set<std::string> lost;  ///< users with an update that was lost, as it must be without versions
  /// Fields, as key and name, that somebody changed so often between our write and our look that we left them
  /// alone, and said so.
  std::set<std::pair<std::string, std::string>> left_alone;
  bool held = false;  ///< it ended before what it was to be, for a reason that it stated
  int cycles = 0;
  int processes = 0;
  int writes = 0;
};

/// Plays one story to its end: processes come and go, people do what the story says, and what Chaos draws
/// goes wrong; then nothing goes wrong any more, and the end is judged.
class Performance {
 public:
  Performance(const Story& story, MemoryDisk& disk, boost::asio::io_context& io,
              std::optional<Database>& spare, Chaos& chaos, Trace& trace, Sabotage sabotage = Sabotage::none);

  Ending play();

 private:
  void arrange();
  void approve_forever();
  void approve();
  void turn();
  void bury();
  void settle();

  void disturb(Trouble trouble, const std::string& key);
  void disturb_in_store(Trouble trouble);
  void pause();
  void resume();
  void edit(const std::string& key);
  void set_clock();
  int ask_disk(MemoryDisk::Effect effect);

  void close();

  void judge_end(Ending& ending);
  void judge_users();
  void judge_user(const Entry& entry);
  void judge_audit();
  bool waits_for_a_person();
  bool is_held(const std::string& key) const;
  std::set<std::pair<std::string, std::string>> left_alone() const;

  const Story& story_;
  MemoryDisk& disk_;
  Chaos& chaos_;
  Trace& trace_;
  Timeline timeline_;
  WallClock wall_;
  Witness witness_{story_, timeline_};
  Portal portal_{story_, timeline_, witness_};
  Stage stage_;
  std::unique_ptr<Process> process_;
  int cycles_ = 0;
  int processes_ = 0;
  int refusals_ = 0;      ///< effects that the disk is going to refuse
  int refusal_code_ = 0;  ///< of SQLite
  std::optional<int> effects_to_live_;
  bool power_cut_ = false;
};

}  // namespace usersyncd::simulate
