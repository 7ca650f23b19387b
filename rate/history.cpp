#include "rate/history.hpp"

#include <algorithm>

namespace usersyncd::rate {

void History::add(Seconds at) {
  // Answers come out of order, but never by much.
  auto place = times_.end();
  while (place != begin() && *(place - 1) > at) --place;
  times_.insert(place, at);
  if (times_.size() - begin_ > most_) drop_oldest();
}

void History::drop_oldest() {
  const Seconds at = times_[begin_++];
  if (dropped_ == 0) dropped_from_ = at;
  dropped_to_ = at;
  dropped_ += 1;
  if (begin_ < most_ / 4 + 8) return;
  times_.erase(times_.begin(), times_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
}

void History::forget_before(Seconds at) {
  if (dropped_ > 0 && dropped_from_ < at) {
    dropped_ = dropped_after(at);
    dropped_from_ = std::min(at, dropped_to_);
    if (dropped_to_ <= at) dropped_ = 0;
  }
  if (times_.size() == begin_ || times_[begin_] >= at) return;
  const auto keep = std::lower_bound(begin(), times_.cend(), at);
  times_.erase(times_.begin(), times_.begin() + (keep - times_.cbegin()));
  begin_ = 0;
}

double History::dropped_after(Seconds from) const {
  if (dropped_ == 0 || from >= dropped_to_) return 0;
  if (from < dropped_from_) return dropped_;
  return dropped_ * (dropped_to_ - from) / (dropped_to_ - dropped_from_);
}

double History::count_since(Seconds from) const {
  const auto after = std::upper_bound(begin(), times_.end(), from);
  return static_cast<double>(times_.end() - after) + dropped_after(from);
}

double History::count(Seconds from, Seconds to) const {
  return to <= from ? 0 : count_since(from) - count_since(to);
}

Seconds History::last(std::size_t rank) const {
  const auto kept = times_.size() - begin_;
  if (rank <= kept) return times_[times_.size() - rank];
  const double share = static_cast<double>(rank - kept) / dropped_;
  return std::max(dropped_from_, dropped_to_ - share * (dropped_to_ - dropped_from_));
}

Seconds History::first() const {
  return dropped_ > 0 ? dropped_from_ : times_[begin_];
}

std::vector<Seconds> History::times() const {
  return {begin(), times_.end()};
}

}  // namespace usersyncd::rate
