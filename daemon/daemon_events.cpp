#include "daemon/daemon_events.hpp"

#include "sync/plan.hpp"

namespace usersyncd {

void DaemonEvents::emit(const Event& event) {
  log_.emit(event);
  if (!metrics_) return;
  if (event.name == "poll.ok") metrics_->count_poll(event.account, Metrics::PollResult::ok);
  if (event.name == "poll.failed") metrics_->count_poll(event.account, Metrics::PollResult::failed);
  if (event.name == "poll.incomplete") metrics_->count_poll(event.account, Metrics::PollResult::incomplete);
  const auto operation = operation_from_name(event.field);
  if (!operation) return;
  if (event.name == "action.applied")
    metrics_->count_action(event.account, *operation, Metrics::ActionResult::applied);
  if (event.name == "action.failed")
    metrics_->count_action(event.account, *operation, Metrics::ActionResult::failed);
  if (event.name == "action.unverified") {
    metrics_->count_action(event.account, *operation, Metrics::ActionResult::unverified);
  }
}

}  // namespace usersyncd
