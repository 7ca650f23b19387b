#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "simulator/auth.hpp"
#include "simulator/world.hpp"
#include "store/store.hpp"
#include "sync/ports.hpp"
#include "tests/faults/effects.hpp"

namespace usersyncd::faults {

inline constexpr const char* account_id = "5500001";
inline constexpr const char* own_username = "sim-api-user";
inline constexpr const char* secret = "client-secret";

enum class Api { v1, dashboard };

/// The provider with its API, and the wire to it. Holds every write against what people have allowed.
class FarSide final : public Http {
 public:
  FarSide(Api api, Effects& effects, Duration& passed);

  Awaitable<boost::system::result<HttpResponse, HttpFailure>> send(HttpRequest request) override;

  sim::World world;
  /// Username: the first create of it is done, its answer is lost, and nobody can look until the next list.
  std::string lose_answer_for;
  std::set<std::string> may_lose;       ///< usernames of those whom somebody wants disabled or gone
  std::function<std::string()> intent;  ///< why a write on a user (by name) must not leave yet; empty: it may
  std::string write_on;                 ///< username that `intent` is asked for

  std::vector<std::string> complaints;
  int writes = 0;
  int answered = 0;  ///< requests of which the process heard what came of them

 private:
  sim::Response answer(const sim::Request& request);
  sim::Response do_write(const sim::Request& request);
  std::string username_of(const sim::Request& request) const;

  Api api_;
  Effects& effects_;
  Duration& passed_;
  sim::Gate gate_;
  int failures_ = 0;
  std::string hidden_;
};

}  // namespace usersyncd::faults
