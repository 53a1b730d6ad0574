// Answers that must match the task's expression.

#include <utility>

#include <re2/re2.h>

#include "core/text.hpp"
#include "gate/answer_pattern.hpp"
#include "gate/checks.hpp"

namespace suffice::gate {

struct AnswerPattern::Impl {
  Impl(const std::string& expression, const re2::RE2::Options& options) : compiled(expression, options) {}
  re2::RE2 compiled;
};

AnswerPattern::AnswerPattern(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AnswerPattern::~AnswerPattern() = default;

Result<std::shared_ptr<const AnswerPattern>> AnswerPattern::compile(const std::string& expression) {
  constexpr std::int64_t memory_max = 1 << 20;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(memory_max);
  auto impl = std::make_unique<Impl>(expression, options);
  if (!impl->compiled.ok()) return fail(ErrorCode::PolicyInvalid, "not an RE2 expression: " + impl->compiled.error());
  return std::shared_ptr<const AnswerPattern>(new AnswerPattern(std::move(impl)));
}

bool AnswerPattern::matches(std::string_view answer) const {
  return re2::RE2::FullMatch(re2::StringPiece(answer.data(), answer.size()), impl_->compiled);
}

void check_regex(const Judged& judged, Scorecard& card) {
  if (judged.rules.regex == nullptr || judged.only_tool_calls()) return;
  // A hosted model ends its answer with a line break where it likes; the expression is about what is said.
  if (judged.rules.regex->matches(trim(judged.text))) {
    judged.text = std::string(trim(judged.text));
    return card.pass("regex");
  }
  card.fail("regex", Reason::SchemaInvalid, "the answer does not match the task's regex");
}

}  // namespace suffice::gate
