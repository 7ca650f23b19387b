#include "tests/faults/scene.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

#include "policies/read.hpp"
#include "providers/rest_provider.hpp"
#include "reconcile/cycle.hpp"
#include "reconcile/in_doubt.hpp"
#include "reconcile/past_writes.hpp"
#include "store/store.hpp"
#include "tests/support/run.hpp"

namespace usersyncd::faults {
namespace {

constexpr Duration between_polls{60'000};
constexpr Duration long_enough{70 * 60'000};  // for every backoff to be over
constexpr int disturbed_turns = 10;
constexpr int quiet_turns = 40;

const std::string policies =
    "version: 1\n"
    "rules:\n"
    "  - { name: blast-radius, effect: { limit: { count: 100, per: run } } }\n"
    "  - { name: leaver-budget, match: { operations: [disable, delete] }, effect: { limit: { count: 100, "
    "per: run } } }\n"
    "  - { name: cyd-needs-a-person, match: { users: [cyd], operations: [disable, delete] }, effect: "
    "requireApproval }\n";
const std::string deleting = "  - { name: leavers, effect: { deprovision: delete } }\n";

Profile profile_of(Api api) {
  Problems problems;
  auto profile = load_profile(api == Api::v1 ? "bandwidth-v1" : "bandwidth-dashboard", problems);
  if (!profile) throw std::logic_error(problems.text());
  return *profile;
}

RuleSet rules_of(Api api) {
  Problems problems;
  auto rules =
      read_policy_text("policies.yaml", policies + (api == Api::dashboard ? deleting : ""), problems);
  if (!rules) throw std::logic_error(problems.text());
  return *rules;
}

sim::User person(const std::string& username) {
  sim::User user;
  user.username = username;
  user.first_name = "First " + username;
  user.last_name = "Last";
  user.email = username + "@example.com";
  user.phone = "+19195550100";
  user.roles = {"basicAccess"};
  user.accounts = {account_id};
  user.extra["jobTitle"] = "Engineer";
  return user;
}

DesiredUser entry(const std::string& username) {
  DesiredUser made;
  made.username = username;
  made.fields.set(Field::first_name, "First " + username);
  made.fields.set(Field::last_name, "Last");
  made.fields.set(Field::email, username + "@example.com");
  made.fields.set(Field::enabled, true);
  made.roles.emplace();
  made.roles->push_back(RoleGrant{"basicAccess", {}, {}});
  made.place = Place{"users.yaml", 1, 1};
  return made;
}

std::string describe(const sim::User& user) {
  std::string text = user.first_name + "|" + user.last_name + "|" + user.email + "|" + user.phone + "|" +
                     user.scope + "|" + (user.enabled ? "on" : "off") + "|";
  for (const auto& role : user.roles) text += role + ",";
  return text + "|" + boost::json::serialize(user.extra);
}

class CountedClock final : public Clock {
 public:
  CountedClock(Duration& passed, Effects& effects) : passed_(passed), effects_(effects) {}
  // A clock that somebody has set back says an hour ago.
  Time now() const override {
    const bool wrong = effects_.fails(Effect::clock);
    return time_from_millis(1'795'000'000'000) + passed_ - (wrong ? Duration{3'600'000} : Duration{0});
  }
  Duration steady() const override { return passed_; }
  // Somebody asks the process to stop while it sleeps.
  Awaitable<bool> sleep_for(Duration duration) override {
    if (effects_.fails(Effect::sleep)) stopped_ = true;
    if (!stopped_) passed_ += duration;
    co_return !stopped_;
  }
  bool stopping() const override { return stopped_; }

 private:
  Duration& passed_;
  Effects& effects_;
  bool stopped_ = false;
};

class CountedRandom final : public Random {
 public:
  explicit CountedRandom(Effects& effects) : effects_(effects) {}
  double uniform() override {
    if (effects_.fails(Effect::random)) throw std::runtime_error("no randomness");
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<double>(state_ >> 11) / 9007199254740992.0;
  }

 private:
  Effects& effects_;
  std::uint64_t state_ = 1;
};

class CountedEvents final : public EventSink {
 public:
  CountedEvents(Effects& effects, std::string& trace) : effects_(effects), trace_(trace) {}
  void emit(const Event& event) override {
    trace_ +=
        "  " + std::string{event.name} + " " + event.username + " " + event.field + " " + event.reason + "\n";
    if (effects_.fails(Effect::event)) throw std::runtime_error("the log cannot be written");
  }

 private:
  Effects& effects_;
  std::string& trace_;
};

/// What the audit log has to hold in the end.
struct Ledger {
  std::size_t recorded = 0;
  std::size_t refused = 0;  ///< records that could not be made, or of which nobody knows
  std::size_t synced = 0;   ///< of `recorded`, those that a power cut cannot take any more
};

class CountedRecords final : public ExchangeLog {
 public:
  CountedRecords(AuditLog& audit, const Clock& clock, Effects& effects, Ledger& ledger)
      : log_(audit, clock, "daemon"), effects_(effects), ledger_(ledger) {}
  void record(const ExchangeRecord& record) override {
    ++ledger_.refused;
    if (effects_.fails(Effect::record)) throw StoreError("injected");
    log_.record(record);
    --ledger_.refused;
    ++ledger_.recorded;
  }

 private:
  AuditExchangeLog log_;
  Effects& effects_;
  Ledger& ledger_;
};

}  // namespace

/// One telling of the story.
class Scene {
 public:
  Scene(Stories& stories, const Fault& fault);
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  Ending play();
  /// Two honest cycles, after which everybody is known.
  void get_to_know();

 private:
  enum class Act { hiring, undoing, leaving, over };
  /// One life of the daemon.
  struct Daemon;

  bool turn();
  void poll();
  Awaitable<void> cycle();
  void person();
  bool approve();
  bool undo();
  Awaitable<bool> undo_run(const std::string& run);
  void note_runs();
  void go_on();
  void bury();
  bool settled();
  std::string may_leave();
  void judge(Ending& ending);
  void judge_audit(Ending& ending);
  void want(const DesiredUser& user);
  void want_no_more(const std::string& username);
  void say(const std::string& what) { trace_ += what + "\n"; }

  Stories& stories_;
  Fault fault_;
  Effects& effects_;
  Duration passed_;
  std::string trace_;
  FarSide far_;
  Desired desired_;
  simulate::Dice dice_;
  Ledger ledger_;
  Act act_ = Act::hiring;
  std::set<std::string> undo_runs_;
  std::set<std::string> undone_;
  bool intents_durable_ = true;  ///< a power cut could not take any
  bool power_lost_ = false;
  bool refused_ = false;
  std::unique_ptr<Daemon> daemon_;
  Look look_;
  Acted acted_;
  std::string broken_;
};

struct Scene::Daemon {
  explicit Daemon(Scene& scene)
      : clock(scene.passed_, scene.effects_),
        random(scene.effects_),
        events(scene.effects_, scene.trace_),
        store(scene.stories_.disk_.path(), Access::read_write),
        records(store.audit(), clock, scene.effects_, scene.ledger_),
        provider(scene.stories_.profile_, settings(), login(scene.stories_.api_),
                 RestPorts{scene.far_, scene.far_, clock, random, records, redactor,
                           [this] { return !store.paused(account_id); }},
                 {}) {
    context.id = account_id;
    context.enforce = true;
    context.max_in_flight = 2;
    context.visibility_grace = scene.stories_.profile_.visibility_grace;
    context.capabilities = scene.stories_.profile_.capabilities;
    context.own_logins = {own_username};
    context.actor = "daemon";
    store.check_health();
  }
  static RestSettings settings() {
    RestSettings made;
    made.account = account_id;
    made.base_url = "https://portal.example";
    return made;
  }
  static RestLogin login(Api api) {
    RestLogin made;
    made.kind = api == Api::v1 ? AuthKind::oauth2 : AuthKind::basic;
    made.user = Secret::copy_of(own_username);
    made.secret = Secret::copy_of(secret);
    return made;
  }

  CountedClock clock;
  CountedRandom random;
  CountedEvents events;
  Store store;
  Redactor redactor;
  CountedRecords records;
  RestProvider provider;
  AccountContext context;
  InDoubt in_doubt{context, store, clock};
};

Scene::Scene(Stories& stories, const Fault& fault)
    : stories_(stories),
      fault_(fault),
      effects_(stories.effects_),
      passed_(stories.passed_),
      far_(stories.api_, stories.effects_, passed_),
      dice_(fault.at, "power") {
  far_.world = stories.world_;
  far_.intent = [this] { return may_leave(); };
  far_.lose_answer_for = "hal";
  desired_.account = account_id;
  for (const auto* name : {"ann", "bob", "cyd", "dan", "eve", "fay"}) want(entry(name));
  effects_.on_death = [this] { stories_.disk_.die(); };
  stories_.disk_.on_row = [this](bool inserted, const char* table) {
    if (inserted && std::string_view{table} == "intents") intents_durable_ = false;
  };
  stories_.disk_.on_sync = [this] {
    intents_durable_ = true;
    ledger_.synced = ledger_.recorded;
  };
}

Scene::~Scene() {
  daemon_.reset();
  stories_.disk_.on_row = nullptr;
  stories_.disk_.on_sync = nullptr;
}

void Scene::want(const DesiredUser& user) {
  want_no_more(user.username);
  desired_.users.push_back(user);
  std::sort(desired_.users.begin(), desired_.users.end(),
            [](const DesiredUser& a, const DesiredUser& b) { return a.username < b.username; });
  std::string all;
  for (const auto& one : desired_.users) all += digest_of(one);
  desired_.revision = sha256_hex(all);
}

void Scene::want_no_more(const std::string& username) {
  std::erase_if(desired_.users, [&](const DesiredUser& user) { return user.username == username; });
}

// Nothing may leave of which a power cut would take the announcement.
std::string Scene::may_leave() {
  const auto& name = far_.write_on;
  IntentFilter filter;
  filter.account = account_id;
  filter.username = key_of(name);
  filter.unresolved_only = true;
  const auto intents = daemon_->store.list_intents(filter);
  if (intents.size() != 1 || intents.front().state != IntentState::open)
    return name + " left without an open intent";
  // Where the disk has failed, a half-done checkpoint may wait for the next one.
  const bool honest_disk = !effects_.hit() || !is_of_disk(*effects_.hit());
  return honest_disk && !intents_durable_ ? name + " left before its intent was durable" : "";
}

Awaitable<void> Scene::cycle() {
  auto& daemon = *daemon_;
  const auto now = daemon.clock.now();
  daemon.in_doubt.recover();
  Ports ports{daemon.provider, daemon.store, daemon.clock, daemon.random, daemon.events, daemon.in_doubt};
  Cycle cycle{daemon.context, ports, make_run_id(now, daemon.random), Purpose::poll, "settings"};
  auto glanced = co_await cycle.glance(desired_.revision);
  if (glanced) {
    look_ = std::move(*glanced);
  } else {
    auto look = co_await cycle.look(desired_, stories_.rules_, true, false);
    look_ = std::move(look);
  }
  const bool believed = look_.judged && look_.observed.observation.complete;
  if (daemon.clock.stopping() && !believed) co_return;
  cycle.save(look_, desired_, daemon.clock.now() + between_polls);
  if (believed) {
    auto acted = co_await cycle.act(look_, desired_);
    acted_ = std::move(acted);
  }
  cycle.finish(look_, acted_);
}

// The boundary of a cycle, as in the daemon: whatever breaks in it, the next one runs in full.
void Scene::poll() {
  look_ = Look{};
  acted_ = Acted{};
  broken_.clear();
  try {
    test::run(cycle());
  } catch (const Death&) {
    broken_ = "died";
  } catch (const std::exception& error) {
    broken_ = error.what();
  }
  say("cycle: " + (broken_.empty() ? "ended" : broken_));
  for (const auto& problem : look_.problems) say("  " + problem.text());
}

// False: the store is damaged, which nothing but a person can mend.
bool Scene::turn() {
  if (!daemon_) {
    try {
      daemon_ = std::make_unique<Daemon>(*this);
    } catch (const Death&) {
      say("died while starting");
    } catch (const std::exception& error) {
      say(std::string{"does not start: "} + error.what());
      refused_ = true;
    }
    if (!daemon_) {
      const bool was_dead = effects_.dead;
      bury();
      return was_dead || effects_.fault_number() != 0;
    }
    refused_ = false;
  }
  poll();
  if (!effects_.dead) {
    try {
      person();
    } catch (const Death&) {
      broken_ = "died";
    } catch (const std::exception& error) {
      say(std::string{"the person fails: "} + error.what());
    }
  }
  if (effects_.dead || daemon_->clock.stopping()) bury();
  return true;
}

void Scene::bury() {
  daemon_.reset();
  if (!effects_.dead) return;
  const bool power = fault_.damage == Damage::power_cut || fault_.damage == Damage::lie;
  say(power ? "the power goes" : "killed");
  power_lost_ = power_lost_ || power;
  if (power) {
    stories_.disk_.survive_power_cut(dice_);
    ledger_.refused += ledger_.recorded - ledger_.synced;
    ledger_.recorded = ledger_.synced;
  } else {
    stories_.disk_.survive_kill();
  }
  effects_.dead = false;
  effects_.disarm();  // one death is enough
}

bool Scene::settled() {
  if (!broken_.empty() || !look_.judged || !look_.observed.observation.complete) return false;
  IntentFilter filter;
  filter.account = account_id;
  filter.unresolved_only = true;
  if (!daemon_->store.list_intents(filter).empty()) return false;
  const auto& actions = look_.judged->actions();
  return std::none_of(actions.begin(), actions.end(), [](const JudgedAction& judged) {
    return judged.verdict == Verdict::apply || judged.verdict == Verdict::approval ||
           !judged.action.must_wait.empty();
  });
}

// A person looks at what waits and lets it happen, and goes on with the story when nothing is left to do.
void Scene::person() {
  if (approve()) return;
  if (act_ == Act::undoing) {
    if (undo()) go_on();
  } else if (settled()) {
    go_on();
  }
}

bool Scene::approve() {
  Store tool{stories_.disk_.path(), Access::read_write};
  bool any = false;
  for (const auto& one : tool.list_approvals(account_id)) {
    if (one.state != Approval::State::waiting) continue;
    far_.may_lose.insert(one.username);
    ApprovalDecision decision;
    decision.action = one.action;
    decision.approved = true;
    decision.actor = "ops";
    decision.expires_at = daemon_->clock.now() + std::chrono::hours{24};
    tool.decide(decision, daemon_->clock.now());
    say("approved: " + one.operation + " " + one.username);
    any = true;
  }
  return any;
}

void Scene::go_on() {
  switch (act_) {
    case Act::hiring: {
      if (!far_.world.find("gus")) return;
      note_runs();
      want_no_more("gus");
      want(entry("ann"));
      far_.may_lose.insert("gus");
      act_ = Act::undoing;
      return;
    }
    case Act::undoing: {
      want(entry("hal"));
      auto bob = entry("bob");
      bob.fields.set(Field::enabled, false);
      want(bob);
      far_.may_lose.insert("bob");
      DesiredUser cyd;
      cyd.username = "cyd";
      cyd.absent = true;
      cyd.place = Place{"users.yaml", 1, 1};
      want(cyd);
      auto dan = *far_.world.find("dan");
      dan.last_name = "Changed";
      far_.world.put(dan);
      act_ = Act::leaving;
      return;
    }
    case Act::leaving:
      act_ = Act::over;
      return;
    case Act::over:
      return;
  }
}

void Scene::note_runs() {
  IntentFilter filter;
  filter.account = account_id;
  for (const auto& intent : daemon_->store.list_intents(filter)) {
    if (intent.state == IntentState::done || intent.state == IntentState::unverified)
      undo_runs_.insert(intent.write.run);
  }
}

// True: nothing is left of those runs.
bool Scene::undo() {
  for (const auto& run : undo_runs_) {
    if (undone_.contains(run)) continue;
    const bool done = test::run(undo_run(run));
    if (!done) return false;
    undone_.insert(run);
  }
  return true;
}

Awaitable<bool> Scene::undo_run(const std::string& run) {
  auto& daemon = *daemon_;
  const auto writes = past_writes(daemon.store, run, account_id);
  Ports ports{daemon.provider, daemon.store, daemon.clock, daemon.random, daemon.events, daemon.in_doubt};
  Cycle cycle{daemon.context, ports, make_run_id(daemon.clock.now(), daemon.random), Purpose::undo};
  const auto look = co_await cycle.look_to_undo(run, writes, desired_, stories_.rules_);
  if (!look.judged || !look.observed.observation.complete) co_return false;
  const auto& actions = look.judged->actions();
  const bool due = std::any_of(actions.begin(), actions.end(), [](const JudgedAction& judged) {
    return judged.verdict == Verdict::apply || judged.verdict == Verdict::approval ||
           !judged.action.must_wait.empty();
  });
  if (!due) co_return true;
  cycle.save_undo(look);
  const auto acted = co_await cycle.act(look, desired_);
  cycle.finish(look, acted);
  say("undo " + run + ": " + std::to_string(acted.count(ActionResult::Kind::applied)) + " applied");
  co_return false;  // the next look finds nothing left
}

void Scene::get_to_know() {
  for (int i = 0; i < 2; ++i) {
    turn();
    if (!settled()) throw std::logic_error("the account is not quiet to begin with:\n" + trace_);
    act_ = Act::hiring;
    passed_ += between_polls;
  }
  daemon_->store.tidy_up();
  stories_.exchanges_ = ledger_.recorded;
  daemon_.reset();
}

Ending Scene::play() {
  auto ann = entry("ann");
  ann.fields.set(Field::last_name, "Married");
  want(ann);
  want(entry("gus"));
  effects_.arm(fault_);
  for (int i = 0; i < disturbed_turns && act_ != Act::over; ++i) {
    turn();
    passed_ += between_polls;
  }
  Ending ending;
  ending.hit = effects_.hit();
  ending.counted = effects_.counted();
  say("--- from now on nothing goes wrong ---");
  effects_.disarm();
  bury();
  // A clean run has had its end.
  bool alive = true;
  for (int i = 0; i < quiet_turns && alive && (act_ != Act::over || i == 0); ++i) {
    alive = turn();
    passed_ += i < 5 ? between_polls : long_enough;
  }
  if (alive) {
    judge(ending);
  } else {
    ending.refused = true;
    if (fault_.damage != Damage::lie) ending.complaints.push_back("the store is damaged");
  }
  daemon_.reset();
  ending.complaints.insert(ending.complaints.end(), far_.complaints.begin(), far_.complaints.end());
  for (const auto& [key, user] : far_.world.users()) ending.users[key] = describe(user);
  for (const auto& [key, tally] : far_.world.tallies()) {
    ending.history[key] = {tally.created, tally.deleted};
    if (tally.created > 1) ending.complaints.push_back(key + " was created twice");
  }
  ending.trace = trace_;
  return ending;
}

void Scene::judge(Ending& ending) {
  if (act_ != Act::over || !daemon_ || !settled()) {
    ending.complaints.push_back("not settled in the end: " + broken_);
    return;
  }
  const auto writes = far_.writes;
  turn();
  if (far_.writes != writes || !settled()) ending.complaints.push_back("one more cycle is not quiet");
  judge_audit(ending);
}

void Scene::judge_audit(Ending& ending) {
  auto& audit = daemon_->store.audit();
  if (const auto verification = audit.verify(); verification.broken)
    ending.complaints.push_back("the chain breaks at " + std::to_string(verification.broken->seq) + ": " +
                                verification.broken->reason);
  std::size_t intents = 0, exchanges = 0;
  audit.for_each({}, [&](const AuditRow& row) {
    if (row.kind == "intent") ++intents;
    if (row.kind == "exchange") ++exchanges;
  });
  exchanges -= stories_.exchanges_;
  // What a disk has taken that lied is gone.
  if (fault_.damage == Damage::lie) return;
  IntentFilter all;
  all.account = account_id;
  const auto written = daemon_->store.list_intents(all).size();
  if (written != intents) ending.complaints.push_back("intents and their records differ in number");
  if (exchanges < ledger_.recorded) ending.complaints.push_back("an exchange is missing from the audit log");
  if (exchanges > ledger_.recorded + ledger_.refused)
    ending.complaints.push_back("the audit log holds what was never sent");
  const auto told = ledger_.recorded + ledger_.refused;
  // Of a request on which the process died, nobody has heard.
  const std::size_t unheard = fault_.damage == Damage::kill || fault_.damage == Damage::power_cut ? 2 : 0;
  if (told > static_cast<std::size_t>(far_.answered) ||
      told + unheard < static_cast<std::size_t>(far_.answered))
    ending.complaints.push_back("an answer was not recorded: " + std::to_string(told) + " of " +
                                std::to_string(far_.answered));
}

Stories::Stories(Api api) : api_(api), profile_(profile_of(api)), rules_(rules_of(api)) {
  prepare();
}

void Stories::prepare() {
  {
    FarSide far{api_, effects_, passed_};
    world_ = far.world;
  }
  auto own = person(own_username);
  own.scope = "ACCOUNT_ADMIN";
  world_.put(own);
  for (const auto* name : {"ann", "bob", "cyd", "dan", "eve", "fay"}) world_.put(person(name));
  Scene scene{*this, Fault{}};
  scene.get_to_know();
  image_ = disk_.image();
  passed_ = Duration{600'000};
}

Ending Stories::play(const Fault& fault) {
  disk_.load(image_);
  Scene scene{*this, fault};
  return scene.play();
}

}  // namespace usersyncd::faults
