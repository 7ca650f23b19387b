#pragma once

#include <memory>
#include <string>

#include "providers/rest_provider.hpp"
#include "reconcile/cycle.hpp"
#include "simulate/stage.hpp"
#include "simulate/wire.hpp"
#include "store/store.hpp"

namespace usersyncd::simulate {

/// One life of the daemon: the real store, provider, policies and cycle, from its start to its end. Nothing
/// outlives it but what is on the disk and at the provider.
class Process {
 public:
  /// Opens the store. Throws StoreError.
  Process(Stage& stage, int number);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// One cycle, as the daemon does it, with all the time that it takes.
  void poll(int cycle);
  void stop() { life_.stop(); }
  void die();
  /// The config is read again: what the old one has under way writes nothing from now on.
  void reload();
  bool over() const { return life_.stopping() || life_.dead(); }
  bool dead() const { return life_.dead(); }

  // Of the last cycle.
  const Look& look() const { return look_; }
  const Acted& acted() const { return acted_; }
  const std::string& broken() const { return broken_; }
  /// Whether it left something to do, now or later.
  bool settled();
  const Phase& phase() const { return phase_; }
  Store& store() { return store_; }
  /// Ends the process without a word and leaves its connection to the store.
  Database abandon();
  Life& life() { return life_; }

 private:
  /// Everything of one generation of the config.
  struct Stack;
  class Recorder;
  class Events;

  Awaitable<void> poll_once();
  Awaitable<void> cycle();
  Awaitable<void> plan(const Desired& desired);
  void note_unresolved();
  void drive(Awaitable<void> work);

  Stage& stage_;
  Life life_{stage_.timeline};
  SimulatedClock clock_{stage_.timeline, life_, stage_.wall};
  SimulatedRandom random_;
  Store store_;
  std::unique_ptr<Events> events_;
  Phase phase_;
  std::unique_ptr<Stack> stack_;
  bool reloaded_ = false;
  Look look_;
  Acted acted_;
  std::string broken_;
};

}  // namespace usersyncd::simulate
