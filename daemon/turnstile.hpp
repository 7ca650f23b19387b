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
  /// One that was let in, as long as it lives. It may outlive the turnstile, as what an io_context has left
  /// under way does when an exception ends it.
  class Place {
   public:
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (const auto home = home_.lock()) (*home)->leave(number_);
    }

   private:
    friend class Turnstile;
    Place(std::weak_ptr<Turnstile*> home, std::uint64_t number) : home_(std::move(home)), number_(number) {}
    std::weak_ptr<Turnstile*> home_;  ///< empty once moved from
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

  const std::shared_ptr<Turnstile*> self_ = std::make_shared<Turnstile*>(this);
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
