#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usersyncd::tidy {

/// A lambda expression in blanked code.
struct Lambda {
  std::size_t offset = 0;     ///< of its `[`
  std::string_view captures;  ///< between the brackets, trimmed
  std::size_t body = 0;       ///< offset of its `{`
  std::size_t end = 0;        ///< offset of its `}`
};
std::vector<Lambda> lambdas_in(std::string_view code);

/// One statement, or the head of a block (`if (…)`). In place of the body of a lambda in it stands `@`, for
/// the statements in there come by themselves; braces that are left belong to an expression.
struct Statement {
  std::size_t offset = 0;
  std::string text;
};
std::vector<Statement> statements_of(std::string_view code);

/// A block that is the body of a function, from the first line of its head.
struct Body {
  std::size_t head = 0;  ///< offset of the head's first character
  std::size_t end = 0;   ///< offset of the closing brace
};
std::vector<Body> function_bodies(std::string_view code);

}  // namespace usersyncd::tidy
