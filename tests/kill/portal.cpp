#include "tests/kill/portal.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <mutex>

#include "simulator/population.hpp"
#include "simulator/simulator.hpp"

namespace usersyncd::test {
namespace {

namespace json = boost::json;

sim::World twelve_users(const Login& login) {
  sim::PopulationOptions options;
  options.users = 12;
  options.own_username = login.id;
  return sim::generate_world(options);
}

sim::SimulatorOptions options_for(Api api, const Login& login) {
  sim::SimulatorOptions options;
  options.dialect.apis = api == Api::v1 ? sim::Apis::v1 : sim::Apis::dashboard;
  options.credentials = {login.id, login.secret, login.id, login.secret};
  return options;
}

}  // namespace

/// Asked by the server's thread and by the test.
class Portal::Service final : public sim::Service {
 public:
  Service(Api api, const Login& login) : simulator_(twelve_users(login), options_for(api, login)) {}
  sim::Reply answer(const sim::Request& request, sim::Instant now) override {
    const std::lock_guard turn(mutex_);
    return simulator_.answer(request, now);
  }
  bool stop_requested() const override { return false; }
  std::map<std::string, sim::User> users() {
    const std::lock_guard turn(mutex_);
    return simulator_.world().users();
  }

 private:
  std::mutex mutex_;
  sim::Simulator simulator_;
};

Portal::Portal(Api api, const Login& login)
    : service_(std::make_unique<Service>(api, login)),
      server_(std::make_unique<sim::Server>(*service_, sim::ListenOptions{})),
      thread_([this] { server_->run(); }) {}

Portal::~Portal() {
  server_->stop();
  thread_.join();
}

std::string Portal::url() const {
  return "http://127.0.0.1:" + std::to_string(server_->port());
}

json::object Portal::call(const std::string& method, const std::string& target, const std::string& body) {
  const auto now = std::chrono::time_point_cast<sim::Micros>(std::chrono::system_clock::now());
  const auto response = service_->answer(sim::Request{method, target, {}, body}, now).response;
  REQUIRE_MESSAGE(response.status < 300, method << " " << target << ": " << response.body);
  return json::parse(response.body).as_object();
}

void Portal::add_people() {
  for (const auto& [name, fields] : people()) call("PUT", "/sim/users/" + name, fields);
}

void Portal::faults(const std::string& script) {
  call("POST", "/sim/faults", script);
}

std::map<std::string, sim::User> Portal::users() {
  return service_->users();
}

std::vector<Asked> Portal::journal(std::uint64_t since) {
  std::vector<Asked> all;
  const auto entries = call("GET", "/sim/journal?since=" + std::to_string(since), "");
  for (const auto& entry : entries.at("entries").as_array()) all.push_back(read_asked(entry.as_object()));
  return all;
}

std::vector<Asked> Portal::writes(std::uint64_t since) {
  auto all = journal(since);
  std::erase_if(all, [](const Asked& asked) { return !asked.is_write(); });
  return all;
}

std::uint64_t Portal::now() {
  const auto all = journal(0);
  return all.empty() ? 0 : all.back().number;
}

}  // namespace usersyncd::test
