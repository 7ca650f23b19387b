#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace usersyncd::rate {

/// Seconds of monotonic time. Inside this room only; the doors speak std::chrono.
using Seconds = double;
constexpr Seconds never = std::numeric_limits<double>::infinity();

/// When requests reached the provider, in order. Keeps the last `most` of them one by one and of those before
/// how many there were, and from when to when, as if they had been spread evenly.
class History {
 public:
  explicit History(std::size_t most) : most_(most) {}

  void add(Seconds at);
  /// What came before is of no interest any more.
  void forget_before(Seconds at);

  /// How many came after `from`, up to and including `to`.
  double count(Seconds from, Seconds to) const;
  double count_since(Seconds from) const;
  /// When the `rank`th last came; 1 is the last. Rank must be 1 … size().
  Seconds last(std::size_t rank) const;
  std::size_t size() const { return static_cast<std::size_t>(dropped_) + times_.size() - begin_; }
  bool empty() const { return size() == 0; }
  Seconds first() const;
  Seconds latest() const { return last(1); }
  /// One by one, the oldest first; without those that are only counted.
  std::vector<Seconds> times() const;

  std::size_t memory() const { return times_.capacity() * sizeof(Seconds); }
  double dropped() const { return dropped_; }
  Seconds dropped_from() const { return dropped_from_; }
  Seconds dropped_to() const { return dropped_to_; }

 private:
  using Index = std::vector<Seconds>::const_iterator;
  Index begin() const { return times_.begin() + static_cast<std::ptrdiff_t>(begin_); }
  void drop_oldest();
  double dropped_after(Seconds from) const;

  std::size_t most_;
  std::size_t begin_ = 0;  ///< what is before is gone, and erased now and then
  std::vector<Seconds> times_;
  double dropped_ = 0;
  Seconds dropped_from_ = 0, dropped_to_ = 0;
};

}  // namespace usersyncd::rate
