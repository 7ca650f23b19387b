#include "providers/pager.hpp"

#include <algorithm>
#include <utility>

#include "providers/target.hpp"

namespace usersyncd {

Pager::Pager(const Paging& paging, std::string target) : paging_(paging), list_target_(std::move(target)) {}

std::string Pager::target() const {
  using Kind = Paging::Kind;
  if (paging_.kind == Kind::link && !next_.empty()) return next_;
  std::string query;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (name.empty()) return;
    query += (query.empty() && list_target_.find('?') == std::string::npos ? "?" : "&") + name + "=" + value;
  };
  if (paging_.kind != Kind::none) add(paging_.size_parameter, std::to_string(paging_.size));
  switch (paging_.kind) {
    case Kind::none:
    case Kind::link:
      break;
    case Kind::offset:
      add(paging_.position_parameter, std::to_string(count_));
      break;
    case Kind::page:
      add(paging_.position_parameter, std::to_string(paging_.first_page + pages_));
      break;
    case Kind::cursor:
      if (!next_.empty()) add(paging_.position_parameter, percent_encoded(next_));
      break;
  }
  return list_target_ + query;
}

bool Pager::take(const PageFacts& page) {
  ++pages_;
  if (page.total && total_ && *page.total != *total_) {
    faults_.push_back("the list changed while it was read: page " + std::to_string(pages_) +
                      " says that there are " + std::to_string(*page.total) + " users, the page before " +
                      std::to_string(*total_));
  }
  if (page.total) total_ = page.total;
  bool counts = true;
  switch (paging_.kind) {
    case Paging::Kind::none:
      finished_ = true;
      if (!page.next.empty() && !total_)
        faults_.push_back("the answer names a next page in its Link header: it is not the whole list");
      break;
    case Paging::Kind::offset:
    case Paging::Kind::page:
      counts = take_counted(page);
      break;
    case Paging::Kind::link:
    case Paging::Kind::cursor:
      take_named(page);
      break;
  }
  if (counts) count_ += page.keys.size();
  const bool counted = paging_.kind == Paging::Kind::offset || paging_.kind == Paging::Kind::page;
  if (counted && total_ && count_ >= *total_) finished_ = true;
  if (!finished_ && pages_ >= paging_.max_pages) {
    faults_.push_back("the list does not end within " + std::to_string(paging_.max_pages) + " pages");
    finished_ = true;
  }
  if (finished_) finish();
  return counts;
}

bool Pager::take_counted(const PageFacts& page) {
  const auto size = static_cast<std::size_t>(paging_.size);
  auto keys = page.keys;  // in an order of ours: whoever ignores the position need not keep theirs
  std::sort(keys.begin(), keys.end());
  if (keys.empty()) {
    finished_ = true;
  } else if (keys == previous_) {
    // The provider ignores the position. If it also ignored the size, this was the whole list twice.
    finished_ = true;
    if (page.keys.size() == size) {
      faults_.push_back("page " + std::to_string(pages_) +
                        " repeats the page before, and is exactly as long as asked " +
                        "for: the list may be cut off");
    }
    return false;
  } else if (!total_ && page.keys.size() < size && paging_.short_page_ends) {
    finished_ = true;
  }
  previous_ = std::move(keys);
  return true;
}

void Pager::take_named(const PageFacts& page) {
  seen_.insert(target());
  next_ = page.last ? std::string{} : page.next;
  finished_ = next_.empty();
  if (finished_ && !is_marked_as_last(page)) {
    faults_.push_back(
        "the only page, of " + std::to_string(page.keys.size()) +
        " users, neither names a next one nor says that it is the last, and no total was found: "
        "the list may be cut off (see paging in the profile: next, linkHeader, more, total, "
        "shortPageEnds)");
  }
  if (!finished_ && seen_.contains(target())) {
    faults_.push_back("the name of the next page leads back to a page that was read");
    finished_ = true;
  }
}

// Whoever has named a page before and names none now has said enough; one page alone may be all that a
// provider gives to somebody who does not know how to ask for more (A9).
bool Pager::is_marked_as_last(const PageFacts& page) const {
  const bool is_short = paging_.short_page_ends && page.keys.size() < static_cast<std::size_t>(paging_.size);
  return page.last || total_ || pages_ > 1 || page.keys.empty() || is_short;
}

void Pager::finish() {
  const auto& sizes = paging_.truncation_sizes;
  if (std::find(sizes.begin(), sizes.end(), count_) != sizes.end()) {
    faults_.push_back("the list has exactly " + std::to_string(count_) +
                      " users, at which the provider is said to cut lists off");
  }
}

}  // namespace usersyncd
