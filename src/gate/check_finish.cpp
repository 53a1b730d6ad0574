// Whether the answer is complete, and of an allowed length.

#include <fmt/format.h>

#include "core/text.hpp"
#include "gate/checks.hpp"

namespace suffice::gate {

void check_finish(const Judged& judged, Scorecard& card) {
  switch (judged.candidate.completion.finish) {
    case FinishReason::Stop:
    case FinishReason::ToolCalls:
      return card.pass("finish");
    case FinishReason::Length:
      return card.fail("finish", Reason::CheckFailed, "the answer was cut at the token limit");
    case FinishReason::ContentFilter:
      return card.fail("finish", Reason::Refusal, "the provider's content filter ended the answer");
    case FinishReason::LowConfidence:
      return card.fail("finish", Reason::ConfidenceLow,
                       "the model was stopped: the answer could no longer become probable enough");
    case FinishReason::Unknown:
      return card.fail("finish", Reason::CheckFailed, "the provider did not say that the answer is complete");
  }
  card.fail("finish", Reason::CheckFailed, "unknown finish reason");
}

void check_length(const Judged& judged, Scorecard& card) {
  if (judged.only_tool_calls()) return;
  const policy::Validators& limits = judged.rules.task.validators;
  const auto chars = static_cast<std::int64_t>(count_code_points(trim(judged.text)));
  if (chars < limits.chars_min) {
    return card.fail("length", Reason::CheckFailed,
                     fmt::format("{} characters, at least {} needed", chars, limits.chars_min));
  }
  if (limits.chars_max > 0 && chars > limits.chars_max) {
    return card.fail("length", Reason::CheckFailed,
                     fmt::format("{} characters, at most {} allowed", chars, limits.chars_max));
  }
  card.pass("length");
}

}  // namespace suffice::gate
