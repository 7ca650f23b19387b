#include "tests/tidy/rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "tests/tidy/statements.hpp"

namespace usersyncd::tidy {
namespace {

constexpr auto npos = std::string_view::npos;
constexpr std::size_t max_columns = 110;
constexpr std::size_t max_function_lines = 70;
constexpr std::size_t max_file_lines = 700;

// Columns, not bytes: continuation bytes of UTF-8 take no room.
std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool has_word(std::string_view code, std::string_view word) {
  return !find_words(code, word).empty();
}

bool is_coroutine(std::string_view body) {
  return has_word(body, "co_await") || has_word(body, "co_return") || has_word(body, "co_yield");
}

// The body of a lambda without the bodies of the lambdas in it, which are coroutines or not by themselves.
std::string own_code(std::string_view code, const Lambda& lambda) {
  std::string body{code.substr(lambda.body + 1, lambda.end - lambda.body - 1)};
  for (const auto& inner : lambdas_in(body)) {
    const auto end = std::min(inner.end, body.size());
    std::fill(body.begin() + static_cast<std::ptrdiff_t>(inner.body),
              body.begin() + static_cast<std::ptrdiff_t>(end), ' ');
  }
  return body;
}

// A library and the only folders that may know it. The tests of such a folder may, too.
struct Confined {
  std::string_view header;
  std::vector<std::string_view> folders;
};

const std::vector<Confined>& confined_headers() {
  static const std::vector<Confined> confined{
      {"yaml.h", {"config"}},
      {"sqlite3", {"store", "support", "simulate"}},
      {"pugixml", {"providers", "simulator"}},
      {"boost/beast", {"daemon", "simulator", "tests"}},
      {"boost/asio/ssl", {"daemon", "simulator", "tests"}},
      {"openssl/ssl.h", {"daemon", "simulator", "tests"}},
  };
  return confined;
}

bool is_in(std::string_view folder, std::string_view allowed) {
  if (folder.starts_with("tests/")) return allowed == "tests" || folder.substr(6) == allowed;
  return folder == allowed;
}

struct Include {
  std::size_t line = 0;
  std::string_view header;
  bool ours = false;  ///< written with quotes
};

std::vector<Include> includes_of(const Source& source) {
  std::vector<Include> includes;
  std::size_t number = 0;
  for (auto line : lines_of(source.text)) {
    ++number;
    line = trimmed(line);
    if (!line.starts_with("#")) continue;
    line = trimmed(line.substr(1));
    if (!line.starts_with("include")) continue;
    line = trimmed(line.substr(7));
    const auto end = line.find_first_of(">\"", 1);
    if (line.empty() || end == npos) continue;
    includes.push_back({number, line.substr(1, end - 1), line.front() == '"'});
  }
  return includes;
}

void check_confined(const Source& source, const Include& include, Problems& problems) {
  const auto folder = source.folder();
  for (const auto& [header, folders] : confined_headers()) {
    if (!include.header.starts_with(header)) continue;
    if (std::any_of(folders.begin(), folders.end(), [&](auto allowed) { return is_in(folder, allowed); }))
      continue;
    std::string names;
    for (const auto allowed : folders) names += (names.empty() ? "" : ", ") + std::string{allowed} + "/";
    problems.push_back(
        {source.path, include.line,
         "<" + std::string{include.header} + "> belongs to " + names + ", include their headers instead"});
  }
  const bool pure = folder == "sync" || folder == "policies";
  if (pure && include.header.starts_with("boost/asio") &&
      (source.path != "sync/ports.hpp" || include.header != "boost/asio/awaitable.hpp")) {
    problems.push_back(
        {source.path, include.line,
         folder + "/ does no input or output, include \"sync/ports.hpp\" for Awaitable instead"});
  }
}

void check_direction(const Source& source, const Include& include, const std::vector<std::string>& folders,
                     Problems& problems) {
  const auto from = source.folder();
  const auto slash = include.header.find('/');
  const std::string to{include.header.substr(0, slash == npos ? 0 : slash)};
  const auto rank = [&](const std::string& folder) {
    return std::find(folders.begin(), folders.end(), folder);
  };
  if (!include.ours || rank(from) == folders.end()) return;
  // Only the simulation knows both sides: it plays one against the other.
  if (from == "simulate" && to == "simulator") return;
  if (to.empty()) {
    problems.push_back({source.path, include.line,
                        "\"" + std::string{include.header} +
                            "\" is relative to the file, write it relative to the repository instead"});
  } else if (from != to &&
             (from == "simulator" || to == "simulator" || to == "tests" || rank(to) >= rank(from))) {
    problems.push_back({source.path, include.line,
                        from + "/ may not know " + to + "/, move what both need to a folder above instead"});
  }
}

// Leading accident numbers of a test's name.
void add_accidents(std::string_view name, std::set<int>& found) {
  while (name.starts_with('A')) {
    int number = 0;
    const auto* last = name.data() + name.size();
    const auto [end, error] = std::from_chars(name.data() + 1, last, number);
    if (error != std::errc{} || end == last || (*end != ':' && *end != ' ')) return;
    found.insert(number);
    if (*end == ':') return;
    name.remove_prefix(static_cast<std::size_t>(end - name.data()) + 1);
  }
}

}  // namespace

Problems check_sizes(const Source& source) {
  Problems problems;
  const auto lines = lines_of(source.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (const auto count = columns(lines[i]); count > max_columns) {
      problems.push_back({source.path, i + 1,
                          "line of " + std::to_string(count) + " columns, break it after " +
                              std::to_string(max_columns) + " instead"});
    }
  }
  for (const auto& body : function_bodies(source.code)) {
    const auto first = source.line_of(body.head);
    const auto count = source.line_of(body.end) - first + 1;
    if (count <= max_function_lines) continue;
    problems.push_back({source.path, first,
                        "function of " + std::to_string(count) + " lines, split it into functions of " +
                            std::to_string(max_function_lines) + " at most instead"});
  }
  if (lines.size() > max_file_lines) {
    problems.push_back({source.path, lines.size(),
                        "file of " + std::to_string(lines.size()) +
                            " lines, split it by what it is about into files of " +
                            std::to_string(max_file_lines) + " at most instead"});
  }
  return problems;
}

Problems check_coroutines(const Source& source) {
  Problems problems;
  const auto add = [&](std::size_t offset, std::string message) {
    problems.push_back({source.path, source.line_of(offset), std::move(message)});
  };
  for (const auto& [offset, text] : statements_of(source.code)) {
    if (trimmed(text).starts_with("co_return") && trimmed(trimmed(text).substr(9)).starts_with('{')) {
      add(offset, "co_return of a braced list, name the value first instead");
    }
    const auto awaits = find_words(text, "co_await").size();
    if (awaits == 0) continue;
    if (awaits > 1)
      add(offset, "several co_await in one statement, give each a statement and a named result instead");
    if (text.find('{') != std::string::npos)
      add(offset, "braces in a statement with co_await, name the value first instead");
    if (text.find('?') != std::string::npos)
      add(offset, "?: in a statement with co_await, use if and else instead");
    for (const auto& lambda : lambdas_in(text + "@")) {
      if (!lambda.captures.empty())
        add(offset, "capturing lambda in a statement with co_await, name it first instead");
    }
  }
  for (const auto& lambda : lambdas_in(source.code)) {
    if (lambda.captures.empty() || !is_coroutine(own_code(source.code, lambda))) continue;
    add(lambda.offset, "coroutine lambda with captures, pass them as parameters of a function instead");
  }
  for (const auto offset : find_words(source.code, "detached")) {
    add(offset, "asio::detached swallows exceptions, spawn with a handler that rethrows instead");
  }
  return problems;
}

Problems check_leftovers(const Source& source) {
  Problems problems;
  // In two halves, so that this file does not find itself.
  for (const std::string mark : {"TO"
                                 "DO",
                                 "FIX"
                                 "ME",
                                 "XX"
                                 "X"}) {
    for (const auto offset : find_words(source.text, mark)) {
      problems.push_back(
          {source.path, source.line_of(offset), mark + " is left over, do it or open an issue instead"});
    }
  }
  return problems;
}

Problems check_purity(const Source& source) {
  Problems problems;
  const auto folder = source.folder();
  if ((folder != "sync" && folder != "policies") || source.path.starts_with("sync/ports.")) return problems;
  for (const auto offset : find_words(source.code, "system_clock")) {
    auto rest =
        trimmed(std::string_view{source.code}.substr(offset + std::string_view{"system_clock"}.size()));
    if (!rest.starts_with("::")) continue;
    rest = trimmed(rest.substr(2));
    if (!rest.starts_with("now")) continue;
    problems.push_back(
        {source.path, source.line_of(offset),
         folder + "/ has no clock, take the time as a parameter or from the Clock port instead"});
  }
  return problems;
}

Problems check_includes(const Source& source, const std::vector<std::string>& folders) {
  Problems problems;
  for (const auto& include : includes_of(source)) {
    check_confined(source, include, problems);
    check_direction(source, include, folders, problems);
  }
  const auto lines = lines_of(source.text);
  if (source.path.ends_with(".hpp") && std::find(lines.begin(), lines.end(), "#pragma once") == lines.end()) {
    problems.push_back({source.path, 1, "header without `#pragma once`, begin it with that instead"});
  }
  return problems;
}

Problems check_all(const Source& source, const std::vector<std::string>& folders) {
  auto problems = check_includes(source, folders);
  for (const auto& more :
       {check_sizes(source), check_coroutines(source), check_leftovers(source), check_purity(source)}) {
    problems.insert(problems.end(), more.begin(), more.end());
  }
  std::stable_sort(problems.begin(), problems.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  return problems;
}

std::vector<std::string> folders_in_order(std::string_view cmake) {
  std::vector<std::string> folders;
  for (const auto line : lines_of(cmake)) {
    constexpr std::string_view call = "add_subdirectory(";
    if (!line.starts_with(call)) continue;
    folders.emplace_back(line.substr(call.size(), line.find(')') - call.size()));
  }
  return folders;
}

std::set<int> accidents_named(const Source& source) {
  std::set<int> found;
  constexpr std::string_view macro = "TEST_CASE";
  for (auto at = source.code.find(macro); at != npos; at = source.code.find(macro, at + 1)) {
    const auto open = source.code.find('"', at);
    if (open == npos) break;
    add_accidents(std::string_view{source.text}.substr(open + 1, source.code.find('"', open + 1) - open - 1),
                  found);
  }
  return found;
}

Problems check_accidents(const std::set<int>& covered, const std::string& path, std::string_view pending) {
  Problems problems;
  std::map<int, std::size_t> rows;
  std::size_t number = 0;
  for (const auto line : lines_of(pending)) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    std::set<int> named;
    add_accidents(line, named);
    const auto reason = line.find(' ') == npos ? std::string_view{} : trimmed(line.substr(line.find(' ')));
    if (named.size() != 1 || *named.begin() < 1 || *named.begin() > accident_count || reason.empty()) {
      problems.push_back({path, number, "not `A<number> <reason>`, write that instead"});
    } else if (!rows.emplace(*named.begin(), number).second) {
      problems.push_back({path, number, "the accident has a row already, keep one instead"});
    } else if (covered.contains(*named.begin())) {
      problems.push_back({path, number, "a test names this accident, take the row away instead"});
    }
  }
  for (int accident = 1; accident <= accident_count; ++accident) {
    if (covered.contains(accident) || rows.contains(accident)) continue;
    problems.push_back({path, number + 1,
                        "no test is named \"A" + std::to_string(accident) +
                            ": …\", write one, or a row with the reason here instead"});
  }
  return problems;
}

}  // namespace usersyncd::tidy
