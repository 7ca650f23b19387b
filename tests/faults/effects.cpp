#include "tests/faults/effects.hpp"

#include <array>

namespace usersyncd::faults {
namespace {

constexpr std::array<std::string_view, 15> effect_names{"request", "clock",    "sleep",  "random", "record",
                                                        "event",   "open",     "remove", "exists", "read",
                                                        "write",   "truncate", "sync",   "lock",   "share"};
constexpr std::array<std::string_view, 5> damage_names{"error", "torn", "lie", "kill", "power cut"};

bool can_take(Damage damage, Effect effect) {
  switch (damage) {
    case Damage::torn:
      return effect == Effect::write;
    case Damage::lie:
      return effect == Effect::sync;
    case Damage::error:
    case Damage::kill:
    case Damage::power_cut:
      break;
  }
  return true;
}

}  // namespace

std::string_view name_of(Effect effect) {
  return effect_names[static_cast<std::size_t>(effect)];
}

std::string_view name_of(Damage damage) {
  return damage_names[static_cast<std::size_t>(damage)];
}

bool is_of_disk(Effect effect) {
  return effect >= Effect::open;
}

void Effects::arm(const Fault& fault) {
  fault_ = fault;
  counted_ = 0;
  hit_.reset();
  effects_to_live_.reset();
  dead = false;
}

bool Effects::is_its_turn(Effect effect) {
  if (!can_take(fault_.damage, effect)) return false;
  ++counted_;
  if (fault_.at == 0 || counted_ < fault_.at) return false;
  return fault_.persistent || counted_ == fault_.at;
}

void Effects::die() {
  dead = true;
  effects_to_live_.reset();
  if (on_death) on_death();
}

Effects::Fate Effects::ask(Effect effect) {
  if (aside_) return Fate::done;
  if (dead) return Fate::fails;
  if (effects_to_live_ && (*effects_to_live_)-- == 0) {
    die();
    return Fate::fails;
  }
  if (!is_its_turn(effect)) return Fate::done;
  if (!hit_) hit_ = effect;
  switch (fault_.damage) {
    case Damage::error:
      return Fate::fails;
    case Damage::torn:
      return Fate::torn;
    case Damage::lie:
      // Soon enough that the lie still matters, and not always at the same place.
      if (!effects_to_live_) effects_to_live_ = 1 + fault_.at * 7 % 61;
      return Fate::lie;
    case Damage::kill:
    case Damage::power_cut:
      break;
  }
  die();
  return Fate::fails;
}

// The last effects are the calls of the disk, in their order.
Effects::Fate Effects::ask_disk(simulate::DiskCall call) {
  return ask(static_cast<Effect>(static_cast<int>(Effect::open) + static_cast<int>(call)));
}

bool Effects::fails(Effect effect) {
  const bool failed = ask(effect) != Fate::done;
  if (dead) throw Death{};
  return failed;
}

}  // namespace usersyncd::faults
