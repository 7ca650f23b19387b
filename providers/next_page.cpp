#include "providers/next_page.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "providers/tree.hpp"
#include "sync/user.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

Error malformed(std::string message) {
  return Error{ErrorKind::malformed, std::move(message), {}};
}

/// Reads one `Link` header from left to right.
class LinkReader {
 public:
  explicit LinkReader(std::string_view text) : rest_(text) {}

  /// The next link: its target, and whether it is one to the next page. Empty at the end, and with `broken()`
  /// where the header cannot be understood.
  struct Link {
    std::string target;
    bool is_next = false;
  };
  std::optional<Link> link() {
    while (taken(',')) continue;
    if (rest_.empty()) return std::nullopt;
    if (!taken('<')) return fail();
    const auto end = rest_.find('>');
    if (end == std::string_view::npos) return fail();
    Link link{std::string(rest_.substr(0, end)), false};
    rest_.remove_prefix(end + 1);
    bool elsewhere = false;
    bool rel_seen = false;
    while (taken(';')) {
      const std::string name = key_of(until("=;,"));
      const std::string value = taken('=') ? parameter() : std::string{};
      elsewhere = elsewhere || name == "anchor";  // then it is a link from another page
      if (name == "rel" && !std::exchange(rel_seen, true)) link.is_next = has_word(value, "next");
    }
    if (!rest_.empty() && rest_.front() != ',') return fail();
    link.is_next = link.is_next && !elsewhere;
    return link;
  }
  bool broken() const { return broken_; }

 private:
  std::optional<Link> fail() {
    broken_ = true;
    rest_ = {};
    return std::nullopt;
  }
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
  bool taken(char wanted) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }
  std::string_view until(std::string_view ends) {
    const std::string_view text = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(text.size());
    return text.substr(0, text.find_last_not_of(" \t") + 1);
  }
  std::string parameter() {
    if (rest_.empty() || rest_.front() != '"') return std::string(until(";,"));
    std::string value;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        skip_blanks();
        return value;
      }
      if (rest_[at] == '\\' && at + 1 < rest_.size()) ++at;
      value += rest_[at];
    }
    fail();
    return {};
  }
  static bool has_word(std::string_view words, std::string_view wanted) {
    while (!words.empty()) {
      const auto word = words.substr(0, words.find(' '));
      if (key_of(word) == wanted) return true;
      words.remove_prefix(std::min(words.size(), word.size() + 1));
    }
    return false;
  }

  std::string_view rest_;
  bool broken_ = false;
};

/// What stands in the body: the first path with a name wins, and nothing at any of them is an end.
Result<NextPage> next_in_body(const Paging& paging, const json::value& tree) {
  NextPage next;
  for (const std::string& path : paging.next) {
    const json::value* found = find_path(tree, path);
    if (!found) continue;
    const auto text = found->is_null() ? std::string{} : scalar_text(*found);
    if (!text || text == "true")
      return malformed("`" + path + "`, which is to name the next page, is not a text");
    if (!text->empty() && text != "false") return NextPage{*text, false};
    next.last = true;
  }
  return next;
}

/// Whether there is a next page, where a flag says so.
Result<std::optional<bool>> more_flag(const Paging& paging, const json::value& tree) {
  for (const std::string& path : paging.more) {
    const json::value* found = find_path(tree, path);
    if (!found || found->is_null()) continue;
    const auto text = scalar_text(*found);
    if (text == "true") return std::optional<bool>(true);
    if (text == "false") return std::optional<bool>(false);
    return malformed("`" + path + "`, which is to say whether there are more, is neither true nor false");
  }
  return std::optional<bool>{};
}

}  // namespace

Result<NextPage> next_in_header(const std::vector<std::string>& links) {
  NextPage next;
  for (const std::string& header : links) {
    LinkReader reader(header);
    while (const auto link = reader.link()) {
      if (link->is_next && next.name.empty()) next.name = link->target;
    }
    if (reader.broken()) return malformed("the Link header cannot be understood");
  }
  next.last = !links.empty() && next.name.empty();
  return next;
}

Result<NextPage> next_page(const Paging& paging, const json::value& tree,
                           const std::vector<std::string>& links) {
  using Kind = Paging::Kind;
  if (paging.kind == Kind::offset || paging.kind == Kind::page) return NextPage{};
  if (paging.kind == Kind::none) return next_in_header(links);
  Result<NextPage> next = next_in_body(paging, tree);
  if (next && next->name.empty() && paging.link_header) {
    auto header = next_in_header(links);
    if (!header) return header.error();
    *next = NextPage{header->name, header->name.empty() && (next->last || header->last)};
  }
  if (!next) return next.error();
  const auto more = more_flag(paging, tree);
  if (!more) return more.error();
  if (*more == false) return NextPage{{}, true};
  if (*more == true && next->name.empty())
    return malformed("the answer says that there are more users, but names no next page");
  return next;
}

}  // namespace usersyncd
