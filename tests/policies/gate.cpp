#include "bench.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

namespace {

enum class Approval { not_needed, needed, given, expired };

/// Everything that can speak against one action, each on or off.
struct Gate {
  bool report, deny, unable, defer, limit, pause;
  Approval approval;
};

/// The gate in the order of the contract, written down once more and by hand.
Verdict expected(const Gate& gate) {
  if (gate.report) return Verdict::report;
  if (gate.deny) return Verdict::denied;
  if (gate.unable) return Verdict::manual;
  if (gate.approval == Approval::needed || gate.approval == Approval::expired) return Verdict::approval;
  if (gate.defer) return Verdict::deferred;
  if (gate.limit) return Verdict::limited;
  if (gate.pause) return Verdict::paused;
  return Verdict::apply;
}

RuleSet rules_for(const Gate& gate) {
  std::string lines;
  if (gate.deny) lines += "  - { name: deny, effect: deny }\n";
  if (gate.approval != Approval::not_needed) lines += "  - { name: ask, effect: requireApproval }\n";
  if (gate.defer)
    lines += "  - { name: hours, effect: { window: { hours: \"01:00-02:00\", timezone: UTC } } }\n";
  if (gate.limit) lines += "  - { name: limit, effect: { limit: { count: 0 } } }\n";
  return only(lines);
}

}  // namespace

TEST_CASE("A20: the whole gate, every combination of what can speak against an action") {
  int cases = 0;
  for (int bits = 0; bits < 256; ++bits) {
    const auto bit = [&](int index) { return (bits >> index & 1) != 0; };
    const Gate gate{bit(0), bit(1), bit(2), bit(3), bit(4), bit(5), static_cast<Approval>(bits >> 6)};
    auto action = change(user("ann"), Field::phone, Value{"1"});
    action.report_only = gate.report;
    auto given = facts();
    given.capabilities.update = !gate.unable;
    if (gate.pause) given.paused = "maintenance";
    if (gate.approval == Approval::given) given.approvals[action.id] = given.now + Duration{1};
    if (gate.approval == Approval::expired) given.approvals[action.id] = given.now;
    const auto judged = Judge::judge(plan_of({action}), rules_for(gate), given);
    CAPTURE(bits);
    REQUIRE(name_of(judged.actions().front().verdict) == name_of(expected(gate)));
    REQUIRE(judged.permit(0).has_value() == (expected(gate) == Verdict::apply));
    REQUIRE_FALSE(judged.actions().front().reason.empty());
    ++cases;
  }
  CHECK(cases == 256);
}
