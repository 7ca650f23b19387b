#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <deque>
#include <fstream>
#include <map>
#include <string>

#include "simulator/message.hpp"

namespace usersyncd::sim {

/// One request and what became of it.
struct JournalEntry {
  std::uint64_t number = 0;  ///< from 1, in the order of arrival
  Instant time{};
  std::string method;
  std::string path;  ///< with the query
  std::string body;
  int status = 0;       ///< 0: the connection was reset instead of an answer
  bool worked = false;  ///< whether the world was changed
  bool faulty = false;  ///< whether the fault script had a hand in it
};

/// What was asked of the simulator: to a file if one is named, in memory for the control API, and as counts.
class Journal {
 public:
  /// Appends to `path`, one JSON object a line; empty: memory only. Throws InputError if it cannot be opened.
  explicit Journal(const std::string& path);

  void record(JournalEntry entry);

  /// `{"entries":[…]}`: those after number `since`, at most the last 100,000.
  boost::json::object entries(std::uint64_t since) const;

  /// `{"total","changed","faulty","byMethod":{"GET":{"200":12}}}`; a reset connection counts as status 0.
  boost::json::object counts() const;

 private:
  std::ofstream file_;
  std::deque<JournalEntry> entries_;
  std::map<std::string, std::map<int, std::uint64_t>> counts_;
  std::uint64_t total_ = 0, changed_ = 0, faulty_ = 0;
};

}  // namespace usersyncd::sim
