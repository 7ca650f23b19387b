#include "simulator/tenants.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <optional>

namespace usersyncd::sim {
namespace {

namespace json = boost::json;

constexpr std::string_view prefix = "/tenant/";
constexpr std::size_t max_lists = 100;

struct Addressed {
  std::size_t number = 0;
  std::string_view rest;  ///< the target without `/tenant/N`
};

std::optional<Addressed> address_of(std::string_view target) {
  if (!target.starts_with(prefix)) {
    return std::nullopt;
  }
  target.remove_prefix(prefix.size());
  Addressed addressed;
  const auto [stop, error] = std::from_chars(target.data(), target.data() + target.size(), addressed.number);
  addressed.rest = target.substr(static_cast<std::size_t>(stop - target.data()));
  return error == std::errc{} && addressed.rest.starts_with('/') ? std::optional(addressed) : std::nullopt;
}

Response json_answer(int status, const json::object& body) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/json");
  response.body = json::serialize(body) + "\n";
  return response;
}

bool is_list(const Request& request, std::string_view target) {
  return request.method == "GET" && target.substr(0, target.find('?')).ends_with("/users");
}

}  // namespace

Tenants::Tenants(const PopulationOptions& population, const SimulatorOptions& options, std::size_t count) {
  tenants_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    PopulationOptions own = population;
    own.seed += i + 1;
    own.accounts.front() += "-" + std::to_string(i + 1);
    tenants_[i].account = own.accounts.front();
    tenants_[i].simulator = std::make_unique<Simulator>(generate_world(own), options);
  }
}

Reply Tenants::answer(const Request& request, Instant now) {
  if (request.method == "GET" && request.target == "/sim/tenants") {
    return Reply{overview(), Delivery{}};
  }
  if (request.method == "POST" && request.target == "/sim/stop") {
    stop_requested_ = true;
    return Reply{json_answer(200, json::object{}), Delivery{}};
  }
  const auto addressed = address_of(request.target);
  if (!addressed || addressed->number == 0 || addressed->number > tenants_.size()) {
    return Reply{json_answer(404, json::object{{"error", "there are /tenant/1 to /tenant/" +
                                                             std::to_string(tenants_.size()) +
                                                             ", /sim/tenants and /sim/stop"}}),
                 Delivery{}};
  }
  Tenant& tenant = tenants_[addressed->number - 1];
  Reply reply = tenant.simulator->answer(
      Request{request.method, std::string(addressed->rest), request.headers, request.body}, now);
  if (!addressed->rest.starts_with("/sim/")) {
    ++tenant.requests;
    tenant.refused += reply.response.status == 429 ? 1 : 0;
    if (is_list(request, addressed->rest) && tenant.lists.size() < max_lists) {
      tenant.lists.push_back(now);
    }
  }
  return reply;
}

Response Tenants::overview() const {
  json::array tenants;
  for (const Tenant& tenant : tenants_) {
    json::array lists;
    for (const Instant list : tenant.lists) {
      lists.push_back(list.time_since_epoch().count());
    }
    tenants.push_back(json::object{{"account", tenant.account},
                                   {"requests", tenant.requests},
                                   {"refused", tenant.refused},
                                   {"lists", std::move(lists)}});
  }
  return json_answer(200, json::object{{"tenants", std::move(tenants)}});
}

}  // namespace usersyncd::sim
