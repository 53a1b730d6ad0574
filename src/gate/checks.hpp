#pragma once
// The mechanical checks, one file each (check_*.cpp). Each writes its outcome to a Scorecard; none can accept an answer.

#include <string>
#include <string_view>

#include "core/verdict.hpp"
#include "gate/judge.hpp"

namespace suffice::gate {

/// Collects outcomes in the order of the checks.
struct Scorecard {
  Verdict& verdict;

  void pass(std::string check, std::string detail = {});
  /// `detail` is shown to people and recorded: it never holds text of the caller or of a model.
  void fail(std::string check, Reason reason, std::string detail);
};

/// What the checks look at: the answer as it would be served so far (marker removed, fence removed, label canonical).
struct Judged {
  const GateRules& rules;
  const Candidate& candidate;
  std::string& text;
  /// An answer that is nothing but proposed tool calls has no text to check.
  [[nodiscard]] bool only_tool_calls() const;
};

/// Whether labels that always escalate are a reason; they are not for a frontier's answer.
enum class LabelEscalation : std::uint8_t { Yes, No };

void check_finish(const Judged& judged, Scorecard& card);
void check_refusal(const Judged& judged, Scorecard& card);
void check_length(const Judged& judged, Scorecard& card);
void check_labels(const Judged& judged, LabelEscalation escalation, Scorecard& card);
void check_schema(const Judged& judged, Scorecard& card);
void check_regex(const Judged& judged, Scorecard& card);
void check_tool_calls(const Judged& judged, Scorecard& card);
void check_evidence(const Judged& judged, Scorecard& card);
void check_hard_stops(const Judged& judged, Scorecard& card);

/// Whether `text` starts as a refusal does ("I'm sorry, but I can't help with that"). Text in quotation marks or inside JSON is not
/// a refusal of the speaker.
[[nodiscard]] bool is_refusal(std::string_view text);

}  // namespace suffice::gate
