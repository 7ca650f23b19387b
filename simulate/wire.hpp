#pragma once

#include <set>
#include <string>

#include "simulate/stage.hpp"
#include "store/store.hpp"

namespace usersyncd::simulate {

/// How far the cycle is, which tells what a request is for.
struct Phase {
  int cycle = 0;
  Duration began{0};
  bool acting = false;
  std::set<std::string> unresolved;  ///< keys of users with a write that nobody knows the end of
  std::set<std::string> written;     ///< keys of users that this cycle has sent a write on
};

/// The network between one process and the provider, with everything that a network can do to a request.
class Wire final : public Http {
 public:
  static constexpr Duration timeout{30'000};

  Wire(Stage& stage, Life& life, Store& store, Phase& phase)
      : stage_(stage), life_(life), store_(store), phase_(phase) {}

  Awaitable<boost::system::result<HttpResponse, HttpFailure>> send(HttpRequest request) override;

 private:
  using Reply = boost::system::result<HttpResponse, HttpFailure>;
  struct Call {
    sim::Request request;
    SentWrite write;
    Step step = Step::elsewhere;
    bool writes = false;
    bool lists = false;
    bool reads_users = false;
    Duration there{0}, back{0};  ///< latency
    std::optional<Trouble> before, after;
  };

  Call begin(HttpRequest request);
  void classify(Call& call) const;
  void check_intent(const Call& call);
  std::optional<Trouble> draw(const Call& call, Step step) const;
  Awaitable<Reply> deliver(Call& call);
  std::optional<Reply> stopped_on_the_way(Call& call);
  sim::Response arrive(const Call& call, const Mischief& mischief);
  sim::Response ask(Call& call);
  void arrive_later(const Call& call);
  Reply shape(const Call& call, sim::Response response);
  Reply failed(HttpFailure::Kind kind, bool may_have_arrived) const;
  void tell(const Call& call, const Reply& reply);

  Stage& stage_;
  Life& life_;
  Store& store_;
  Phase& phase_;
};

}  // namespace usersyncd::simulate
