#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "providers/profile.hpp"
#include "sync/ports.hpp"

namespace usersyncd {

/// One error that an answer speaks of.
struct ProviderError {
  std::string code;
  std::string text;
  friend bool operator==(const ProviderError&, const ProviderError&) = default;
};

/// What came back, understood.
struct Answer {
  Meaning meaning = Meaning::refused;
  int status = 0;
  std::string code;                        ///< of the first error
  std::string text;                        ///< of the first error, or why the body cannot be read
  std::optional<boost::json::value> tree;  ///< the body, where there is one that can be read

  /// `403 12000 User 'jdoe' does not exist`, for people. Not redacted.
  std::string summary() const;
};

/// The errors in an answer, in whichever of the shapes that providers use (providers.md 1.6, A to H).
std::vector<ProviderError> find_errors(const boost::json::value& tree, const ErrorNames& names);

/// Status, error codes and texts together give the meaning. A success status with an error inside is a
/// failure; a server error never means that something exists, is gone or was so already, unless a rule names
/// its status (A1).
Answer classify(const Profile& profile, const HttpResponse& response);

/// Whether `pattern` occurs in `text`, without regard to ASCII case; `*` stands for anything.
bool text_matches(std::string_view pattern, std::string_view text);

}  // namespace usersyncd
