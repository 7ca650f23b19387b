#include <malloc.h>

#include <fstream>
#include <set>
#include <sstream>

#include "daemon/daemon.hpp"
#include "daemon/daemon_events.hpp"

// How the daemon takes up what people wrote, at its start and while it runs.

namespace usersyncd {
namespace {

constexpr const char* old_state_holds = "the old state stays in force";

std::string file_text(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

// Everything of which a change means other logins, other hosts or other profiles.
std::string Daemon::accounts_digest() const {
  std::set<std::string> files{config_path_};
  for (const auto& account : settings_->config.accounts) {
    if (account.provider.find('/') != std::string::npos) files.insert(account.provider);
    if (!account.ca_file.empty()) files.insert(account.ca_file);
  }
  std::string all;
  for (const auto& file : files) all += file_text(file);
  return sha256_hex(all);
}

// Refused is what is wrong, and nothing else: everybody whose entry is valid goes on.
void Daemon::tell_frozen(const Problems& problems) {
  if (problems.empty()) return note_refused_reload({});
  refuse_reload(problems.text(), "the users of these entries are frozen, everything else is in force");
}

void Daemon::refuse_reload(const std::string& reason, const std::string& what_holds) {
  Event refused;
  refused.level = Event::Level::error;
  refused.name = "reload.failed";
  refused.reason = reason + " -- " + what_holds;
  note_refused_reload(format_time(place_.clock().now()) + '\n' + reason);
  events_.emit(refused);
  notifier_.status("reload failed, " + what_holds + "; " + status_line());
}

// For `status`. What the store does not take is in the log.
void Daemon::note_refused_reload(const std::string& text) {
  try {
    if (place_.store().load_note({}, refused_reload).value_or("") != text)
      place_.store().save_note({}, refused_reload, text);
  } catch (const StoreError&) {
    return;
  }
}

// Each desired state goes into the store as soon as it is read: held for all accounts, they would be most of
// what this process needs. There it counts once remember_desired_state has said so.
Loaded<Settings> Daemon::load(const KnownDesired& known) {
  const auto keep = [this](Desired desired, const std::string& files) {
    place_.store().save_desired(desired, files, Store::DesiredOf::daemon);
  };
  auto loaded = load_settings(config_path_, known, keep);
  if (!loaded.value) return loaded;
  const auto& config = loaded.value->config;
  std::string fixed;
  if (config.store_path != settings_->config.store_path) fixed = "store.path";
  if (config.admin_listen != settings_->config.admin_listen) fixed = "admin.listen";
  if (!fixed.empty()) {
    loaded.problems.add({config_path_, 0, 0}, fixed + " cannot change while the daemon runs; restart it");
    loaded.exit = Exit::config;
    loaded.value.reset();
  }
  return loaded;
}

void Daemon::reload(bool with_accounts, const KnownDesired& known) {
  try {
    reload_settings(with_accounts, known);
  } catch (const StoreError& error) {
    refuse_reload(error.what(), old_state_holds);
  }
}

void Daemon::reload_settings(bool with_accounts, const KnownDesired& known) {
  // Looked at before they are read, so that what is edited meanwhile is noticed.
  FileWatcher before_reading{watched_paths(config_path_, *settings_)};
  const auto digest_before_reading = accounts_digest();
  auto loaded = load(known);
  if (!loaded.value) return refuse_reload(loaded.problems.text(), old_state_holds);
  // Without a digest of the texts the config may be a newer one than was looked at.
  with_accounts = with_accounts || digest_before_reading != accounts_digest_ || loaded.value->texts.empty();
  Accounts accounts;
  if (with_accounts) {
    auto made = make_accounts(*loaded.value);
    if (!made) return refuse_reload(made.error().text(), old_state_holds);
    accounts = std::move(*made);
  }
  {
    auto together = place_.store().begin();
    remember_desired_state(*loaded.value, place_.store(), Store::DesiredOf::daemon);
    write_reload(loaded.value->wanted);
    together.commit();
  }
  // From here on nothing fails.
  const auto before = std::exchange(settings_, std::make_shared<Settings>(std::move(*loaded.value)));
  const auto paths = watched_paths(config_path_, *settings_);
  accounts_digest_ = digest_before_reading;
  watcher_ = paths == watched_paths(config_path_, *before) ? std::move(before_reading) : FileWatcher{paths};
  log_.configure(settings_->config.log_level, settings_->config.log_format);
  place_.keeper().configure(settings_->config.audit);
  if (with_accounts) {
    for (const auto& old : before->accounts) place_.metrics().forget(old.config.id);
    start(accounts);
  }
  wake_who_is_concerned(with_accounts ? nullptr : before.get());
  ::malloc_trim(0);
  tell_frozen(loaded.problems);
  Event done;
  done.name = "reload.ok";
  done.reason = with_accounts ? "config, desired state and policies" : "desired state and policies";
  events_.emit(done);
  notifier_.status(status_line());
}

// Everybody, unless nothing but the desired state of some accounts is other than `before`.
void Daemon::wake_who_is_concerned(const Settings* before) {
  const bool all = !before || before->texts.empty() || before->texts != settings_->texts ||
                   before->wanted.author != settings_->wanted.author;
  const auto files_of = [](const Settings& settings, const std::string& account) {
    const auto source = settings.wanted.sources.find(account);
    return source == settings.wanted.sources.end() ? std::string{} : source->second.files;
  };
  for (const auto& account : accounts_) {
    const auto& id = account->stack->context().id;
    if (!all && files_of(*before, id) == files_of(*settings_, id)) continue;
    account->outdated = true;
    wake(*account);
  }
}

// The revisions that are new.
void Daemon::write_reload(const Wanted& wanted) {
  AuditEntry entry;
  entry.kind = AuditKind::config;
  entry.time = place_.clock().now();
  entry.actor = "daemon";
  entry.detail["event"] = "reload";
  boost::json::object revisions;
  for (const auto& [account, source] : wanted.sources) {
    if (settings_->wanted.revision_of(account) != source.revision) revisions[account] = source.revision;
  }
  entry.detail["desiredRevisions"] = std::move(revisions);
  place_.store().audit().append(entry);
}

}  // namespace usersyncd
