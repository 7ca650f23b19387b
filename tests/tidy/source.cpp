#include "tests/tidy/source.hpp"

#include <algorithm>
#include <utility>

namespace usersyncd::tidy {
namespace {

constexpr auto npos = std::string_view::npos;

// Walks over a text once and copies of it what is code.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), code_(text) {}

  std::string run() {
    while (at_ < text_.size()) step();
    return std::move(code_);
  }

 private:
  void step() {
    const auto rest = text_.substr(at_);
    if (at_line_start() && rest.front() == '#') {
      blank_to(directive_end());
    } else if (rest.starts_with("//")) {
      blank_to(std::min(text_.find('\n', at_), text_.size()));
    } else if (rest.starts_with("/*")) {
      blank_to(after(text_.find("*/", at_ + 2), 2));
    } else if (rest.starts_with("R\"") && !follows_word()) {
      raw_string();
    } else if (rest.front() == '"') {
      literal('"');
    } else if (rest.front() == '\'' && !follows_word()) {  // else it separates digits
      literal('\'');
    } else {
      ++at_;
    }
  }

  bool at_line_start() const {
    const auto before = text_.find_last_not_of(" \t", at_ == 0 ? npos : at_ - 1);
    return at_ == 0 || before == npos || text_[before] == '\n';
  }

  bool follows_word() const { return at_ > 0 && is_word_char(text_[at_ - 1]); }

  static std::size_t after(std::size_t found, std::size_t length) {
    return found == npos ? npos : found + length;
  }

  std::size_t directive_end() const {
    auto end = text_.find('\n', at_);
    while (end != npos && text_[end - 1] == '\\') end = text_.find('\n', end + 1);
    return end;
  }

  void literal(char quote) {
    auto end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n')
      end += text_[end] == '\\' ? 2U : 1U;
    ++at_;
    blank_to(end);
    ++at_;
  }

  void raw_string() {
    const auto open = text_.find('(', at_);
    if (open == npos) return blank_to(npos);
    const auto end = ")" + std::string{text_.substr(at_ + 2, open - at_ - 2)} + "\"";
    blank_to(after(text_.find(end, open), end.size()));
  }

  void blank_to(std::size_t end) {
    for (; at_ < std::min(end, text_.size()); ++at_) {
      if (text_[at_] != '\n') code_[at_] = ' ';
    }
  }

  std::string_view text_;
  std::string code_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t Source::line_of(std::size_t offset) const {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return 1 + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
}

std::string Source::folder() const {
  const auto depth = path.starts_with("tests/") ? path.find('/', 6) : path.find('/');
  return depth == std::string::npos ? "" : path.substr(0, depth);
}

Source make_source(std::string path, std::string text) {
  auto code = blank_all_but_code(text);
  return {std::move(path), std::move(text), std::move(code)};
}

std::string blank_all_but_code(std::string_view text) {
  return Blanker{text}.run();
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::vector<std::size_t> find_words(std::string_view code, std::string_view word) {
  std::vector<std::size_t> found;
  for (auto at = code.find(word); at != npos; at = code.find(word, at + 1)) {
    const auto end = at + word.size();
    const bool starts = at == 0 || !is_word_char(code[at - 1]);
    if (starts && (end == code.size() || !is_word_char(code[end]))) found.push_back(at);
  }
  return found;
}

std::size_t closing(std::string_view code, std::size_t open) {
  int depth = 0;
  for (auto at = open; at < code.size(); ++at) {
    if (std::string_view{"([{"}.find(code[at]) != npos) ++depth;
    if (std::string_view{")]}"}.find(code[at]) != npos && --depth == 0) return at;
  }
  return code.size();
}

std::size_t last_before(std::string_view code, std::size_t offset) {
  return offset == 0 ? npos : code.find_last_not_of(" \t\n", offset - 1);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

}  // namespace usersyncd::tidy
