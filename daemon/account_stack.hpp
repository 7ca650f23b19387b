#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "daemon/audit_keeper.hpp"
#include "daemon/metrics.hpp"
#include "daemon/settings.hpp"
#include "providers/rest_provider.hpp"
#include "reconcile/in_doubt.hpp"
#include "store/store.hpp"
#include "sync/events.hpp"
#include "sync/redact.hpp"

namespace usersyncd {

/// What all accounts of one process share. Owned by whoever runs the process; outlives every stack.
struct Process {
  boost::asio::io_context& io;
  Store& store;
  Clock& clock;
  Random& random;
  EventSink& events;
  Redactor& redactor;
  Metrics& metrics;
  AuditKeeper& keeper;
  std::string actor;  ///< `daemon`, or the user who typed a command
};

/// Everything that one account's work needs, built from its settings: secrets, HTTP client, provider, audit.
class AccountStack {
 public:
  /// An Error of kind config if a secret or a certificate file cannot be read.
  static Result<std::unique_ptr<AccountStack>> make(const AccountSettings& settings, Process process);

  const AccountContext& context() const { return context_; }
  const AccountConfig& config() const { return settings_.config; }
  const Profile& profile() const { return *settings_.profile; }
  RestProvider& provider() { return *provider_; }
  /// Puts what was learned of the provider's limits into the store, where it differs.
  void save_rates(bool acted);
  /// For a command at its end: tells `status` that the provider wants to be left alone, if so.
  void note_waiting();
  /// Nothing will be asked for a while: kept connections are closed.
  void rest();
  /// From now on nothing is written to the account: its config is no longer the one in force.
  void retire() { context_.enforce = false; }
  Ports ports() {
    return Ports{*provider_, process_.store, process_.clock, process_.random, process_.events, in_doubt_};
  }
  InDoubt& in_doubt() { return in_doubt_; }

 private:
  /// Writes each exchange to the audit log, and tells those who count and those who watch the rate limit.
  class Exchanges : public ExchangeLog {
   public:
    Exchanges(AccountStack& stack, AuditLog& audit, const Clock& clock, std::string actor)
        : stack_(stack), audit_(audit, clock, std::move(actor)) {}
    void record(const ExchangeRecord& record) override;

   private:
    void tell_failure(const ExchangeRecord& record);

    AccountStack& stack_;
    AuditExchangeLog audit_;
  };

  AccountStack(AccountSettings settings, Process process);
  Result<bool> connect();

  AccountSettings settings_;
  Process process_;
  std::string saved_rates_;  ///< in words
  AccountContext context_;
  InDoubt in_doubt_{context_, process_.store, process_.clock};
  Redactor redactor_;  ///< knows this account's secrets, and tells the log's of them
  Exchanges exchanges_;
  std::unique_ptr<Http> http_;
  std::unique_ptr<Http> token_http_;  ///< empty: the same as http_
  std::unique_ptr<RestProvider> provider_;
};

}  // namespace usersyncd
