#pragma once
// What a draft policy would have decided on the decisions of the record, and what the record cannot tell (issue: off-policy replay).

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "lab/operate/money_rows.hpp"
#include "lab/operate/numbers.hpp"
#include "lab/operate/recorded.hpp"
#include "policy/policy.hpp"

namespace suffice::gate {
struct ConfidenceRule;
}

namespace suffice::lab {

/// Where a request ends. Unknown: the record does not hold what the draft would have looked at.
enum class Destination : std::uint8_t { Local, Frontier, Unknown };
[[nodiscard]] std::string_view name(Destination destination) noexcept;

struct Redecided {
  Destination recorded = Destination::Frontier;
  Destination drafted = Destination::Unknown;
  std::string why = {};  ///< the draft's primary reason, or what is not known
  /// Recorded cost, and the draft's: of calls that were made, or the frontier's counterfactual for one that was not. Absent: not known.
  std::optional<Usd> cost_before = {};
  std::optional<Usd> cost_after = {};
};

/// A draft and what it needs to be weighed: its calibrators and certificates, loaded once.
class DraftPolicy {
 public:
  /// `current`: the policy under which the record was made, to see what the draft changes; null when it is not at hand: then validators, schemas
  /// and hard stops of the same name are taken as unchanged, and the report says so. The Error names a file of the draft that cannot be used.
  static Result<DraftPolicy> create(std::shared_ptr<const policy::Policy> draft,
                                    std::shared_ptr<const policy::Policy> current, WallTime now);

  /// One recorded decision under the draft. Pure; any thread.
  ///
  /// Signals, checks and hard stops are those of the record; the draft's threshold, calibrator, certificate, ladder, hard-stop groups, size limit,
  /// escalating labels and rollout are applied to them. A request that an operator's switch or its caller sent to the frontier stays there.
  [[nodiscard]] Redecided decide(const Recorded& recorded) const;

  [[nodiscard]] const policy::Policy& draft() const { return *draft_; }
  [[nodiscard]] const policy::Policy* current() const { return current_.get(); }

 private:
  /// How one local rung's recorded answers would be judged.
  struct Rung {
    policy::Tier tier;
    std::shared_ptr<const gate::ConfidenceRule> rule;
    std::map<std::string, std::string> labels_by_digest;  ///< SHA-256 of each label's text
  };
  struct Judged {
    Destination destination = Destination::Unknown;
    std::string why = {};
  };
  [[nodiscard]] const policy::Task* unchanged_checks(const policy::Task& task) const;
  [[nodiscard]] std::optional<Judged> before_any_model(const policy::Task& task, const Recorded& recorded) const;
  [[nodiscard]] std::optional<Judged> by_hard_stops(const policy::Task& task, const audit::Event& event) const;
  [[nodiscard]] Judged judge(const policy::Task& task, const Rung& rung, const audit::Attempt& attempt) const;

  std::shared_ptr<const policy::Policy> draft_;
  std::shared_ptr<const policy::Policy> current_;
  std::map<std::string, std::vector<Rung>> rungs_ = {};  ///< local ones, by task
  WallTime now_;
};

struct ReplayShares {
  std::string task = {};  ///< empty: all
  std::int64_t requests = 0;
  Share local_before = {};
  Share local_after = {};     ///< of the requests whose draft decision is known
  Share newly_local = {};     ///< frontier before, local under the draft
  Share newly_frontier = {};  ///< local before, frontier under the draft
  Share unknown = {};
  double local_after_low = 0;   ///< share of all requests, were every unknown one escalated
  double local_after_high = 0;  ///< were every unknown one kept
  Savings cost =
      {};  ///< paid_usd: under the draft; frontier_usd: as recorded; saved: the difference. Of requests with both costs
};

struct PolicyReplayReport {
  std::string draft_version = {};
  ReplayShares total = {};
  std::vector<ReplayShares> tasks = {};              ///< most requests first
  std::map<std::string, std::int64_t> reasons = {};  ///< the draft's primary reasons of what would escalate
  std::map<std::string, std::int64_t> unknown = {};  ///< what is not known, and of how many requests
  std::vector<std::string> cannot_be_known = {};     ///< sentences: what no record tells, whatever its size
};

/// Collects decisions; one thread.
class PolicyReplay {
 public:
  PolicyReplay(DraftPolicy draft, NumbersOptions options) : draft_(std::move(draft)), options_(std::move(options)) {}
  void add(const Recorded& recorded);
  [[nodiscard]] PolicyReplayReport build() const;

 private:
  struct Sums {
    std::int64_t requests = 0;
    std::int64_t local_before = 0;
    std::int64_t local_after = 0;
    std::int64_t newly_local = 0;
    std::int64_t newly_frontier = 0;
    std::int64_t unknown = 0;
    MoneyRows money;
  };
  [[nodiscard]] ReplayShares shares_of(const std::string& task, const Sums& sums) const;

  DraftPolicy draft_;
  NumbersOptions options_;
  Sums total_;
  std::map<std::string, Sums> tasks_ = {};
  std::map<std::string, std::int64_t> reasons_ = {};
  std::map<std::string, std::int64_t> unknown_ = {};
};

}  // namespace suffice::lab
