#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "sync/ports.hpp"

namespace usersyncd {

/// Lets only so many go on at once, in the order in which they came. Knows nothing of what they do.
class Turnstile {
 public:
  /// One that was let in, as long as it lives. The turnstile outlives it.
  class Place {
   public:
    Place(Place&& other) noexcept : home_(std::exchange(other.home_, nullptr)), number_(other.number_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (home_) home_->leave(number_);
    }

   private:
    friend class Turnstile;
    Place(Turnstile& home, std::uint64_t number) : home_(&home), number_(number) {}
    Turnstile* home_;
    std::uint64_t number_;
  };

  Turnstile(boost::asio::io_context& io, const Clock& clock, std::size_t places)
      : io_(io), clock_(clock), places_(places) {}

  /// Waits for a place. Whoever is `urgent` goes before everybody else who waits.
  Awaitable<Place> enter(bool urgent);

  /// Whoever was let in longer ago than this counts no more: the next ones need not wait for them.
  void count_only_since(Duration age);

  /// From now on everybody is let in at once.
  void open();

  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiter {
    explicit Waiter(boost::asio::io_context& io) : timer(io) {}
    boost::asio::steady_timer timer;
    std::uint64_t number = 0;  ///< once let in
  };

  std::uint64_t let_in();
  void leave(std::uint64_t number);
  void let_next_in();

  boost::asio::io_context& io_;
  const Clock& clock_;
  std::size_t places_;
  bool open_ = false;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Duration> counted_;  ///< since when, by number
  std::deque<std::shared_ptr<Waiter>> waiting_;
  std::size_t urgent_ = 0;  ///< how many of them, at the front, are
};

}  // namespace usersyncd
