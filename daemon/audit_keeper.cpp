#include "daemon/audit_keeper.hpp"

#include <algorithm>

#include "daemon/secrets.hpp"
#include "store/audit_files.hpp"

namespace usersyncd {
namespace {

constexpr std::int64_t records_until_signed = 256;
constexpr Duration look_interval{60'000};
constexpr Duration after_a_failure{std::chrono::hours{24}};  // to put records away; nothing is urgent in that

bool is_same(const std::optional<SecretRef>& left, const std::optional<SecretRef>& right) {
  if (!left || !right) return !left && !right;
  return left->from == right->from && left->name == right->name;
}

}  // namespace

void AuditKeeper::configure(const AuditConfig& config) {
  if (!is_same(config.key, config_.key)) key_.reset();
  config_ = config;
  next_retention_ = Duration{0};
}

void AuditKeeper::recorded() {
  if (store_.audit().newest_appended() - signed_ < records_until_signed) return;
  if (!trouble_.empty() && clock_.steady() < next_look_) return;
  sign();
}

void AuditKeeper::tick() {
  if (clock_.steady() >= next_look_) sign();
  if (config_.retention && trouble_.empty() && clock_.steady() >= next_retention_) put_away();
}

void AuditKeeper::sign() {
  next_look_ = clock_.steady() + look_interval;
  try {
    const auto done = try_to_sign();
    note_trouble(done ? std::string{} : done.error().text());
  } catch (const StoreError& error) {
    note_trouble(error.what());
  }
}

void AuditKeeper::put_away() {
  next_retention_ = clock_.steady() + after_a_failure;
  try {
    const auto now = clock_.now();
    const auto left = store_.audit().put_away(now - *config_.retention, now);
    next_retention_ = clock_.steady() + std::min(*config_.retention, look_interval);
    if (!left) return;
    if (left->more) next_retention_ = Duration{0};
    sign();
  } catch (const StoreError& error) {
    note_trouble(error.what());
  }
}

Result<bool> AuditKeeper::load_key() {
  if (key_) return true;
  if (!config_.key) {
    auto own = load_audit_key(store_.path(), store_.audit().origin());
    if (!own) return own.error();
    key_ = std::move(*own);
    return true;
  }
  const auto secret = read_secret(*config_.key);
  if (!secret) return secret.error();
  auto given = SigningKey::parse(secret->reveal());
  if (!given) return Error{ErrorKind::config, given.error().message, config_.key->place.text()};
  key_ = std::move(*given);
  return true;
}

Result<bool> AuditKeeper::try_to_sign() {
  if (auto loaded = load_key(); !loaded) return loaded;
  const auto newest = store_.audit().newest_appended();
  const auto made = store_.audit().checkpoint(*key_, clock_.now());
  if (!made) return made.error();
  signed_ = *made ? (*made)->size : newest;
  if (!*made) return true;
  Event told;
  told.name = "audit.checkpoint";
  told.reason = (*made)->note;
  events_.emit(told);
  return true;
}

void AuditKeeper::note_trouble(std::string trouble) {
  if (trouble == trouble_) return;
  trouble_ = std::move(trouble);
  if (trouble_.empty()) return;
  Event told;
  told.level = Event::Level::error;
  told.name = "audit.checkpoint";
  told.reason = trouble_;
  events_.emit(told);
}

}  // namespace usersyncd
