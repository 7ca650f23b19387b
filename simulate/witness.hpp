#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simulate/story.hpp"
#include "simulate/timeline.hpp"

namespace usersyncd::simulate {

/// Text of everything that happens in a run; the same bytes for the same seed.
class Trace {
 public:
  explicit Trace(bool on) : on_(on) {}
  bool on() const { return on_; }
  void say(Duration now, const std::string& what);
  const std::string& text() const { return text_; }
  /// Whatever contains this would differ from one machine to the next.
  void hide(const std::string& secret) { hidden_ = secret; }

 private:
  bool on_;
  std::string text_;
  std::string hidden_;
};

/// One write request, from the moment it leaves the process.
struct SentWrite {
  std::string method;
  std::string key;  ///< of the user
  int cycle = 0;
  Duration planned_at{0};  ///< when its cycle began, and took the file as it was
  Duration sent_at{0};
  bool paused = false;             ///< it left although a person had paused
  std::optional<sim::User> based;  ///< what the process had last been shown of the user
};

/// Stands beside the provider and holds every write against what the story allows. Knows the truth, and
/// nothing of what the daemon thinks.
class Witness {
 public:
  Witness(const Story& story, const Timeline& timeline) : story_(story), timeline_(timeline) {}

  const std::vector<std::string>& complaints() const { return complaints_; }
  void complain(const std::string& what);

  /// A person approved the removal of a user.
  void approved(const std::string& key) { approved_.insert(key); }
  void paused(bool paused) { paused_ = paused; }
  bool is_paused() const { return paused_; }

  /// The daemon read the user and got to see this.
  void shown(const sim::User& user);
  std::optional<sim::User> last_shown(const std::string& key) const;
  /// A write arrived; what it made of the user. Null: not there.
  void wrote(const SentWrite& write, const sim::User* before, const sim::User* after);
  /// Somebody else changed the user; the field, or all of them: empty.
  void changed_outside(const std::string& key, const std::string& field) {
    made_by_us_.erase(key);
    ++changes_outside_[{key, field}];
  }
  int changes_outside(const std::string& key, const std::string& field) const {
    const auto found = changes_outside_.find({key, field});
    return found == changes_outside_.end() ? 0 : found->second;
  }

  /// How often each user was made and deleted by us.
  const std::map<std::string, std::pair<int, int>>& history() const { return history_; }
  /// Fields of users that a write put back because nobody could have known better: without versions at the
  /// provider, what changes between reading and writing is lost.
  const std::set<std::string>& lost_updates() const { return lost_updates_; }

 private:
  void check_create(const SentWrite& write, const sim::User* before, const sim::User* after);
  bool may_be_sent_again(const std::string& key) const;
  void check_loss(const SentWrite& write, const sim::User& before, const sim::User* after);
  void check_update(const SentWrite& write, const sim::User& before, const sim::User& after);
  bool may_lose_access(const SentWrite& write) const;

  const Story& story_;
  const Timeline& timeline_;
  std::vector<std::string> complaints_;
  std::set<std::string> approved_;
  bool paused_ = false;
  std::map<std::string, Duration> made_by_us_;  ///< by key, and when the create was sent that did it
  std::map<std::pair<std::string, std::string>, int> changes_outside_;  ///< how often, by key and field
  std::map<std::string, sim::User> shown_;
  std::map<std::string, std::pair<int, int>> history_;
  std::set<std::string> lost_updates_;
  std::map<int, int> losses_;  ///< by cycle
};

}  // namespace usersyncd::simulate
