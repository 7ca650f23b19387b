#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace usersyncd::simulate {

/// The steps of the write protocol, and everything else that a cycle does.
enum class Step { look, intent, request, answer, read_back, close, recovery, elsewhere };
inline constexpr std::size_t step_count = 8;
std::string_view name_of(Step step);

/// What can go wrong, or come in between.
enum class Trouble {
  refused,         ///< the connection is refused: nothing arrives
  lost_request,    ///< the connection breaks before the request arrives, which nobody can tell
  error_before,    ///< a 5xx, and nothing is done
  throttled,       ///< 429, with any kind of hint
  late,            ///< the client gives up; the request arrives later
  lost_answer,     ///< done, and the connection breaks
  error_after,     ///< done, and answered by a 5xx
  timeout,         ///< done, and never answered
  truncated,       ///< done, and the answer is cut off
  html,            ///< 200 and a page for people; nothing is done
  error_inside,    ///< 200 with an error code in it; nothing is done
  slow,            ///< done and answered just in time
  stale,           ///< a read shows how it was
  short_list,      ///< a list lacks users
  reordered_list,  ///< each page of a list has an order of its own
  foreign_list,    ///< a list of another company
  disk_full,
  disk_error,
  kill,
  power_cut,
  restart,     ///< SIGTERM, and a new process
  clock_jump,  ///< somebody sets the clock
  pause,       ///< a person pauses, and resumes later
  reload,      ///< the config is read again: the old account's work is retired
  edit,        ///< somebody changes the user in the portal
};
inline constexpr std::size_t trouble_count = 25;
std::string_view name_of(Trouble trouble);
std::optional<Trouble> trouble_from_name(std::string_view name);
std::vector<Trouble> all_troubles();

/// Whether the trouble can come at this step at all: an answer that is cut off needs an answer.
bool can_meet(Trouble trouble, Step step);

/// How often each trouble met each step.
class Matrix {
 public:
  void count(Trouble trouble, Step step) { ++cell(trouble, step); }
  void add(const Matrix& other);
  /// The table for people. A dash: the two cannot meet.
  std::string text() const;
  /// Steps of the write protocol at which one of `troubles` could have come and never did.
  std::vector<std::string> empty_cells(const std::vector<Trouble>& troubles) const;

 private:
  std::uint64_t& cell(Trouble trouble, Step step) {
    return cells_[static_cast<std::size_t>(trouble)][static_cast<std::size_t>(step)];
  }
  std::array<std::array<std::uint64_t, step_count>, trouble_count> cells_{};
};

}  // namespace usersyncd::simulate
