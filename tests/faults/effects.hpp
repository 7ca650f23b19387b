#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "simulate/faulty_disk.hpp"

namespace usersyncd::faults {

/// Everything that a process asks of the world around it: the ports of the cycle, and what SQLite asks of the
/// disk.
enum class Effect {
  request,
  clock,
  sleep,
  random,
  record,  ///< of an exchange
  event,
  open,
  remove,
  exists,
  read,
  write,
  truncate,
  sync,
  lock,
  share,  ///< the memory that connections share beside the write-ahead log, and the locks in it
};
std::string_view name_of(Effect effect);
bool is_of_disk(Effect effect);

enum class Damage {
  error,      ///< it fails, and nothing is done
  torn,       ///< a write is done by half, and fails
  lie,        ///< a sync says that it is done and is not; a little later the power goes
  kill,       ///< the process dies at it; what was written stays
  power_cut,  ///< the same, and what was not synchronized is lost
};
std::string_view name_of(Damage damage);

/// What goes wrong in one run: the `at`-th effect, of those that can take this damage, and with `persistent`
/// all of them from there on.
struct Fault {
  Damage damage = Damage::error;
  std::size_t at = 0;  ///< from 1; 0: nothing
  bool persistent = false;
};

/// The process is dead. Not a std::exception, so that no boundary that mends errors can mend it.
struct Death {};

/// Counts effects, and says which of them go wrong.
class Effects {
 public:
  using Fate = simulate::DiskFate;

  void arm(const Fault& fault);
  void disarm() { fault_ = Fault{}; }
  Fate ask(Effect effect);
  Fate ask_disk(simulate::DiskCall call);
  /// The same for a port outside the disk: throws Death when the process dies there or is dead.
  bool fails(Effect effect);

  /// What the first effect was that went wrong.
  std::optional<Effect> hit() const { return hit_; }
  /// How many effects there were that can take the damage.
  std::size_t counted() const { return counted_; }
  std::size_t fault_number() const { return fault_.at; }

  /// The process dies: whoever owns the disk has to hear of it.
  std::function<void()> on_death;
  bool dead = false;

  /// What the test itself does does not count.
  class Aside {
   public:
    explicit Aside(Effects& effects) : effects_(effects), before_(effects.aside_) { effects_.aside_ = true; }
    ~Aside() { effects_.aside_ = before_; }
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;

   private:
    Effects& effects_;
    bool before_;
  };

 private:
  bool is_its_turn(Effect effect);
  void die();

  Fault fault_;
  std::size_t counted_ = 0;
  std::optional<Effect> hit_;
  std::optional<std::size_t> effects_to_live_;
  bool aside_ = false;
};

}  // namespace usersyncd::faults
