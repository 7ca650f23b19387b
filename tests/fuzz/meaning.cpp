#include <algorithm>
#include <charconv>
#include <string>

#include "providers/classify.hpp"
#include "providers/outcome.hpp"
#include "providers/rate_hint.hpp"
#include "tests/fuzz/parts.hpp"
#include "tests/fuzz/targets.hpp"

// What an answer means. Apart from the client, so that the program of this target has no network in it.

namespace usersyncd::fuzz {
namespace {

const Time now = *parse_time("2026-11-21T19:05:00Z");

}  // namespace

void take_in(const Profile& profile, const HttpResponse& response) {
  const auto understood = classify(profile, response);
  understood.summary();
  error_kind(understood);
  for (const auto operation : {Operation::create, Operation::update, Operation::remove}) {
    const auto kind = outcome_of(operation, understood.meaning);
    // After a server error nobody knows whether it was done (A1).
    require(response.status < 500 || kind != WriteOutcome::Kind::accepted);
  }
  const auto hint = rate_hint(response.headers, profile.rate, now);
  require(!hint || (*hint > Duration{0} && *hint <= profile.rate.longest));
}

void feed_answer(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto profile = profile_of(bytes.front());
  HttpResponse response;
  response.status = 100;
  auto rest = bytes.substr(1);
  std::from_chars(rest.data(), rest.data() + std::min<std::size_t>(rest.size(), 3), response.status);
  const auto head = rest.substr(0, rest.find("\n\n"));
  response.body = std::string{head.size() + 2 <= rest.size() ? rest.substr(head.size() + 2) : ""};
  for (std::size_t at = 0; at < head.size();) {
    const auto line = head.substr(at, head.find('\n', at) - at);
    at += line.size() + 1;
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos)
      response.headers.emplace_back(std::string{line.substr(0, colon)}, std::string{line.substr(colon + 2)});
  }
  take_in(*profile, response);
}

}  // namespace usersyncd::fuzz
