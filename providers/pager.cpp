#include "providers/pager.hpp"

#include <algorithm>

namespace usersyncd {

Pager::Pager(const Paging& paging, std::string target) : paging_(paging), list_target_(std::move(target)) {}

std::string Pager::target() const {
  if (!link_.empty()) return link_;
  std::string query;
  const auto add = [&](const std::string& name, std::size_t value) {
    if (name.empty()) return;
    query += (query.empty() && list_target_.find('?') == std::string::npos ? "?" : "&") + name + "=" +
             std::to_string(value);
  };
  switch (paging_.kind) {
    case Paging::Kind::none:
      break;
    case Paging::Kind::offset:
      add(paging_.size_parameter, static_cast<std::size_t>(paging_.size));
      add(paging_.position_parameter, count_);
      break;
    case Paging::Kind::page:
      add(paging_.size_parameter, static_cast<std::size_t>(paging_.size));
      add(paging_.position_parameter, static_cast<std::size_t>(paging_.first_page + pages_));
      break;
    case Paging::Kind::link:
      add(paging_.size_parameter, static_cast<std::size_t>(paging_.size));
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
      break;
    case Paging::Kind::offset:
    case Paging::Kind::page:
      counts = take_counted(page);
      break;
    case Paging::Kind::link:
      take_link(page);
      break;
  }
  if (counts) count_ += page.keys.size();
  if (total_ && paging_.kind != Paging::Kind::link && count_ >= *total_) finished_ = true;
  if (!finished_ && pages_ >= paging_.max_pages) {
    faults_.push_back("the list does not end within " + std::to_string(paging_.max_pages) + " pages");
    finished_ = true;
  }
  if (finished_) finish();
  return counts;
}

bool Pager::take_counted(const PageFacts& page) {
  const auto size = static_cast<std::size_t>(paging_.size);
  if (page.keys.empty()) {
    finished_ = true;
  } else if (page.keys == previous_) {
    // The provider ignores the position. If it also ignored the size, this was the whole list twice.
    finished_ = true;
    if (page.keys.size() == size) {
      faults_.push_back("page " + std::to_string(pages_) +
                        " repeats the page before, and is exactly as long as asked " +
                        "for: the list may be cut off");
    }
    return false;
  } else if (!total_ && page.keys.size() > size) {
    finished_ = true;  // the whole list at once, whatever was asked for
  } else if (!total_ && page.keys.size() < size && paging_.short_page_ends) {
    finished_ = true;
  }
  previous_ = page.keys;
  return true;
}

void Pager::take_link(const PageFacts& page) {
  seen_links_.insert(target());
  link_ = page.next;
  if (link_.empty()) {
    finished_ = true;
  } else if (seen_links_.contains(link_)) {
    faults_.push_back("the link to the next page leads back to a page that was read");
    finished_ = true;
  }
}

void Pager::finish() {
  const auto& sizes = paging_.truncation_sizes;
  if (std::find(sizes.begin(), sizes.end(), count_) != sizes.end()) {
    faults_.push_back("the list has exactly " + std::to_string(count_) +
                      " users, at which the provider is said to cut lists off");
  }
}

}  // namespace usersyncd
