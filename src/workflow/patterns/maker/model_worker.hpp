#pragma once
// A model that answers the questions of steps: the worker, and the frontier for steps whose votes did not converge.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "prompts/prompt.hpp"
#include "providers/model_client.hpp"
#include "workflow/model_port.hpp"
#include "workflow/patterns/maker/worker.hpp"

namespace suffice::workflow::maker {

/// How a step is put to a model. Immutable; shared by runs.
struct ModelQuestion {
  std::shared_ptr<const prompts::Prompt> prompt = nullptr;  ///< null: the question alone is sent
  /// {step}: the instruction; {state}: the state's JSON; {number}: of the step, from 1. Other braces stay.
  std::string text = "Step: {step}\nState: {state}";
  std::optional<double> first_temperature = 0.0;  ///< absent: the model's own
  double later_temperature = 0.8;
  std::int64_t output_tokens_max = 256;
  std::size_t at_once = 8;                      ///< calls side by side
  providers::OutputConstraint constraint = {};  ///< enforced where the client can
  std::optional<std::uint64_t> seed =
      {};  ///< of sampling: each sample of each step has one of its own; absent: none is sent
};

/// The text that is sent for a question.
[[nodiscard]] std::string question_text(const std::string& pattern, const StepQuestion& question);

/// Asks through a port, which knows the budget and is paid. One run's.
class ModelWorker final : public StepWorker {
 public:
  /// `question` outlives it.
  ModelWorker(const ModelQuestion& question, ModelPort port, Deadline deadline)
      : question_(question), port_(port), deadline_(deadline) {}

  /// Errors that end the run: BudgetExhausted, Cancelled, DeadlineExceeded, a model that may not be asked at all, and a prompt that
  /// cannot be made (ContextOverflow, UnsupportedField). Any other failure is one sample's.
  Task<Result<void>> sample(const StepQuestion& question, SampleRange range, std::vector<Result<Sample>>& out) override;

 private:
  [[nodiscard]] Result<std::vector<Message>> messages(const StepQuestion& question) const;
  [[nodiscard]] providers::ModelCall call_of(const std::vector<Message>& messages, const StepQuestion& question,
                                             int number) const;

  const ModelQuestion& question_;
  ModelPort port_;
  Deadline deadline_;
};

}  // namespace suffice::workflow::maker
