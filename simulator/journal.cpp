#include "simulator/journal.hpp"

#include <boost/json/serialize.hpp>

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

constexpr std::size_t max_kept = 100'000;

json::object to_json(const JournalEntry& entry) {
  return json::object{{"number", entry.number}, {"time", format_instant(entry.time)},
                      {"method", entry.method}, {"path", entry.path},
                      {"body", entry.body},     {"status", entry.status},
                      {"worked", entry.worked}, {"faulty", entry.faulty}};
}

}  // namespace

Journal::Journal(const std::string& path) {
  if (!path.empty()) {
    file_.open(path, std::ios::app | std::ios::binary);
    if (!file_) {
      throw InputError("cannot write the journal '" + path + "'");
    }
  }
}

void Journal::record(JournalEntry entry) {
  ++total_;
  changed_ += entry.worked ? 1 : 0;
  faulty_ += entry.faulty ? 1 : 0;
  ++counts_[entry.method][entry.status];
  if (file_.is_open()) {
    // Flushed line by line: whoever reads the journal does so while the simulator runs.
    file_ << json::serialize(to_json(entry)) << std::endl;
  }
  entries_.push_back(std::move(entry));
  if (entries_.size() > max_kept) {
    entries_.pop_front();
  }
}

json::object Journal::entries(std::uint64_t since) const {
  json::array list;
  for (const JournalEntry& entry : entries_) {
    if (entry.number > since) {
      list.push_back(to_json(entry));
    }
  }
  return json::object{{"entries", std::move(list)}};
}

json::object Journal::counts() const {
  json::object by_method;
  for (const auto& [method, by_status] : counts_) {
    json::object statuses;
    for (const auto& [status, count] : by_status) {
      statuses[std::to_string(status)] = count;
    }
    by_method[method] = std::move(statuses);
  }
  return json::object{
      {"total", total_}, {"changed", changed_}, {"faulty", faulty_}, {"byMethod", std::move(by_method)}};
}

}  // namespace usersyncd::sim
