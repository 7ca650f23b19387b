#include "tests/tidy/statements.hpp"

#include <algorithm>
#include <array>

#include "tests/tidy/source.hpp"

namespace usersyncd::tidy {
namespace {

constexpr auto npos = std::string_view::npos;

std::string_view word_ending_at(std::string_view code, std::size_t last) {
  auto first = last + 1;
  while (first > 0 && is_word_char(code[first - 1])) --first;
  return code.substr(first, last + 1 - first);
}

template <std::size_t Size>
bool is_one_of(std::string_view word, const std::array<std::string_view, Size>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view first_word(std::string_view text) {
  text = trimmed(text);
  std::size_t length = 0;
  while (length < text.size() && is_word_char(text[length])) ++length;
  return text.substr(0, length);
}

// Whether a `[` can begin a lambda: after a name, a call or an element it is an index, next to another an
// attribute.
bool can_begin_lambda(std::string_view code, std::size_t open) {
  if (code.substr(open).starts_with("[[") || (open > 0 && code[open - 1] == '[')) return false;
  const auto before = last_before(code, open);
  if (before == npos) return true;
  if (code[before] == ')' || code[before] == ']') return false;
  constexpr std::array<std::string_view, 3> keywords{"return", "co_return", "co_await"};
  return !is_word_char(code[before]) || is_one_of(word_ending_at(code, before), keywords);
}

// Stands where the body of a lambda was taken out. No such character occurs in code.
constexpr char taken_body = '@';

// The `{` of a lambda's body, from the offset after its captures; npos where there is none.
std::size_t body_of_lambda(std::string_view code, std::size_t at) {
  int angles = 0;
  for (; at < code.size(); ++at) {
    const char c = code[at];
    if (c == '{' || c == taken_body) return at;
    if (c == '(') at = closing(code, at);
    if (c == '<') ++angles;
    if (c == '>' && code[at - 1] != '-') --angles;
    if (std::string_view{";)]}="}.find(c) != npos || (c == ',' && angles == 0)) return npos;
  }
  return npos;
}

// `private:` in front of a member.
std::string_view without_access(std::string_view head) {
  head = trimmed(head);
  for (const std::string_view access : {"public:", "protected:", "private:"}) {
    if (head.starts_with(access)) return without_access(head.substr(access.size()));
  }
  return head;
}

// `namespace x`, `class Y : Z`, `template <class T> struct W`, `enum class E : int`.
bool opens_scope(std::string_view head) {
  head = without_access(head);
  while (head.starts_with("template")) {
    int depth = 0;
    auto at = head.find('<');
    for (; at < head.size(); ++at) {
      depth += head[at] == '<' ? 1 : head[at] == '>' ? -1 : 0;
      if (depth == 0) break;
    }
    head = trimmed(head.substr(std::min(at + 1, head.size())));
  }
  constexpr std::array<std::string_view, 6> keywords{"namespace", "class", "struct",
                                                     "enum",      "union", "extern"};
  if (first_word(head) == "inline") head = trimmed(head.substr(6));
  return is_one_of(first_word(head), keywords) && head.find_first_of("=(") == npos;
}

// Whether the brace at `open` begins a block, and not an initializer. `head` is the statement so far.
bool opens_block(std::string_view head) {
  if (trimmed(head).empty() || opens_scope(head)) return true;
  const auto last = head.find_last_not_of(" \t\n");
  constexpr std::array<std::string_view, 3> keywords{"else", "do", "try"};
  // After a `}` it is the body of a constructor whose last member was initialized with braces.
  if (std::string_view{":)}"}.find(head[last]) != npos || is_one_of(word_ending_at(head, last), keywords))
    return true;
  const auto close = head.find_last_of(")]");
  if (close == npos) return false;
  // What may stand between the parameters of a function or lambda and its body.
  const auto between = trimmed(head.substr(close + 1));
  if (between.empty()) return !lambdas_in(std::string{head} + taken_body).empty();
  constexpr std::array<std::string_view, 5> specifiers{"const", "noexcept", "override", "final", "mutable"};
  return between.starts_with("->") || is_one_of(first_word(between), specifiers);
}

class Splitter {
 public:
  explicit Splitter(std::string_view code) : code_(code) {}

  std::vector<Statement> run() {
    while (at_ < code_.size()) block();
    return std::move(found_);
  }

 private:
  // From after a `{` to after its `}`, or to the end.
  void block() {
    Statement statement{at_, {}};
    int parentheses = 0;
    while (at_ < code_.size()) {
      const char c = code_[at_++];
      if (c == '(') ++parentheses;
      if (c == ')') --parentheses;
      if (c == '}') break;
      if (c == ';' && parentheses == 0) {
        finish(statement);
      } else if (c == '{' && opens_block(statement.text)) {
        const bool whole = parentheses == 0;
        if (whole) finish(statement);
        block();
        if (whole) statement.offset = at_;
        if (!whole) statement.text += taken_body;
      } else if (c == '{') {
        const auto end = closing(code_, at_ - 1);
        statement.text += '{';
        initializer(end, statement);
      } else {
        statement.text += c;
      }
    }
    finish(statement);
  }

  // The inside of an initializer belongs to its statement, except for the bodies of lambdas.
  void initializer(std::size_t end, Statement& statement) {
    while (at_ < std::min(end + 1, code_.size())) {
      const char c = code_[at_++];
      if (c == '{' && !trimmed(statement.text).ends_with('{') && opens_block(statement.text)) {
        block();
        statement.text += taken_body;
      } else {
        statement.text += c;
      }
    }
  }

  void finish(Statement& statement) {
    const auto blanks = statement.text.find_first_not_of(" \t\n");
    if (blanks != std::string::npos) found_.push_back({statement.offset + blanks, statement.text});
    statement = Statement{at_, {}};
  }

  std::string_view code_;
  std::size_t at_ = 0;
  std::vector<Statement> found_;
};

}  // namespace

std::vector<Lambda> lambdas_in(std::string_view code) {
  std::vector<Lambda> lambdas;
  for (auto open = code.find('['); open != npos; open = code.find('[', open + 1)) {
    if (!can_begin_lambda(code, open)) continue;
    const auto close = closing(code, open);
    const auto body = close < code.size() ? body_of_lambda(code, close + 1) : npos;
    if (body == npos) continue;
    lambdas.push_back({open, trimmed(code.substr(open + 1, close - open - 1)), body, closing(code, body)});
  }
  return lambdas;
}

std::vector<Statement> statements_of(std::string_view code) {
  return Splitter{code}.run();
}

std::vector<Body> function_bodies(std::string_view code) {
  std::vector<Body> bodies;
  std::size_t head = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    if (code[at] == ';' || code[at] == '}') head = at + 1;
    if (code[at] != '{') continue;
    const auto text = code.substr(head, at - head);
    if (!opens_block(text)) {
      at = closing(code, at);
    } else {
      if (!opens_scope(text)) {
        const auto first = static_cast<std::size_t>(without_access(text).data() - code.data());
        at = closing(code, at);
        bodies.push_back({first, at});
      }
      head = at + 1;
    }
  }
  return bodies;
}

}  // namespace usersyncd::tidy
