#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "providers/classify.hpp"
#include "providers/profile.hpp"
#include "providers/rate_gate.hpp"
#include "providers/target.hpp"
#include "providers/token.hpp"
#include "sync/plan.hpp"
#include "sync/ports.hpp"
#include "sync/redact.hpp"
#include "sync/secret.hpp"

namespace usersyncd {

/// What the client works with. All of it is owned by the caller and outlives the client.
struct RestPorts {
  Http& http;        ///< of the API's base URL
  Http& token_http;  ///< of token_call(…).base_url; may be the same
  Clock& clock;
  Random& random;
  ExchangeLog& log;
  Redactor& redactor;
  /// Asked when a write is about to leave, after all waiting: somebody may have paused. Empty: it may.
  std::function<bool()> may_write{};
};

/// The account's credential: client id and secret, or username and password.
struct RestLogin {
  AuthKind kind = AuthKind::oauth2;
  Secret user;
  Secret secret;
};

struct RestSettings {
  std::string account;   ///< id of the account, as in the config
  std::string base_url;  ///< empty: the profile's
  Duration retry_for{600'000};
  int max_attempts = 8;  ///< of one read
  std::size_t max_in_flight = 8;
  std::map<std::string, std::string> rates = {};  ///< what ApiClient::rates() gave an earlier process
};

/// A page of a list: understood, or not even looked into because it is byte for byte the one that was known.
struct PageAnswer {
  PageMark mark;
  std::optional<HttpResponse> undecoded;  ///< set if it is the known one; understand() makes the answer
  Answer answer;                          ///< otherwise
  std::vector<std::string> links;         ///< its `Link` headers
};

/// What became of one write on the wire.
struct SentWrite {
  WriteOutcome outcome;          ///< without the user that the answer may carry
  std::optional<Answer> answer;  ///< if there was one
  std::string location;          ///< the `Location` header, if any
};

/// Sends requests to one account's API: logs in, waits at the gate, records every exchange after redaction,
/// and tells what the answers mean. Reads are repeated while that is safe and may help; a write is one
/// request, sent once.
class ApiClient {
 public:
  /// The profile outlives the client.
  ApiClient(const Profile& profile, RestSettings settings, RestLogin login, RestPorts ports);
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  /// A GET. The answer says something definite: success, an empty list, not found, gone or unsupported;
  /// everything else is an Error, with texts redacted.
  Awaitable<Result<Answer>> read(std::string target, ExchangeContext context);

  /// The same for a page of a list, of which `known` is the digest that it had before, if it is known.
  Awaitable<Result<PageAnswer>> read_page(std::string target, std::string known, ExchangeContext context);
  Answer understand(const HttpResponse& response) const { return classify(profile_, response); }

  /// A request that may change something. `context.attempt` is the caller's count.
  Awaitable<SentWrite> write(HttpRequest request, Operation operation, ExchangeContext context);

  /// For `status`: until when requests wait for the rate limit, and why.
  std::optional<RateGate::Waiting> waiting() const;
  Duration delay_of_reads() const { return reads_.delay(); }
  /// What has been learned of the provider's limits, by class of endpoints: for the next process, and in
  /// words.
  std::map<std::string, std::string> rates() const;
  std::map<std::string, std::string> learned_rates() const;
  const std::string& base_url() const { return settings_.base_url; }

 private:
  /// A request that may be repeated, and how often it was.
  struct Repeatable {
    HttpRequest request;
    Http& http;
    std::string base_url;
    bool authorized;  ///< carries our login; false for the token call, which is the login
    bool about_user;  ///< a refusal may be about the user and not about our credential
    RateGate& gate;
    Duration started{};
    int attempts = 0;
    int redirects = 0;
    bool renewed = false;                       ///< has had its second try with a fresh token
    std::optional<std::string> known_digest{};  ///< for a page of a list; empty: not known
  };
  /// One request and what came back: an answer, or a failure.
  struct Exchange {
    std::optional<Answer> answer;
    HttpFailure failure;
    Headers headers;
    std::optional<Duration> hint;
    std::string digest{};                     ///< of a page that was read successfully
    std::optional<HttpResponse> undecoded{};  ///< of a page that is as it was known
  };
  enum class Next { done, again, fail };

  Repeatable get(std::string target, const ExchangeContext& context) const;
  Awaitable<Result<Exchange>> repeat(Repeatable call, ExchangeContext context);
  Awaitable<Exchange> exchange(HttpRequest request, Http& http, std::string base_url, RateGate& gate,
                               std::optional<std::string> known_digest, ExchangeContext context);
  void understand_answer(HttpResponse response, const std::optional<std::string>& known_digest,
                         Exchange& done) const;
  Awaitable<Result<std::string>> authorization(ExchangeContext context);
  Awaitable<Result<Token>> fetch_token();

  Next after(Repeatable& call, const Exchange& done);
  Next after_redirect(Repeatable& call, const Exchange& done);
  Duration pause_after(const Repeatable& call, const Exchange& done);
  Duration patience(const Repeatable& call) const;
  RateGate& gate_for(const std::string& name, bool apart);
  static void tell_gate(RateGate& gate, const Exchange& done, Duration sent_at, const std::string& what);
  void record(const HttpRequest& request, const std::string& url, const ExchangeContext& context,
              const boost::system::result<HttpResponse, HttpFailure>& came_back, Duration duration);
  Result<Token> token_of(const Answer& answer);
  WriteOutcome outcome(Operation operation, const Exchange& done, const std::string& authorization);
  Error error(ErrorKind kind, const std::string& message, const HttpRequest& request) const;
  Error error_of(const Repeatable& call, const Exchange& done) const;
  Error error_of(RateGate::Passage passage, const RateGate& gate, const HttpRequest& request) const;

  const Profile& profile_;
  RestSettings settings_;
  RestLogin login_;
  RestPorts ports_;
  TokenCall token_call_;
  std::map<std::string, RateGate> gates_;  ///< one for each class of endpoints that has a limit of its own
  RateGate& reads_;
  RateGate& writes_;
  RateGate& login_gate_;
  TokenKeeper token_;
  ExchangeContext token_context_;     ///< of whoever made the token be fetched
  bool fresh_token_refused_ = false;  ///< to a write, and none was answered otherwise since
};

}  // namespace usersyncd
