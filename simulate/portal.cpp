#include "simulate/portal.hpp"

#include <stdexcept>

namespace usersyncd::simulate {
namespace {

constexpr Duration longest_memory{180'000};

sim::World make_world(const Story& story) {
  const std::vector<sim::Role> roles{{"basicAccess", "Basic Access"},
                                     {"reporting", "Reporting"},
                                     {"tnLookup", "TN Lookup"},
                                     {"Porting", "Porting"}};
  sim::Holdings holdings;
  holdings.username = own_username;
  for (const auto& role : roles) holdings.roles.insert(role.id);
  holdings.accounts = {account_id};
  sim::World world(roles, {{account_id, "Example Company"}}, holdings);
  for (const auto& user : story.people) world.put(user);
  return world;
}

// By the name that the program gives to the field; empty: the user as a whole.
std::string field_of(Deed deed) {
  switch (deed) {
    case Deed::add:
    case Deed::remove:
      return {};
    case Deed::disable:
      return "enabled";
    case Deed::set_last_name:
      return "lastName";
    case Deed::set_roles:
      return "roles";
    case Deed::set_title:
      return "jobTitle";
  }
  throw std::logic_error("a deed that is none");
}

sim::Credentials credentials() {
  sim::Credentials made;
  made.client_id = own_username;
  made.client_secret = "client-secret";
  made.username = own_username;
  made.password = "client-secret";
  return made;
}

}  // namespace

Portal::Portal(const Story& story, const Timeline& timeline, Witness& witness)
    : story_(story),
      timeline_(timeline),
      witness_(witness),
      world_(make_world(story)),
      gate_(credentials(), std::chrono::seconds{3600}),
      limiter_(sim::make_limiter(story.limiter)),
      hint_(sim::parse_hint(story.hint)) {}

sim::Instant Portal::now() const {
  return sim::Instant{std::chrono::milliseconds{1'795'000'000'000} + timeline_.now()};
}

void Portal::keep_history() {
  std::erase_if(history_, [&](const auto& entry) { return entry.first + longest_memory < timeline_.now(); });
  history_.emplace_back(timeline_.now(), world_);
}

sim::World& Portal::as_of(Duration age) {
  const auto then = timeline_.now() - age;
  for (auto& [until, world] : history_) {
    if (until > then) return world;
  }
  return world_;
}

std::string Portal::key_in_path(const std::string& path) const {
  const auto target = sim::parse_target(path);
  return target ? key_in_path(target->segments) : std::string{};
}

std::string Portal::key_in_path(const std::vector<std::string>& parts) const {
  const bool item = parts.size() >= 2 && parts[parts.size() - 2] == "users";
  if (!item) return {};
  if (const auto* user = world_.find_by_id(parts.back())) return key_of(user->username);
  // They may have gone while the request was on its way.
  for (auto past = history_.rbegin(); past != history_.rend(); ++past) {
    if (const auto* user = past->second.find_by_id(parts.back())) return key_of(user->username);
  }
  return key_of(parts.back());
}

std::optional<sim::Response> Portal::limited(Duration retry_in, bool force) {
  sim::Admission admission;
  admission.admitted = !force;
  admission.retry_in = retry_in;
  if (!force && limiter_) admission = limiter_->hit(now());
  if (admission.admitted) return std::nullopt;
  return sim::too_many(hint_, admission, now());
}

sim::Response Portal::refusal(const sim::Request& request, int status, const std::string& code) const {
  const sim::Refusal refusal{status, code, "Something did not work out"};
  if (!story_.dashboard) return sim::v1_error(refusal);
  return sim::dashboard_error(refusal, request, story_.dialect);
}

sim::Response Portal::answer(const sim::Request& request, const Mischief& mischief) {
  const auto target = sim::parse_target(request.target);
  if (!target) return refusal(request, 400, "1019");
  if (!target->segments.empty() && target->segments.back() == "token") return gate_.token(request, now());
  if (const auto no = gate_.refuse(request, story_.dashboard, world_, now())) {
    return refusal(request, no->status, no->code);
  }
  const bool reading = request.method == "GET";
  if (!reading) keep_history();
  auto& world = reading && mischief.age > Duration{0} ? as_of(mischief.age) : world_;
  const sim::ApiCall call{request, *target, world, story_.dialect, mischief.list};
  auto response = story_.dashboard ? sim::answer_dashboard(call) : sim::answer_v1(call);
  const auto key = reading ? key_in_path(target->segments) : std::string{};
  if (const auto* user = key.empty() ? nullptr : world.find(key)) witness_.shown(*user);
  return response;
}

void Portal::happen(const PortalDeed& deed) {
  keep_history();
  const auto* found = world_.find(deed.user.username);
  auto user = found ? *found : deed.user;
  witness_.changed_outside(key_of(deed.user.username), field_of(deed.deed));
  switch (deed.deed) {
    case Deed::add:
      if (!found) world_.put(deed.user);
      return;
    case Deed::remove:
      world_.erase(deed.user.username);
      return;
    case Deed::disable:
      user.enabled = false;
      break;
    case Deed::set_last_name:
      user.last_name = deed.text;
      break;
    case Deed::set_roles:
      user.roles = {deed.text};
      break;
    case Deed::set_title:
      user.extra["jobTitle"] = deed.text;
      break;
  }
  if (found) world_.put(user);
}

}  // namespace usersyncd::simulate
