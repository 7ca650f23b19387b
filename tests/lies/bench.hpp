#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "providers/rest_provider.hpp"
#include "reconcile/cycle.hpp"
#include "reconcile/in_doubt.hpp"
#include "tests/lies/mutations.hpp"
#include "tests/lies/truth.hpp"
#include "tests/support/still.hpp"
#include "tests/support/temp_store.hpp"

namespace usersyncd::lies {

/// What is asked of the provider.
enum class Call { list, second_page, item, roles, accounts };

/// The provider's end of the wire. It tells the truth except where a lie has been put, and counts what it
/// must never see.
class LyingHttp final : public Http {
 public:
  LyingHttp(const Truth& truth, Api api) : truth_(truth), api_(api) {}
  Awaitable<boost::system::result<HttpResponse, HttpFailure>> send(HttpRequest request) override;

  std::map<Call, Reply> lies;
  std::map<Call, Reply> honest;       ///< captured; what is not here is made from the truth
  std::string about;                  ///< whose item is lied about
  std::size_t lies_left = 1'000'000;  ///< so many answers, the truth afterwards

  std::size_t requests = 0;
  std::vector<HttpRequest> writes;

 private:
  HttpResponse truth_of(const std::string& target) const;
  const User* asked_for(const std::string& target) const;
  Call call_of(const std::string& target) const;

  const Truth& truth_;
  Api api_;
};

/// Rules under which a lie would do the most harm.
enum class Rules {
  built_in,
  harsh,     ///< whoever is not written down is disabled; no limit, no approval, no belief in how long a list
             ///< was
  deleting,  ///< the same, and deletes; only where the provider can
};

/// What is known of the account before the lie.
enum class Memory { everybody, nobody };

/// Whether the provider can tell of single users while it lies about the list.
enum class Items { honest, silent };

/// What came of one lie.
struct Outcome {
  bool glanced = false;  ///< taken for what was there before, and not looked at closely
  bool believed = false;
  std::vector<Action> planned;  ///< all of them, whatever the policies say
  std::size_t permitted = 0;    ///< actions that the policies let go
  std::vector<HttpRequest> writes;
  std::string told;  ///< permitted actions and what became of them
};

/// A whole account: store, provider, policies, cycle.
class Bench {
 public:
  Bench(Api api, Rules rules, Memory memory);

  /// The lie is told in one cycle, from the look to the act. The store is as before afterwards.
  Outcome hear(const std::map<Call, Reply>& lies, const std::string& about = {},
               std::size_t times = 1'000'000);
  /// The lie is told in cycle after cycle, all of them saved, and then the truth. Returns what is done in all
  /// of them, and whether the last one was content.
  Outcome hear_again_and_again(const std::map<Call, Reply>& lies, int cycles, bool& content);

  Desired& desired() { return desired_; }
  const Desired& desired() const { return desired_; }
  std::map<Call, Reply>& honest() { return honest_; }
  const Truth& truth() const { return truth_; }
  /// After a change of what is wanted or what is honest: one honest cycle, if everybody is to be known.
  void settle();

 private:
  struct Still;
  void open_store();
  Outcome cycle(LyingHttp& http, bool save);

  Api api_;
  Memory memory_;
  Truth truth_;
  RuleSet rules_;
  Desired desired_;
  std::map<Call, Reply> honest_;
  AccountContext account_;
  test::TempStore seed_{test::quick_directory()}, file_{test::quick_directory()};
  std::unique_ptr<Store> store_;
  std::unique_ptr<InDoubt> in_doubt_;
  Duration passed_{1'000'000};
  test::StillClock clock_{*parse_time("2026-11-21T19:05:00Z"), passed_};
  std::size_t runs_ = 0;
};

}  // namespace usersyncd::lies
