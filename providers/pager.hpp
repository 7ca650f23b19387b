#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "providers/profile.hpp"

namespace usersyncd {

/// What the pager has to know of a page that was read.
struct PageFacts {
  std::vector<std::string> keys;     ///< of its users, in the order read
  std::optional<std::size_t> total;  ///< of all users, if it says so
  std::string next;                  ///< request target or cursor of the next page, if it names one
  bool last = false;                 ///< it says that there is no next one
};

/// Decides which page to ask for next, and notices when a list does not end as it should. Pure.
class Pager {
 public:
  /// `target` is the request target of the list without paging; the paging outlives the pager.
  Pager(const Paging& paging, std::string target);

  /// Request target of the page to read next.
  std::string target() const;

  /// Takes the page that was asked for. False: it only repeats the page before, so its users do not count
  /// again.
  bool take(const PageFacts& page);

  bool finished() const { return finished_; }
  int pages() const { return pages_; }
  const std::optional<std::size_t>& total() const { return total_; }
  /// Why the list cannot be complete, for people.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  bool take_counted(const PageFacts& page);
  void take_named(const PageFacts& page);
  bool is_marked_as_last(const PageFacts& page) const;
  void finish();

  const Paging& paging_;
  std::string list_target_;
  std::string next_;                   ///< link or cursor of the page to read next; empty: the first one
  std::set<std::string> seen_;         ///< targets of the pages that were read
  std::vector<std::string> previous_;  ///< keys of the page before, sorted
  std::size_t count_ = 0;
  int pages_ = 0;
  bool finished_ = false;
  std::optional<std::size_t> total_;
  std::vector<std::string> faults_;
};

}  // namespace usersyncd
