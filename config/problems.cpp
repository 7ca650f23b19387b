#include "config/problems.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "config/utf8.hpp"

namespace usersyncd {
namespace {

constexpr std::size_t most_kept = 1000;
constexpr std::size_t longest_quote = 160;  // characters; a flow-style file can be one line of megabytes
constexpr std::string_view indentation = "    ";

/// Line `number` (one-based) of `text`, without its line break; empty if there is no such line.
std::string_view line_of(std::string_view text, int number) {
  std::size_t start = 0;
  for (int line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) return {};
    start = end + 1;
  }
  std::string_view line = text.substr(start, text.find('\n', start) - start);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return result;
}

/// Where in a URL of the line somebody wrote a password, `https://user:password@host`; its end if nobody did.
std::size_t begin_of_login(std::string_view line) {
  constexpr std::string_view mark = "://";
  for (std::size_t at = line.find(mark); at != std::string_view::npos; at = line.find(mark, at + 1)) {
    const std::size_t begin = at + mark.size();
    const std::size_t end = line.find_first_of(" \t", begin);
    if (line.substr(begin, end - begin).find('@') != std::string_view::npos) return begin;
  }
  return line.size();
}

/// Cuts the line where the value of a key that ends in such a word is written as plain text. A reference to a
/// secret, `{ file: … }`, may be shown.
std::string_view before_secret(std::string_view line) {
  constexpr std::array<std::string_view, 5> words{"secret", "password", "passwd", "token", "authorization"};
  const std::string folded = lower(line);
  std::size_t cut = begin_of_login(line);
  for (const std::string_view word : words) {
    for (std::size_t at = folded.find(word); at != std::string::npos; at = folded.find(word, at + 1)) {
      const std::size_t colon = folded.find_first_not_of("\"' ", at + word.size());
      if (colon == std::string::npos || folded[colon] != ':') continue;
      const std::size_t value = folded.find_first_not_of(" \t", colon + 1);
      if (value != std::string::npos && folded[value] != '{') cut = std::min(cut, value);
    }
  }
  return line.substr(0, cut);
}

/// Bytes of the first `count` characters of `text`.
std::size_t bytes_of(std::string_view text, std::size_t count) {
  std::size_t offset = 0;
  for (; count > 0 && offset < text.size(); --count) {
    const auto point = code_point_at(text, offset);
    offset += point ? point->length : 1;
  }
  return offset;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    const auto point = code_point_at(text, offset);
    const std::size_t length = point ? point->length : 1;
    const bool control = !point || point->value < 0x20 || (point->value >= 0x7F && point->value < 0xA0) ||
                         (point->value >= 0x2028 && point->value <= 0x202E);
    if (text[offset] == '\t') {
      result += ' ';
    } else if (control) {
      result += '?';
    } else {
      result += text.substr(offset, length);
    }
    offset += length;
  }
  return result;
}

void Problems::add_source(std::string file, std::shared_ptr<const std::string> text) {
  sources_.insert_or_assign(std::move(file), std::move(text));
}

void Problems::add(Place place, std::string message) {
  ++count_;
  if (problems_.size() < most_kept) problems_.push_back({std::move(place), printable(message)});
}

std::string Problems::message_since(std::size_t before) const {
  if (before >= problems_.size()) return "one of more than a thousand problems";
  return printable(problems_[before].place.text()) + ": " + problems_[before].message;
}

void Problems::hide_line(const Place& place) {
  hidden_.emplace(place.file, place.line);
}

std::string Problems::quote(const Place& place) const {
  const auto source = sources_.find(place.file);
  if (place.line == 0 || source == sources_.end()) return {};
  if (hidden_.contains({place.file, place.line}))
    return std::string(indentation) + "(the line is not shown: it may hold a secret)\n";

  const std::string_view whole = line_of(*source->second, place.line);
  const std::string_view shown = before_secret(whole);
  const bool cut = shown.size() < whole.size();
  const auto column = static_cast<std::size_t>(std::max(place.column, 1)) - 1;
  const std::size_t skipped = column > longest_quote / 2 ? column - longest_quote / 2 : 0;
  std::string_view window = shown.substr(bytes_of(shown, skipped));
  window = window.substr(0, bytes_of(window, longest_quote));

  std::string result = std::string(indentation) + printable(window) + (cut ? "[redacted]" : "") + "\n";
  return result + std::string(indentation) + std::string(column - skipped, ' ') + "^\n";
}

std::string Problems::text() const {
  std::vector<const Problem*> sorted;
  sorted.reserve(problems_.size());
  for (const Problem& problem : problems_) sorted.push_back(&problem);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem* left, const Problem* right) {
    return std::tie(left->place.file, left->place.line, left->place.column) <
           std::tie(right->place.file, right->place.line, right->place.column);
  });
  std::string result;
  for (const Problem* problem : sorted)
    result +=
        printable(problem->place.text()) + ": error: " + problem->message + "\n" + quote(problem->place);
  if (count_ > problems_.size())
    result += "and " + std::to_string(count_ - problems_.size()) + " more problems\n";
  return result;
}

Error Problems::error(ErrorKind kind) const {
  const Problem& first = problems_.front();
  std::string message = first.message;
  if (count_ > 1) message += " (and " + std::to_string(count_ - 1) + " more)";
  return Error{kind, std::move(message), first.place.text()};
}

}  // namespace usersyncd
