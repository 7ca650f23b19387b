#pragma once

#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/api.hpp"

namespace usersyncd::sim {

/// What goes wrong with one request. Several can go wrong at once.
struct Fault {
  std::optional<int> status;       ///< this status instead of the answer
  std::string body;                ///< with `status`
  Headers headers;                 ///< with `status`
  bool after = false;              ///< with `status`: the work is done nevertheless
  bool reset_before = false;       ///< the connection is reset and nothing was done
  bool reset_after = false;        ///< the work is done, then the connection is reset
  std::optional<double> truncate;  ///< this share of the body is sent, then the connection is closed
  bool html = false;               ///< 200 with a page of HTML, nothing done
  ListFault list;
  Micros slow{};               ///< the answer is held back; the work is done at once
  Micros per_byte{};           ///< between any two bytes of the answer
  bool ignore_write = false;   ///< answers as if done, does nothing
  bool revoke_tokens = false;  ///< no token that was issued before this request is good any more
  std::string error_inside;    ///< 200 whose body carries this error code, nothing done
  int stale_reads = 0;         ///< that many reads after this request see the world as it was before it
  bool unframed = false;       ///< no Content-Length; the answer ends with the connection
};

/// The fault script: which requests go wrong, and how. Deterministic: chance depends on the seed, the rule
/// and the number of the request among those that the rule matches, on nothing else.
class FaultScript {
 public:
  FaultScript() = default;

  /// `{"seed":1,"rules":[{"method","path","nth","count","probability","fault":{…}}]}`; see
  /// simulator/README.md. Throws InputError that names the rule.
  static FaultScript parse(std::string_view text);

  /// The first rule that fires, or a null pointer. Every rule that matches counts the request.
  const Fault* match(std::string_view method, const std::string& target);

 private:
  struct Rule {
    std::string method;  ///< empty: any
    std::optional<std::regex> path;
    std::uint64_t first = 1;
    std::uint64_t last = UINT64_MAX;
    double probability = 1;
    Fault fault;
    std::uint64_t matched = 0;
  };
  static Rule parse_rule(const boost::json::object& entry);

  std::uint64_t seed_ = 1;
  std::vector<Rule> rules_;
};

}  // namespace usersyncd::sim
