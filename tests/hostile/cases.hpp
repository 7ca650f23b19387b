#pragma once

#include <string>
#include <vector>

#include "tests/support/scripted_server.hpp"

// Servers that mean harm, one per case: what each does when it is asked for the list of users.

namespace usersyncd::hostile {

enum class Expected {
  refused,  ///< the list is not used, and the command says so
  taken,    ///< odd, but allowed and unambiguous: the list is used, and it is what is wanted
};

struct Case {
  std::string name;
  test::Script attack;
  Expected expected = Expected::refused;
};

/// The list in which everybody is who is wanted.
inline const std::string true_list =
    R"({"Users":[{"UserId":"u1","Username":"ann","FirstName":"Ann","LastName":"Lee",)"
    R"("Email":"ann@example.com"}]})";

/// An answer with the given body, framed by its length.
std::string ok(const std::string& body);

std::vector<Case> redirect_cases(const std::string& elsewhere);
std::vector<Case> framing_cases();
std::vector<Case> header_cases();
std::vector<Case> size_cases();
std::vector<Case> content_cases();
std::vector<Case> slow_cases();

}  // namespace usersyncd::hostile
