#pragma once

#include <string_view>
#include <vector>

// What is fuzzed: each target feeds arbitrary bytes to one door of the program. The property is the same for
// all: a result or an error, never a throw, a hang, a leak, or something that may be written. A target calls
// abort() when it is broken; sanitizers watch the rest.

namespace usersyncd::fuzz {

struct Target {
  std::string_view name;  ///< also of its directory below tests/fuzz/corpus
  void (*feed)(std::string_view bytes);
};

void feed_config(std::string_view bytes);
void feed_desired(std::string_view bytes);
void feed_policy(std::string_view bytes);
void feed_profile(std::string_view bytes);

/// The first byte chooses the provider; the rest is the answer to the list call, decoded, believed, planned
/// and judged against an account that is known.
void feed_list(std::string_view bytes);
/// The same for the answer to the call for one user, who then stands in a list; and the body of an update of
/// what was read.
void feed_item(std::string_view bytes);
/// Status, headers and body of any answer: what it means for a read and for a write, and how long it asks us
/// to wait.
void feed_answer(std::string_view bytes);
/// The same from the bytes that a server sends to the HTTP client, over a connection of this machine.
void feed_http(std::string_view bytes);

/// A record of the audit log as somebody may have left it.
void feed_audit(std::string_view bytes);
/// Whatever comes in at the admin socket.
void feed_admin(std::string_view bytes);

const std::vector<Target>& targets();

}  // namespace usersyncd::fuzz
