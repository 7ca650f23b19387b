#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "simulator/server.hpp"
#include "simulator/world.hpp"
#include "tests/program/support.hpp"

namespace usersyncd::test {

/// The simulator on a port of its own, but in this process, with twelve users: to start its program for each
/// of many thousand kills would take as long as what is tried.
class Portal {
 public:
  Portal(Api api, const Login& login);
  ~Portal();
  Portal(const Portal&) = delete;
  Portal& operator=(const Portal&) = delete;

  std::string url() const;
  /// Adds the three people of `people()`.
  void add_people();
  void faults(const std::string& script);

  std::map<std::string, sim::User> users();  ///< by lower-case username
  std::vector<Asked> writes(std::uint64_t since = 0);
  /// The number of the newest request, for `since`.
  std::uint64_t now();

 private:
  class Service;
  boost::json::object call(const std::string& method, const std::string& target, const std::string& body);
  std::vector<Asked> journal(std::uint64_t since);

  std::unique_ptr<Service> service_;
  std::unique_ptr<sim::Server> server_;
  std::thread thread_;
};

}  // namespace usersyncd::test
