#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sync/desired.hpp"
#include "sync/error.hpp"

namespace usersyncd {

/// One thing that is wrong with a file that a person wrote.
struct Problem {
  Place place;
  std::string message;
};

/// Everything that is wrong, so that a person can mend all of it at once. Shared by all readers of one load.
class Problems {
 public:
  /// The text of `file`, from which `text()` quotes the offending lines.
  void add_source(std::string file, std::shared_ptr<const std::string> text);

  /// For a text in which nothing was wrong: it need not be kept.
  void forget_source(const std::string& file) { sources_.erase(file); }

  /// Control characters in `message` are replaced. Beyond a thousand problems only the number is kept.
  void add(Place place, std::string message);

  /// Never quote this line: it seems to hold a secret.
  void hide_line(const Place& place);

  /// The problems since there were `before` of them are about one user, whose entry is frozen for it;
  /// everything else may be used.
  void confine_since(std::size_t before) { confined_ += count_ - before; }

  /// The first problem since there were `before` of them, with its place, in one line.
  std::string message_since(std::size_t before) const;

  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }
  /// Those for which a file as a whole must not be used.
  std::size_t grave() const { return count_ - confined_; }
  const std::vector<Problem>& all() const { return problems_; }

  /// Each problem as `file:line:column: error: message`, the offending line and a caret, in the order of file
  /// and line. What looks like a secret in an offending line is replaced.
  std::string text() const;

  /// All of it as one Error; `where` is the first place. Call it only when there is a problem.
  Error error(ErrorKind kind) const;

 private:
  std::string quote(const Place& place) const;

  std::map<std::string, std::shared_ptr<const std::string>> sources_;
  std::set<std::pair<std::string, int>> hidden_;
  std::vector<Problem> problems_;
  std::size_t count_ = 0;
  std::size_t confined_ = 0;
};

/// Fit for a terminal: control characters and what is not UTF-8 become `?`, a tab becomes a blank.
std::string printable(std::string_view text);

}  // namespace usersyncd
