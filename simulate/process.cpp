#include "simulate/process.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <stdexcept>

#include "reconcile/in_doubt.hpp"

namespace usersyncd::simulate {
namespace {

namespace asio = boost::asio;

constexpr int most_steps = 200'000;  // of time in one cycle; more means that it never ends

Profile read_profile(const std::string& name) {
  Problems problems;
  auto profile = load_profile(name, problems);
  if (!profile) throw std::logic_error("the built-in profile cannot be read: " + problems.text());
  return *profile;
}

Profile profile_of(const Story& story) {
  static const Profile v1 = read_profile("bandwidth-v1");
  static const Profile dashboard = read_profile("bandwidth-dashboard");
  Profile profile = story.dashboard ? dashboard : v1;
  profile.paging.size = story.page_size;
  return profile;
}

AccountContext context_of(const Story& story, const Profile& profile) {
  AccountContext context;
  context.id = account_id;
  context.enforce = true;
  context.max_in_flight = story.in_flight;
  context.request_timeout = Wire::timeout;
  context.visibility_grace = profile.visibility_grace;
  context.capabilities = profile.capabilities;
  context.capabilities.unique_usernames = story.knows_unique_usernames();
  context.own_logins = {own_username};
  context.actor = "daemon";
  return context;
}

RestSettings settings() {
  RestSettings made;
  made.account = account_id;
  made.base_url = "https://portal.example";
  return made;
}

RestLogin login_of(const Story& story) {
  RestLogin login;
  login.kind = story.basic ? AuthKind::basic : AuthKind::oauth2;
  login.user = Secret{std::string{own_username}};
  login.secret = Secret{std::string{"client-secret"}};
  return login;
}

Store open_store(Stage& stage, int number) {
  if (number > 1 || !stage.spare) return Store{stage.disk.path(), Access::read_write};
  auto connection = std::move(*stage.spare);
  stage.spare.reset();
  return Store{std::move(connection)};
}

}  // namespace

/// Records exchanges for real, and notes which of them have to be in the log in the end.
class Process::Recorder final : public ExchangeLog {
 public:
  Recorder(Stage& stage, AuditLog& audit, const Clock& clock) : stage_(stage), log_(audit, clock, "daemon") {}
  void record(const ExchangeRecord& record) override {
    const auto what = record.method + " " + record.url;
    if (stage_.sabotage == Sabotage::forgets_records && ++recorded_ % 10 == 0) return;
    try {
      log_.record(record);
    } catch (const StoreError&) {
      stage_.ledger.unsure.push_back(what);
      if (!stage_.disk_failed) stage_.witness.complain("an exchange could not be recorded on a good disk");
      throw;
    }
    stage_.ledger.recorded.push_back(what);
  }

 private:
  Stage& stage_;
  AuditExchangeLog log_;
  int recorded_ = 0;
};

class Process::Events final : public EventSink {
 public:
  explicit Events(Stage& stage) : stage_(stage) {}
  void emit(const Event& event) override {
    if (!stage_.trace.on()) return;
    std::string line = "  " + std::string{event.name};
    for (const auto* text : {&event.username, &event.field, &event.rule, &event.reason}) {
      if (!text->empty()) line += " | " + *text;
    }
    stage_.trace.say(stage_.timeline.now(), line);
  }

 private:
  Stage& stage_;
};

struct Process::Stack {
  Stack(Stage& stage, Process& process)
      : profile(profile_of(stage.story)),
        context(context_of(stage.story, profile)),
        in_doubt(context, process.store_, process.clock_),
        recorder(stage, process.store_.audit(), process.clock_),
        wire(stage, process.life_, process.store_, process.phase_),
        provider(profile, settings(), login_of(stage.story),
                 RestPorts{wire, wire, process.clock_, process.random_, recorder, redactor,
                           [this, &store = process.store_] {
                             return context.enforce && !store.paused(context.id);
                           }},
                 {}) {}
  Profile profile;
  AccountContext context;
  InDoubt in_doubt;
  Redactor redactor;
  Recorder recorder;
  Wire wire;
  RestProvider provider;
};

Process::Process(Stage& stage, int number)
    : stage_(stage),
      random_(Dice{stage.story.number + static_cast<std::uint64_t>(number), "process"}),
      store_(open_store(stage, number)),
      events_(std::make_unique<Events>(stage)),
      stack_(std::make_unique<Stack>(stage, *this)) {
  if (number > 1) store_.check_health();
}

Process::~Process() {
  if (life_.dead()) return;
  try {
    store_.tidy_up();
  } catch (const StoreError&) {
    return;  // a disk that is full now has been full before, and was told of then
  }
}

void Process::die() {
  stage_.disk.die();
  life_.die();
}

Database Process::abandon() {
  life_.die();
  return std::move(store_).release();
}

void Process::reload() {
  stack_->context.enforce = false;
  reloaded_ = true;
}

void Process::poll(int cycle) {
  if (reloaded_) {
    stack_ = std::make_unique<Stack>(stage_, *this);
    reloaded_ = false;
  }
  look_ = Look{};
  acted_ = Acted{};
  broken_.clear();
  phase_ = Phase{};
  phase_.cycle = cycle;
  phase_.began = stage_.timeline.now();
  drive(poll_once());
}

void Process::drive(Awaitable<void> work) {
  bool finished = false;
  asio::co_spawn(stage_.io, std::move(work), [&finished](std::exception_ptr failure) {
    finished = true;
    if (failure) std::rethrow_exception(failure);
  });
  for (int steps = 0; !finished; ++steps) {
    stage_.io.restart();
    stage_.io.poll();
    if (finished) return;
    if (steps > most_steps || !stage_.timeline.step()) {
      stage_.witness.complain("a cycle never ends");
      die();
    }
  }
}

// The boundary of a cycle, as in the daemon: whatever breaks in it, the next one runs in full.
Awaitable<void> Process::poll_once() {
  try {
    co_await cycle();
  } catch (const Death&) {
    broken_ = "died";
  } catch (const std::exception& error) {
    broken_ = error.what();
  }
  if (!broken_.empty()) stage_.trace.say(stage_.timeline.now(), "cycle ended: " + broken_);
}

void Process::note_unresolved() {
  IntentFilter filter;
  filter.account = account_id;
  filter.unresolved_only = true;
  for (const auto& intent : store_.list_intents(filter))
    phase_.unresolved.insert(key_of(intent.write.username));
}

// As the command does it, which saves nothing of what it has seen.
Awaitable<void> Process::plan(const Desired& desired) {
  Ports ports{stack_->provider, store_, clock_, random_, *events_, stack_->in_doubt};
  Cycle cycle{stack_->context, ports, make_run_id(clock_.now(), random_), Purpose::plan, "settings"};
  const auto glanced = co_await cycle.glance(desired.revision);
  if (glanced) co_return;
  const auto look = co_await cycle.look(desired, stage_.story.rules, false, true);
  cycle.remember_quiet(look);
}

Awaitable<void> Process::cycle() {
  const auto& context = stack_->context;
  const auto& desired = stage_.story.desired_at(stage_.timeline.now());
  if (stage_.story.somebody_plans) co_await plan(desired);
  const auto now = clock_.now();
  stack_->in_doubt.recover();
  note_unresolved();
  Ports ports{stack_->provider, store_, clock_, random_, *events_, stack_->in_doubt};
  Cycle cycle{context, ports, make_run_id(now, random_), Purpose::poll, "settings"};
  auto glanced = co_await cycle.glance(desired.revision);
  if (glanced) {
    look_ = std::move(*glanced);
  } else {
    auto look = co_await cycle.look(desired, stage_.story.rules, true, false);
    look_ = std::move(look);
  }
  const bool believed = look_.judged && look_.observed.observation.complete;
  if (clock_.stopping() && !believed) co_return;
  cycle.save(look_, desired, clock_.now() + Duration{60'000});
  if (believed && context.enforce) {
    phase_.acting = true;
    auto acted = co_await cycle.act(look_, desired);
    acted_ = std::move(acted);
  }
  cycle.finish(look_, acted_);
}

bool Process::settled() {
  if (!broken_.empty() || !look_.judged || !look_.observed.observation.complete) return false;
  IntentFilter filter;
  filter.account = account_id;
  filter.unresolved_only = true;
  if (!store_.list_intents(filter).empty()) return false;
  const auto& notes = look_.judged->plan().notes;
  if (std::any_of(notes.begin(), notes.end(), [](const Note& note) { return note.rule == unread_rule; })) {
    return false;
  }
  const auto& actions = look_.judged->actions();
  return std::none_of(actions.begin(), actions.end(), [](const JudgedAction& judged) {
    return judged.verdict == Verdict::apply || !judged.action.must_wait.empty();
  });
}

}  // namespace usersyncd::simulate
